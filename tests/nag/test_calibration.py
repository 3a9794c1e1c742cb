"""How far predictions may be trusted: models with known errors."""

from collections.abc import Callable

import numpy as np
import pytest

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag.calibration import Foretold, calibrate, paying_margin

N = 100


def by_row(
    values: FloatArray, costs: FloatArray, deviation: float
) -> Callable[[IntArray, FloatArray], Callable[[IntArray], tuple[FloatArray, FloatArray]]]:
    """A model that learns nothing: row `[i]` has the i-th value and cost."""

    def predict(archs: IntArray) -> tuple[FloatArray, FloatArray]:
        rows = archs[:, 0]
        return np.stack([values[rows], costs[rows]], axis=1), np.full((len(rows), 2), deviation)

    return lambda archs, targets: predict


def targets_of(values: FloatArray, costs: FloatArray) -> FloatArray:
    return np.stack([values, costs], axis=1)


def test_unbiased_predictions_are_trusted_as_they_are_spread() -> None:
    rng = np.random.default_rng(0)
    values, costs = rng.normal(size=N), rng.normal(size=N)
    fit = by_row(values, costs, 0.1)
    targets = targets_of(values, costs) + 0.2 * rng.normal(size=(N, 2))
    found = calibrate(fit, np.arange(N)[:, None], targets, coverage=0.9, caution=0.0, rng=rng)
    assert found.value_scale == pytest.approx(2.0, rel=0.3)  # predicted .1, in truth .2
    assert found.cost_margin == pytest.approx(2.0 * 1.28, rel=0.4)  # a tenth lies above 1.28


def test_promises_that_later_trials_did_not_keep_are_believed_no_more() -> None:
    """Each later trial is foretold to be better by 3 deviations, and is worse."""
    rng = np.random.default_rng(0)
    costs = np.ones(N)
    true = np.where(np.arange(N) < 50, 1.0, 1.5)
    foretold = np.where(np.arange(N) < 50, 1.0, 0.7)
    fit = by_row(foretold, costs, 0.1)
    archs, targets = np.arange(N)[:, None], targets_of(true, costs)
    caution = 0.5
    found = calibrate(fit, archs, targets, coverage=0.9, caution=caution, rng=rng)
    needed = caution * found.value_scale * 0.1
    assert needed >= 0.3 - 1e-9  # what they promised is not enough
    kept = targets_of(foretold, costs)
    found = calibrate(fit, archs, kept, coverage=0.9, caution=caution, rng=rng)
    assert caution * found.value_scale * 0.1 < 0.3  # had they kept it, it would be


def test_costs_of_later_trials_count_too() -> None:
    """Costs are foretold well on the whole, and too low in the end, where the search went."""
    rng = np.random.default_rng(0)
    values, costs = np.ones(N), np.ones(N)
    fit = by_row(values, costs, 0.1)
    true = np.where(np.arange(N) < 95, 1.0, 1.5)
    found = calibrate(
        fit, np.arange(N)[:, None], targets_of(values, true), coverage=0.9, caution=0.5, rng=rng
    )
    assert found.cost_margin == pytest.approx(5.0)


def test_the_margin_that_would_have_paid_most() -> None:
    margins, gains = np.array([3.0, 1.0, 2.0]), np.array([4.0, 1.0, -2.0])
    assert paying_margin(Foretold(margins, gains), at_least=0.5) == 2.0
    assert paying_margin(Foretold(margins, gains), at_least=5.0) == 5.0
    assert paying_margin(Foretold(margins[:0], gains[:0]), at_least=0.5) == 0.5
    # No promise was kept; and nothing was promised, which tells nothing.
    assert paying_margin(Foretold(margins, -np.abs(gains)), at_least=0.5) > 1_000
    assert paying_margin(Foretold(margins, -np.abs(gains)), at_least=3.0) == 3.0
