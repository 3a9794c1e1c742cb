"""How far predictions may be trusted, from measured architectures that a model has not seen.

An upper bound of a cost is a split-conformal one (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman,
"Distribution-Free Predictive Inference for Regression", 2018, section 5.2: residuals over the
predicted deviation), with cross-validation in place of one split. Errors are not the same
everywhere: of the cheapest networks of a space, which few trials have seen, a model may know
nothing. So what is wrong in the neighbourhood of a cost counts there, too (as in Mondrian conformal
prediction: Vovk, Lindsay, Nouretdinov and Gammerman, "Mondrian Confidence Machine", 2003).

Values are trusted as far as promises were kept (see `promises`). Folds drawn at random do not show
all of that. A study does: its later trials were chosen, often for what was expected of them. So a
model of the earlier trials also foretells the later ones, and a prediction must be better than the
best measured one by what would have paid there.

Shapes: `n` measured architectures in the order of their trials, `d` variables. Values and costs are
losses: less is better. A score is a residual over its predicted deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.nag.promises import Promises, kept_share, paying_margin, promises_of

__all__ = ["UNCALIBRATED", "Calibration", "calibrate", "least_deviations"]

_LEAST_DEVIATION = 1e-9
"""Of the range of what is learned, that predicted deviations are at least."""

_N_FOLDS = 8
_FORETOLD_FROM = (0.7, 0.8, 0.9)
"""Shares of the trials whose models foretell the next tenth. In earlier ones improving was easy."""

_LEAST_TRAINING = 8
_WITHIN_ONE_DEVIATION = 0.683
_NEIGHBOURHOOD, _LEAST_NEIGHBOURS = 1 / 6, 20
"""The share of the trials, and how many at least, that tell of errors around a cost."""
_NEARLY_ALL = 0.9
"""Share of the values in a neighbourhood that are not worse foretold than its scale says."""

Fit = Callable[[IntArray, FloatArray], Callable[[IntArray], tuple[FloatArray, FloatArray]]]
"""From rows `int[k, d]` and targets `float[k, 2]` to what predicts means and deviations of rows."""


@dataclass(frozen=True)
class Calibration:
    """What predictions are corrected by, depending on the predicted cost.

    Attributes:
        at: Predicted costs as the model learns them, increasing, `float[c]` with `c` of at least 1.
        value_scales: What the predicted deviations of values are multiplied by there, `float[c]`.
        cost_margins: Predicted deviations of a cost from its expectation to its upper bound,
            `float[c]`.
        kept: The share of a promise that is believed, 0 to 1.
    """

    at: FloatArray
    value_scales: FloatArray
    cost_margins: FloatArray
    kept: float

    def near(self, costs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return value scales and cost margins around predicted costs, `float[k]` each.

        Example:
            >>> one = Calibration(np.array([1.0, 9.0]), np.ones(2), np.array([2.0, 3.0]), kept=1.0)
            >>> one.near(np.array([0.0, 8.0]))[1].tolist()
            [2.0, 3.0]
        """
        middles = (self.at[1:] + self.at[:-1]) / 2
        index = np.searchsorted(middles, costs)
        return self.value_scales[index], self.cost_margins[index]


UNCALIBRATED = Calibration(np.zeros(1), np.ones(1), np.zeros(1), kept=1.0)
"""Predictions as the model makes them."""


def least_deviations(targets: FloatArray) -> FloatArray:
    """Return what predicted deviations are at least, `float[2]`: divided by, they give no infinity.

    It goes with the unit of what is learned: values in millionths are trusted no more for it.

    Args:
        targets: Value and cost as the model learns them, `float[n, 2]`.

    Example:
        >>> least_deviations(np.array([[1.0, 0.0], [3.0, 0.0]]))
        array([2.e-09, 1.e-09])
    """
    spread, size = np.ptp(targets, axis=0), np.abs(targets).max(axis=0)
    unit = np.where(spread > 0, spread, np.where(size > 0, size, 1.0))
    # The smallest floats have no share that is a float.
    least: FloatArray = np.maximum(_LEAST_DEVIATION * unit, np.finfo(float).tiny)
    return least


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
            Promises are not looked at where it is not above 0.
        rng: Decides on the folds.
    """
    n = len(targets)
    scores, costs = np.zeros_like(targets), np.zeros(n)
    at_random, later, later_scores = [], [], []
    for out in _random_folds(n, rng):
        mean, deviation = _predicted(fit, archs, targets, ~out, out)
        scores[out], costs[out] = (targets[out] - mean) / deviation, mean[:, 1]
        at_random.append(promises_of(targets[~out], targets[out], mean[:, 0], deviation[:, 0]))
    for before, out in _later_folds(n):
        mean, deviation = _predicted(fit, archs, targets, before, out)
        later_scores.append((targets[out, 1] - mean[:, 1]) / deviation[:, 1])
        later.append(promises_of(targets[before], targets[out], mean[:, 0], deviation[:, 0]))

    # Two thirds of the values within one deviation; a few outliers do not make all unsure.
    scale = float(np.quantile(np.abs(scores[:, 0]), _WITHIN_ONE_DEVIATION))
    margin = max(0.0, _conformal_quantile(scores[:, 1], coverage))
    if later:
        margin = max(margin, _conformal_quantile(np.concatenate(later_scores), coverage))
    kept = 1.0
    if caution > 0:
        kept = kept_share(Promises.joined([*at_random, *later]))
        if later:
            pays = paying_margin(Promises.joined(later), at_least=caution * scale)
            scale = max(scale, pays / caution)

    order = np.argsort(costs, kind="stable")
    around = _neighbourhoods(n)
    near = scores[order][around]
    return Calibration(
        costs[order],
        np.maximum(scale, np.quantile(np.abs(near[..., 0]), _NEARLY_ALL, axis=1)),
        np.maximum(margin, np.quantile(near[..., 1], coverage, axis=1, method="higher")),
        kept,
    )


def _neighbourhoods(n: int) -> IntArray:
    """Indices of the neighbours in order of each of `n`, itself included, `int[n, k]`."""
    k = min(n, max(_LEAST_NEIGHBOURS, int(n * _NEIGHBOURHOOD)))
    first = np.clip(np.arange(n) - k // 2, 0, n - k)
    index: IntArray = first[:, None] + np.arange(k)
    return index


def _predicted(
    fit: Fit, archs: IntArray, targets: FloatArray, seen: BoolArray, out: BoolArray
) -> tuple[FloatArray, FloatArray]:
    mean, deviation = fit(archs[seen], targets[seen])(archs[out])
    return mean, np.maximum(deviation, least_deviations(targets))


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
