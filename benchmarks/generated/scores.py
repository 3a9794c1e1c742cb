"""Scales shared by the generated problems."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace

__all__ = ["percent", "standardised"]

Score = Callable[[IntArray], FloatArray]
"""From rows `int[n, d]` to scores `float[n]`."""

_N_SAMPLES = 4_096


def standardised(score: Score, space: SearchSpace, rng: np.random.Generator) -> Score:
    """Return the score shifted and scaled to mean 0 and deviation 1 over random networks."""
    sample = score(space.canonical(space.sample(_N_SAMPLES, rng)))
    mean, deviation = float(sample.mean()), float(sample.std())

    def scaled(archs: IntArray) -> FloatArray:
        return (score(archs) - mean) / deviation

    return scaled


def percent(score: Score, space: SearchSpace, rng: np.random.Generator) -> Score:
    """Return an accuracy between 60 % and 95 % that rises with the score, ever more slowly."""
    scaled = standardised(score, space, rng)

    def accuracy(archs: IntArray) -> FloatArray:
        return 60 + 35 / (1 + np.exp(-0.7 * scaled(archs)))

    return accuracy
