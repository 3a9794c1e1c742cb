"""How far predictions may be trusted, from measured architectures that a model has not seen.

An upper bound of a cost is a split-conformal one (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman,
"Distribution-Free Predictive Inference for Regression", 2018, section 5.2: residuals over the
predicted deviation), with cross-validation in place of one split.

An answer is not any architecture, it is the one that promises most of all, and promises most where
the model errs (the "winner's curse"). Folds drawn at random do not show that. A study does: its
later trials were chosen, often for what was expected of them. So a model of the earlier trials also
foretells the later ones, and a prediction must be better than the best measured one by what would
have paid there. Where promises were made and none would have paid, no prediction is believed.

Shapes: `n` measured architectures in the order of their trials, `d` variables. Values and costs are
losses: less is better. A score is a residual over its predicted deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["LEAST_DEVIATION", "Calibration", "Foretold", "calibrate", "paying_margin"]

LEAST_DEVIATION = 1e-9
"""Predicted deviations are at least this: what is divided by them stays finite."""

_N_FOLDS = 8
_FORETOLD_FROM = (0.7, 0.8, 0.9)
"""Shares of the trials whose models foretell the next tenth. In earlier ones improving was easy."""

_LEAST_TRAINING = 8
_UNBELIEVABLE = 1e6
"""Deviations by which nothing is better."""

_WITHIN_ONE_DEVIATION = 0.683

Fit = Callable[[IntArray, FloatArray], Callable[[IntArray], tuple[FloatArray, FloatArray]]]
"""From rows `int[k, d]` and targets `float[k, 2]` to what predicts means and deviations of rows."""


@dataclass(frozen=True)
class Calibration:
    """What predictions are corrected by.

    Attributes:
        value_scale: What the predicted deviations of values are multiplied by.
        cost_margin: Predicted deviations of a cost from its expectation to its upper bound.
    """

    value_scale: float
    cost_margin: float


@dataclass(frozen=True)
class Foretold:
    """Later trials as a model of the earlier ones saw them, beside the best of these.

    Attributes:
        margins: Predicted deviations by which each is expected to be better than the best earlier
            one that costs no more, `float[k]`.
        gains: By how much it is better, `float[k]`; negative where it is worse.
    """

    margins: FloatArray
    gains: FloatArray


def calibrate(
    fit: Fit,
    archs: IntArray,
    targets: FloatArray,
    *,
    coverage: float,
    caution: float,
    rng: np.random.Generator,
) -> Calibration:
    """Return how far the predictions of such models may be trusted.

    Args:
        fit: Makes a model.
        archs: In the order in which they were measured, `int[n, d]`.
        targets: Value and cost as the model learns them, `float[n, 2]`.
        coverage: The share of costs that should stay below their bound.
        caution: How many deviations better than a measurement a prediction will have to be.
        rng: Decides on the folds.
    """
    n = len(targets)
    scores = np.zeros_like(targets)
    for out in _random_folds(n, rng):
        mean, deviation = _predicted(fit, archs, targets, ~out, out)
        scores[out] = (targets[out] - mean) / deviation
    # Two thirds of the values within one deviation; a few outliers do not make all unsure.
    scale = float(np.quantile(np.abs(scores[:, 0]), _WITHIN_ONE_DEVIATION))
    margin = _conformal_quantile(scores[:, 1], coverage)
    later, foretold = [], []
    for before, out in _later_folds(n):
        mean, deviation = _predicted(fit, archs, targets, before, out)
        later.append((targets[out, 1] - mean[:, 1]) / deviation[:, 1])
        foretold.append(_foretold(targets[before], targets[out], mean[:, 0], deviation[:, 0]))
    if later:
        margin = max(margin, _conformal_quantile(np.concatenate(later), coverage))
    if foretold and caution > 0:
        joined = Foretold(
            np.concatenate([each.margins for each in foretold]),
            np.concatenate([each.gains for each in foretold]),
        )
        scale = max(scale, paying_margin(joined, at_least=caution * scale) / caution)
    return Calibration(scale, max(0.0, margin))


def paying_margin(foretold: Foretold, *, at_least: float) -> float:
    """Return the margin with the highest total gain of those foretold to be better by more.

    Of several such margins it is the largest. Where promises were made and no margin would have
    paid, nothing is believed, and still bolder promises least of all: a model that is wrong about
    what it praises praises most where it is most wrong.

    Args:
        foretold: Later trials.
        at_least: The lowest margin to be considered.

    Example:
        >>> foretold = Foretold(np.array([0.5, 1.0, 2.0, 3.0]), np.array([-5.0, -1.0, 2.0, -1.0]))
        >>> paying_margin(foretold, at_least=0.2)
        1.0
        >>> paying_margin(Foretold(np.array([0.5, 1.0]), np.array([-1.0, -2.0])), at_least=0.2)
        1000000.0
    """
    candidates = np.unique(np.append(foretold.margins[foretold.margins > at_least], at_least))
    total = [float(foretold.gains[foretold.margins > margin].sum()) for margin in candidates]
    best = len(total) - 1 - int(np.argmax(total[::-1]))
    if len(candidates) > 1 and total[best] <= 0:
        return _UNBELIEVABLE
    return float(candidates[best])


def _foretold(
    before: FloatArray, after: FloatArray, means: FloatArray, deviations: FloatArray
) -> Foretold:
    """Compare later trials with the best earlier one that costs no more."""
    affordable = before[None, :, 1] <= after[:, 1, None]
    best = np.where(affordable, before[None, :, 0], np.inf).min(axis=1)
    known = np.isfinite(best)
    return Foretold((best[known] - means[known]) / deviations[known], best[known] - after[known, 0])


def _predicted(
    fit: Fit, archs: IntArray, targets: FloatArray, seen: BoolArray, out: BoolArray
) -> tuple[FloatArray, FloatArray]:
    mean, deviation = fit(archs[seen], targets[seen])(archs[out])
    return mean, np.maximum(deviation, LEAST_DEVIATION)


def _random_folds(n: int, rng: np.random.Generator) -> Iterator[BoolArray]:
    n_folds = min(_N_FOLDS, n)
    fold = rng.permutation(n) % n_folds
    for k in range(n_folds):
        yield fold == k


def _later_folds(n: int) -> Iterator[tuple[BoolArray, BoolArray]]:
    """What was measured before, and next."""
    at = np.arange(n)
    ends = [round(n * share) for share in (*_FORETOLD_FROM, 1.0)]
    for start, end in pairwise(ends):
        if start >= _LEAST_TRAINING and end > start:
            yield at < start, (at >= start) & (at < end)


def _conformal_quantile(scores: FloatArray, coverage: float) -> float:
    """The score that a new one stays below with probability `coverage`."""
    n = len(scores)
    rank = min(int(np.ceil((n + 1) * coverage)), n)
    return float(np.sort(scores)[rank - 1])
