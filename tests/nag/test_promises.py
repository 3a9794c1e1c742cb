"""What predictions have promised and what came of it, on literal numbers."""

import numpy as np
import pytest

from optuna_linas.arrays import FloatArray
from optuna_linas.nag.promises import Promises, kept_share, paying_margin, promises_of


def of(promised: list[float], gains: list[float]) -> Promises:
    """Of models that are sure of what they say."""
    return Promises(np.array(promised), np.full(len(promised), 1e-6), np.array(gains))


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
        ([1.0, 1.0], [1.0, -1e10], 0.0),  # a penalty tells no more than that it was broken
        ([1.0, 1.0, 1.0], [1.0, 1.0, -1e10], 1 / 3),
    ],
)
def test_the_share_that_was_kept(promised: list[float], gains: list[float], share: float) -> None:
    assert kept_share(of(promised, gains)) == pytest.approx(share)


def test_what_is_smaller_than_errors_are_tells_little() -> None:
    promised, gains = np.array([0.03, -1.0]), np.array([0.0, 0.0])
    assert kept_share(Promises(promised, np.full(2, 0.05), gains)) > 0.8
    assert kept_share(Promises(promised, np.full(2, 0.001), gains)) < 0.01


@pytest.mark.parametrize("promised", [1e-170, 5e-324])
@pytest.mark.parametrize("gain", [0.0, -1e10, 1e10, 1e-170])
def test_the_smallest_promises_tell_nothing(promised: float, gain: float) -> None:
    """As of one more share of a deviation, which would be no float."""
    one = np.ones(1)
    assert kept_share(Promises(promised * one, one, gain * one)) == 1.0


@pytest.mark.parametrize("unit", [1e-320, 1e-170, 1e-9, 1e290])
def test_the_share_that_was_kept_does_not_depend_on_the_unit(unit: float) -> None:
    shares = [
        kept_share(
            Promises(
                np.array([1.0, 3.0]) * each, np.full(2, 0.5) * each, np.array([1.0, 0.0]) * each
            )
        )
        for each in (1.0, unit)
    ]
    assert shares[0] == pytest.approx(shares[1], rel=1e-3)
    assert 0.1 < shares[0] < 0.2


def test_the_margin_that_would_have_paid_most() -> None:
    gains = [4.0, 1.0, -2.0]
    promised = [3e-6, 1e-6, 2e-6]  # deviations of 1e-6
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
