"""Variation of rows of option indices.

Options have no distance in general, so nothing here adds or averages indices: crossover exchanges
them and mutation draws another one.

Departure from the authors' package: its polynomial mutation with `prob=0.02` and rounding changes
0.01 % of children under today's pymoo, where `prob` is per individual; the paper's 0.02 is used
here as what it says, the probability that a variable is resampled.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import IntArray

__all__ = ["resample"]

_LONGEST_LIST = 32
_SHORT_STEP = 0.05


def resample(
    archs: IntArray, n_options: IntArray, probability: float, rng: np.random.Generator
) -> IntArray:
    """Return copies in which each variable takes a *different* option with `probability`.

    Args:
        archs: Rows, `int[n, d]`.
        n_options: Options per variable, `int[d]`; a variable with one option never changes. More
            than 32 are taken for the grid of a number, on which half of the changes are short.
        probability: Per variable and row, in [0, 1].
        rng: The source of randomness.
    """
    change = rng.random(archs.shape) < probability
    at = np.nonzero(change)  # few of them
    # A step of 1..k-1 around the circle of options reaches every other one equally often.
    step = rng.integers(1, np.maximum(n_options, 2)[at[1]])
    mutated = archs.copy()
    mutated[at] = (archs[at] + step) % n_options[at[1]]
    is_grid = n_options > _LONGEST_LIST
    if is_grid.any():
        # So many options are the grid of a number: half of the time, a short step along it.
        size = np.ceil(np.abs(rng.normal(size=archs.shape)) * n_options * _SHORT_STEP)
        sign = np.where(rng.random(archs.shape) < 0.5, -1, 1)
        near = np.clip(archs + sign * size.astype(np.int64), 0, n_options - 1)
        near = np.where(near == archs, archs - sign, near)  # reflected at the ends
        short = change & is_grid & (rng.random(archs.shape) < 0.5)
        mutated = np.where(short, near, mutated)
    return mutated
