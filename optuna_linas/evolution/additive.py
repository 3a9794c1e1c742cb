"""Children that would be best if every option were worth the same everywhere.

What an architecture is predicted to cost is nearly a sum over its options. A linear model of what a
search has seen so far therefore leads at once to where a genetic algorithm arrives after many
generations; where the sum is wrong, its generations correct it.

Shapes: `n` rows, `d` variables, `m` objectives, `f` options of all variables together.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from optuna_linas.arrays import FloatArray, IntArray, cut_off
from optuna_linas.evolution.algorithm import Canonical

__all__ = ["additive_children"]

_MAX_ROWS = 300
"""Rows that the worth of options is learned from, the latest: what it costs is cubic."""
_MAX_OPTIONS = 4_096
"""Options beyond which nothing is learned: so few rows have seen most of them never."""
_RIDGE = 0.1
_FAR = 4.0
"""Times the distance of the best from the median: what is further on the bad side is cut off."""


def additive_children(
    archs: IntArray,
    losses: FloatArray,
    n_options: IntArray,
    n: int,
    rng: np.random.Generator,
    *,
    canonical: Canonical = np.asarray,
) -> IntArray:
    """Return rows of the options that are worth most, each row for another trade-off, `int[n, d]`.

    Ridge regression on the one-hot rows tells what each option is worth to each objective, in units
    of its deviation; a row is best for weights of the objectives that are drawn uniformly, whatever
    it violates. None where nothing can be learned: fewer than two rows, or more than 4,096 options.

    Args:
        archs: Rows, the latest last, `int[k, d]`.
        losses: Theirs, `float[k, m]`.
        n_options: Options per variable, `int[d]`.
        n: How many rows to return; some may be equal.
        rng: The source of randomness.
        canonical: Brings rows into canonical form, in which they are described.

    Example:
        >>> archs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> losses = archs @ np.array([[1.0], [-1.0]])
        >>> additive_children(archs, losses, np.array([2, 2]), 1, np.random.default_rng(0))
        array([[0, 1]])
    """
    ends = np.cumsum(n_options)
    if len(archs) < 2 or not 0 < n_options.sum() <= _MAX_OPTIONS:
        return archs[:0]
    archs, losses = canonical(archs[-_MAX_ROWS:]), losses[-_MAX_ROWS:]
    one_hot = np.zeros((len(archs), ends[-1]))
    np.put_along_axis(one_hot, archs + (ends - n_options), 1.0, axis=1)
    one_hot -= one_hot.mean(axis=0)
    targets = _without_penalties(losses)
    targets -= targets.mean(axis=0)
    targets /= np.maximum(targets.std(axis=0), 1e-300)
    weights = rng.dirichlet(np.ones(losses.shape[1]), size=n)
    worth = np.split(weights @ _ridge(one_hot, targets).T, ends[:-1], axis=1)
    return np.stack([option.argmin(axis=1) for option in worth], axis=1)


def _ridge(X: FloatArray, Y: FloatArray) -> FloatArray:
    """Coefficients `float[f, m]`, by the smaller of the two systems that say the same."""
    if X.shape[1] <= X.shape[0]:
        return _solved(X.T @ X, X.T @ Y)
    return np.asarray(X.T @ _solved(X @ X.T, Y))


def _solved(gram: FloatArray, right: FloatArray) -> FloatArray:
    factor = cho_factor(gram + _RIDGE * np.eye(len(gram)), check_finite=False)
    return np.asarray(cho_solve(factor, right, check_finite=False))


def _without_penalties(losses: FloatArray) -> FloatArray:
    """Losses in units of their range, cut off far beyond the median: penalties must not rule."""
    losses = cut_off(losses)
    best, median = losses.min(axis=0), np.median(losses, axis=0)
    # Half of all may share the best value: then there is nothing to measure the others by.
    most = np.where(median > best, (1 + _FAR) * (median - best), np.inf)
    above = np.minimum(losses - best, most)
    scaled: FloatArray = above / np.maximum(above.max(axis=0), 1e-300)
    return scaled
