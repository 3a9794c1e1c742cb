"""The contract of an inner search: rows in, the rows it visited out.

Shapes: `d` variables, `m` objectives, `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray

__all__ = ["Canonical", "Evaluate", "InnerAlgorithm", "Visited"]

Evaluate = Callable[[IntArray], tuple[FloatArray, FloatArray]]
"""From `archs` to predicted losses `float[n, m]` and constraint violations `float[n]`."""

Canonical = Callable[[IntArray], IntArray]
"""From `archs` to canonical rows, equal where the networks are (`SearchSpace.canonical`)."""


@dataclass(frozen=True)
class Visited:
    """What an inner search has seen.

    Attributes:
        archs: Every row it evaluated, in the order of evaluation, `int[k, d]`.
        losses: Their predicted losses, `float[k, m]`.
        violations: Their predicted violations, `float[k]`, 0 where feasible.
        population: Which of them formed the last population, indices `int[p]`.

    Example:
        >>> archs = np.array([[0, 1], [1, 1]])
        >>> losses = np.array([[0.2], [0.1]])
        >>> visited = Visited(archs, losses, np.zeros(2), population=np.array([1]))
        >>> visited.archs[visited.population]
        array([[1, 1]])
    """

    archs: IntArray
    losses: FloatArray
    violations: FloatArray
    population: IntArray


class InnerAlgorithm(Protocol):
    """An evolutionary search on predictions, which cost next to nothing."""

    def __call__(
        self,
        evaluate: Evaluate,
        n_options: IntArray,
        *,
        n_objectives: int,
        n_evaluations: int,
        seeds: IntArray,
        canonical: Canonical,
        rng: np.random.Generator,
    ) -> Visited:
        """Search for `n_evaluations` predictions.

        Args:
            evaluate: The predicted losses and violations of rows.
            n_options: The number of options of each variable, `int[d]`.
            n_objectives: How many losses `evaluate` returns.
            n_evaluations: The budget; the last generation may exceed it by less than itself.
            seeds: Rows that start in the population, `int[s, d]`, possibly none.
            canonical: Tells which rows are the same network.
            rng: The source of all randomness.
        """
        ...
