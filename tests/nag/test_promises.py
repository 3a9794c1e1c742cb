"""What predictions have promised and what came of it, on literal numbers."""

import numpy as np
import pytest

from optuna_linas.arrays import FloatArray
from optuna_linas.nag.promises import Promises, kept_share, paying_margin, promises_of


def of(promised: list[float], gains: list[float]) -> Promises:
    return Promises(np.array(promised), np.ones(len(promised)), np.array(gains))


def test_a_promise_is_made_to_the_best_known_that_costs_no_more() -> None:
    known = np.array([[3.0, 10.0], [5.0, 20.0], [1.0, 30.0]])
    measured = np.array([[2.5, 25.0], [0.5, 30.0], [0.0, 5.0]])
    means, deviations = np.array([2.0, 2.0, 0.0]), np.array([0.5, 0.1, 1.0])
    found = promises_of(known, measured, means, deviations)
    assert found.promised.tolist() == [1.0, -1.0]  # nothing known is as cheap as the third
    assert found.gains.tolist() == [0.5, 0.5]
    assert found.deviations.tolist() == [0.5, 0.1]


@pytest.mark.parametrize(
    ("promised", "gains", "share"),
    [
        ([1.0, 2.0], [1.0, 2.0], 1.0),
        ([1.0, 2.0], [2.0, 4.0], 1.0),  # more than promised is not promised next time
        ([1.0, 2.0], [-1.0, -2.0], 0.0),
        ([1.0, 3.0], [1.0, 0.0], 0.1),  # the bold one counts nine times
        ([-1.0, -2.0], [5.0, 5.0], 1.0),  # nothing was promised
        ([1e300, 1.0], [5e299, 1.0], 0.5),
    ],
)
def test_the_share_that_was_kept(promised: list[float], gains: list[float], share: float) -> None:
    assert kept_share(of(promised, gains)) == pytest.approx(share)


def test_the_margin_that_would_have_paid_most() -> None:
    promised, gains = [3.0, 1.0, 2.0], [4.0, 1.0, -2.0]
    assert paying_margin(of(promised, gains), at_least=0.5) == 2.0
    assert paying_margin(of(promised, gains), at_least=5.0) == 5.0
    assert paying_margin(of([], []), at_least=0.5) == 0.5
    # No promise was kept; and nothing was promised, which tells nothing.
    broken: FloatArray = -np.abs(gains)
    assert paying_margin(of(promised, broken.tolist()), at_least=0.5) > 1_000
    assert paying_margin(of(promised, broken.tolist()), at_least=3.0) == 3.0


def test_promises_of_several_models_count_together() -> None:
    joined = Promises.joined([of([1.0], [1.0]), of([1.0], [0.0])])
    assert kept_share(joined) == pytest.approx(0.5)
