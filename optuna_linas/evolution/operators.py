"""Variation for rows of option indices, as pymoo operators (see `variation`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.crossover import Crossover
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

from optuna_linas.arrays import IntArray
from optuna_linas.evolution.variation import resample

__all__ = ["ResampleMutation", "SeededSampling", "UniformExchange"]


class SeededSampling(Sampling):  # type: ignore[misc]  # pymoo is untyped
    """Uniform rows, the first ones replaced by given seeds."""

    def __init__(self, seeds: IntArray) -> None:
        super().__init__()
        self.seeds = seeds

    def _do(
        self, problem: Problem, n_samples: int, *args: Any, random_state: Any = None, **kwargs: Any
    ) -> IntArray:
        rows: IntArray = random_state.integers(
            0, problem.xu.astype(int) + 1, size=(n_samples, problem.n_var)
        )
        seeds = self.seeds[:n_samples]
        rows[: len(seeds)] = seeds
        return rows


class UniformExchange(Crossover):  # type: ignore[misc]  # pymoo is untyped
    """Each variable is exchanged between the two parents with probability 1/2."""

    def __init__(self, prob: float) -> None:
        super().__init__(2, 2, prob=prob)

    def _do(
        self, problem: Problem, X: IntArray, *args: Any, random_state: Any = None, **kwargs: Any
    ) -> IntArray:
        swap = random_state.random(X.shape[1:]) < 0.5
        return np.stack([np.where(swap, X[1], X[0]), np.where(swap, X[0], X[1])])


class ResampleMutation(Mutation):  # type: ignore[misc]  # pymoo is untyped
    """Each variable takes another option with a fixed probability."""

    def __init__(self, probability: float) -> None:
        super().__init__(prob=1.0)
        self.probability = probability

    def _do(
        self, problem: Problem, X: IntArray, *args: Any, random_state: Any = None, **kwargs: Any
    ) -> IntArray:
        n_options = problem.xu.astype(np.int64) + 1
        return resample(X.astype(np.int64), n_options, self.probability, random_state)
