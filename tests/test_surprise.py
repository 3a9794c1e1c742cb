"""How far a model's errors are from what it expects."""

from __future__ import annotations

import numpy as np
import pytest

from optuna_linas import SearchSpace
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.linas.surprise import surprise

SPACE = SearchSpace.from_choices({f"width_{i}": [1, 2, 4] for i in range(8)})


def archs(n: int) -> IntArray:
    return SPACE.sample(n, np.random.default_rng(0))


def losses_of(rows: IntArray) -> FloatArray:
    """The first is a sum, which the model's kernel fits; the second one is a product."""
    return np.column_stack([rows.sum(axis=1), np.prod(rows + 0.1, axis=1)]).astype(float)


def test_nothing_is_known_of_a_start() -> None:
    rows = archs(15)
    assert surprise(SPACE, rows, losses_of(rows)).tolist() == [1.0, 1.0]


def test_what_the_kernel_does_not_fit_surprises_more() -> None:
    rows = archs(60)
    known, unknown = surprise(SPACE, rows, losses_of(rows))
    assert known < 0.5 < 1.0 < unknown


def test_a_change_surprises_and_is_forgotten() -> None:
    rows = archs(120)
    losses = losses_of(rows)[:, :1]
    changed = losses + 5.0 * (np.arange(120) >= 24)[:, None]
    assert (
        surprise(SPACE, rows[:30], losses[:30])[0]
        < 1.0
        < surprise(SPACE, rows[:30], changed[:30])[0]
    )
    assert surprise(SPACE, rows, changed)[0] < 1.0


@pytest.mark.parametrize("penalty", [1e3, 1e9, 1e100])
def test_a_penalty_counts_no_more_than_any_large_error(penalty: float) -> None:
    rows = archs(30)
    losses = losses_of(rows)[:, :1]
    losses[20] = penalty
    # 15 scores, five of them imagined: at most 5 of the one that failed.
    assert surprise(SPACE, rows, losses)[0] < 2.0


def test_the_measurements_before_decide_whatever_was_asked_before() -> None:
    rows = archs(50)
    losses = losses_of(rows)
    at_once = surprise(SPACE, rows, losses)
    for n in (20, 31, 44):
        surprise(SPACE, rows[:n], losses[:n])
    assert surprise(SPACE, rows, losses).tolist() == at_once.tolist()


def test_a_constant_loss_surprises_nobody() -> None:
    rows = archs(40)
    assert surprise(SPACE, rows, np.full((40, 1), 3.0))[0] < 1.0
