"""How far predictions may be trusted: models with known errors."""

from collections.abc import Callable

import numpy as np
import pytest

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag.calibration import UNCALIBRATED, calibrate

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
    # Predicted .1, in truth .2: two thirds are within 1, nine tenths within 1.64 of that, and a
    # tenth lies above 1.28.
    assert 2.0 * 0.7 < found.value_scales.min() < found.value_scales.max() < 2.0 * 1.64 * 1.4
    assert np.median(found.cost_margins) == pytest.approx(2.0 * 1.28, rel=0.4)
    assert found.kept == 1.0  # nobody asked what promises are worth


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
    needed = caution * found.value_scales * 0.1
    assert (needed >= 0.3 - 1e-9).all()  # what they promised is not enough
    assert found.kept == 0.0
    kept = targets_of(foretold, costs)
    found = calibrate(fit, archs, kept, coverage=0.9, caution=caution, rng=rng)
    assert (caution * found.value_scales * 0.1 < 0.3).all()  # had they kept it, it would be
    assert found.kept == 1.0


def test_costs_of_later_trials_count_too() -> None:
    """Costs are foretold well on the whole, and too low in the end, where the search went."""
    rng = np.random.default_rng(0)
    values, costs = np.ones(N), np.ones(N)
    fit = by_row(values, costs, 0.1)
    true = np.where(np.arange(N) < 95, 1.0, 1.5)
    found = calibrate(
        fit, np.arange(N)[:, None], targets_of(values, true), coverage=0.9, caution=0.5, rng=rng
    )
    assert found.cost_margins == pytest.approx(5.0)


def test_errors_count_where_they_were_made() -> None:
    """Of the cheapest tenth nothing is known; elsewhere predictions are right."""
    rng = np.random.default_rng(0)
    costs = rng.permutation(N) / N
    cheap = costs < 0.1
    true = targets_of(np.where(cheap, 9.0, 1.0), np.where(cheap, costs + 0.5, costs))
    fit = by_row(np.ones(N), costs, 0.1)
    found = calibrate(fit, np.arange(N)[:, None], true, coverage=0.8, caution=0.5, rng=rng)
    scales, margins = found.near(np.array([-1.0, 0.05, 0.5, 2.0]))
    assert scales[:2] == pytest.approx(80.0)
    assert (scales[2:] < 1e-6).all()
    assert margins[:2] == pytest.approx(5.0)
    assert margins[2:] == pytest.approx(0.0)


def test_costs_that_are_foretold_too_high_have_no_bound_below_what_is_foretold() -> None:
    rng = np.random.default_rng(0)
    values, costs = np.ones(N), np.ones(N)
    true = targets_of(values, costs - 0.5)
    fit, archs = by_row(values, costs, 0.1), np.arange(N)[:, None]
    found = calibrate(fit, archs, true, coverage=0.9, caution=0.5, rng=rng)
    assert (found.cost_margins == 0.0).all()


def test_nothing_is_corrected_without_calibration() -> None:
    scales, margins = UNCALIBRATED.near(np.array([-5.0, 0.0, 5.0]))
    assert scales.tolist() == [1.0] * 3
    assert margins.tolist() == [0.0] * 3
