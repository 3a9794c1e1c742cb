from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optuna_linas.space import SearchSpace
from optuna_linas.supernets import Cosine, ProgressiveShrinking, Sandwich, Uniform

SPACE = SearchSpace.from_choices(
    {
        "depth_0": [1, 2, 3],
        "width_0": [4, 8],
        "kernel_0": [3, 5, 7],
        "expand_0": [1, 2, 4],
        "resolution": [8, 16],
    },
    conditions={"expand_0": {"depth_0": [2, 3]}},
)
STAGES = (("kernel",), ("depth",), ("expand", "width"))


def test_uniform_draws_every_option_alike() -> None:
    rows = np.array(Uniform(n=3000).archs(SPACE, 0.0, np.random.default_rng(0)))
    for j, n in enumerate(SPACE.n_options):
        assert np.abs(np.bincount(rows[:, j]) / 3000 - 1 / n).max() < 0.05
    assert not Uniform().distill


def test_shrinking_trains_the_largest_alone_at_first() -> None:
    plan = ProgressiveShrinking(STAGES, warm_up=0.25)
    rows = plan.archs(SPACE, 0.2, np.random.default_rng(0))
    assert [row.tolist() for row in rows] == [[2, 1, 2, 2, 1]]


@pytest.mark.parametrize(
    ("done", "lowest"),
    [
        (0.25, [2, 1, 1, 2, 1]),
        (0.49, [2, 1, 0, 2, 1]),
        (0.50, [1, 1, 0, 2, 1]),
        (0.74, [0, 1, 0, 2, 1]),
        # Variables that no stage names come last, with the widths.
        (0.75, [0, 0, 0, 1, 0]),
        (0.99, [0, 0, 0, 0, 0]),
    ],
)
def test_shrinking_frees_kernels_then_depths_then_widths(done: float, lowest: list[int]) -> None:
    plan = ProgressiveShrinking(STAGES, warm_up=0.25, n_random=500)
    assert plan.smallest_allowed(SPACE, done).tolist() == lowest
    rows = np.array(plan.archs(SPACE, done, np.random.default_rng(0)))
    assert rows[0].tolist() == [2, 1, 2, 2, 1]
    assert rows.min(axis=0).tolist() == lowest
    assert rows[1:].max(axis=0).tolist() == (SPACE.n_options - 1).tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(n=0), "n counts architectures"),
        (lambda: Sandwich(n_random=-1), "n_random must be 0 or more"),
        (lambda: ProgressiveShrinking(stages=()), "stages is empty"),
        (lambda: ProgressiveShrinking(warm_up=1.0), "warm_up is a share"),
        (lambda: ProgressiveShrinking(n_random=0), "n_random must be 1 or more"),
        (lambda: Cosine(warm_up=-0.1), "warm_up is a share"),
        (lambda: Cosine(final=2.0), "final is a share"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_schedule_ends_where_it_is_told() -> None:
    schedule = Cosine(warm_up=0.5, final=0.1)
    assert schedule(0.25) == pytest.approx(0.5)
    assert schedule(1.0) == pytest.approx(0.1)
    assert Cosine()(0.0) == 1.0
