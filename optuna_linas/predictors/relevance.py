"""How much each variable matters: automatic relevance determination for groups of columns.

A Bayesian linear model `y = X b + noise` in which the weights of one group (the columns of one
variable) share a prior variance. The variances maximise the evidence by EM (MacKay 1992; Tipping
2001), shared by all targets: a variable that makes a network slow usually also makes it accurate.
With fewer examples than weights this tells the few variables that decide from the many that do not.

Shapes: `n` examples, `p` columns, `g` groups, `m` targets.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.predictors.definite import inverted

__all__ = ["relevance"]

_N_ITERATIONS = 12
_PRIOR_COUNT = 2.0
"""Weights' worth of belief that a group is like the average one."""
_MIN_NOISE = 1e-4


def relevance(X: FloatArray, Y: FloatArray, group: IntArray) -> FloatArray:
    """Return the prior variance of each group's weights, `float[g]`.

    Args:
        X: Centred features, `float[n, p]`.
        Y: Standardised targets, `float[n, m]`.
        group: The group of each column, `int[p]`, numbered from 0 without gaps.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(30, 3))
        >>> found = relevance(X, X[:, :1] * 2.0, np.array([0, 1, 2]))
        >>> bool(found[0] > found[1:].max())
        True
    """
    n, m = Y.shape
    size = np.bincount(group).astype(float) * m
    power = max(float((X**2).mean(axis=0).sum()), 1e-9)
    variance = np.full(len(size), 1.0 / power)
    noise, identity = np.full(m, 0.05), np.eye(n)
    for _ in range(_N_ITERATIONS):
        prior = variance[group]
        scaled = X * prior
        gram = scaled @ X.T
        energy = np.zeros(len(size))
        for k in range(m):
            inverse, _ = inverted(gram + noise[k] * identity)
            dual = inverse @ Y[:, k]
            weights = scaled.T @ dual
            posterior = prior - prior**2 * ((inverse @ X) * X).sum(axis=0)
            energy += np.bincount(group, weights**2 + np.maximum(posterior, 0.0))
            residual = noise[k] * dual
            unexplained = noise[k] * (n - noise[k] * np.trace(inverse))
            noise[k] = max(_MIN_NOISE, float(residual @ residual + unexplained) / n)
        average = energy.sum() / size.sum()
        variance = (energy + _PRIOR_COUNT * average) / (size + _PRIOR_COUNT)
    return variance
