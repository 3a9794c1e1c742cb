"""How far the Gaussian process is from the truth, in units of what it expects to be.

A kernel that does not fit, or a search that picks what promises most, makes errors larger than the
posterior says; where the kernel fits well they are smaller. Deviations are multiplied by what the
later measurements showed of models of the earlier ones, the simplest recalibration there is
(Kuleshov, Fenner and Ermon, "Accurate Uncertainties for Deep Learning Using Calibrated Regression",
2018, fit a curve; batches of five are too few for one).

Shapes: `n` measured architectures in the order of their trials, `m` objectives, `d` variables.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.predictors import StructuredGP
from optuna_linas.predictors.blocks import Advice
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

__all__ = ["surprise"]

_FIRST = 15
_GROWTH = 2**0.5
_N_STRETCHES = 3
_PRIOR_WEIGHT = 5
_LEAST_DEVIATION = 1e-12
_MOST_SURPRISED = 5.0
"""Errors count up to here: the penalty of one failed network must not decide."""

_MEAN_OF_ABSOLUTE_NORMAL = (2 / np.pi) ** 0.5


def surprise(
    space: SearchSpace, archs: IntArray, losses: FloatArray, advice: Advice | None = None
) -> FloatArray:
    """Return what predicted deviations of each objective are to be multiplied by, `float[m]`.

    Models of the first 15, 21, 30, 42, ... measurements predict those up to the next such number;
    what counts is the mean absolute error, in deviations, over the last three stretches, beside
    five imagined measurements that were as sure as predicted. 1 with up to 15 measurements.

    Args:
        space: The search space.
        archs: In the order of their measurement, `int[n, d]`.
        losses: `float[n, m]`.
        advice: Further features for the Gaussian process, if there are any.

    Example:
        >>> space = SearchSpace.from_choices({f"width_{i}": [1, 2, 4] for i in range(4)})
        >>> archs = space.sample(30, np.random.default_rng(0))
        >>> losses = archs.sum(axis=1, keepdims=True).astype(float)
        >>> bool(surprise(space, archs, losses)[0] < 1.0)  # it predicts a sum very well
        True
        >>> surprise(space, archs[:10], losses[:10])
        array([1.])
    """
    n, m = losses.shape
    starts = [_FIRST]
    while starts[-1] * _GROWTH < n:
        starts.append(int(starts[-1] * _GROWTH))
    scores = [np.full((_PRIOR_WEIGHT, m), _MEAN_OF_ABSOLUTE_NORMAL)]
    for start, end in [*pairwise([*starts, n])][-_N_STRETCHES:]:
        if start < end:
            model = _fitted(space.variables, start, *_bytes(archs[:start], losses[:start]), advice)
            mean, deviation = model.predict_with_deviation(archs[start:end])
            least = _LEAST_DEVIATION * (1 + np.abs(mean))
            expected = np.maximum(np.hypot(deviation, model.unexplained), least)
            scores.append(np.minimum(np.abs(losses[start:end] - mean) / expected, _MOST_SURPRISED))
    scale: FloatArray = np.concatenate(scores).mean(axis=0) / _MEAN_OF_ABSOLUTE_NORMAL
    return scale


def _bytes(archs: IntArray, losses: FloatArray) -> tuple[bytes, bytes]:
    codes = np.ascontiguousarray(archs, dtype=np.int64)
    return codes.tobytes(), np.ascontiguousarray(losses, dtype=np.float64).tobytes()


@lru_cache(maxsize=16)
def _fitted(
    variables: tuple[Variable, ...], n: int, codes: bytes, values: bytes, advice: Advice | None
) -> StructuredGP:
    """The model of the rows in `codes` and `values`; remembered, as many batches ask for it."""
    space = SearchSpace(variables)
    archs = np.frombuffer(codes, dtype=np.int64).reshape(n, -1)
    return StructuredGP(space, advice).fit(archs, np.frombuffer(values).reshape(n, -1))
