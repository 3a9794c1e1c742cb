"""NSGA-II (several objectives) and a genetic algorithm (one), by pymoo, over option indices.

References:
    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 2002.
    Blank and Deb, "pymoo: Multi-Objective Optimization in Python", IEEE Access 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.evolution.algorithm import Canonical, Evaluate, Visited

__all__ = ["NSGA2"]


@dataclass(frozen=True)
class NSGA2:
    """NSGA-II with uniform exchange and resampling; a GA where there is one objective.

    Attributes:
        population_size: Rows per generation.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.
    """

    population_size: int = 50
    crossover: float = 0.9
    mutation: float | None = None

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
        """Search; see `InnerAlgorithm`. As in pymoo, only equal rows count as duplicates."""
        from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
        from pymoo.algorithms.soo.nonconvex.ga import GA
        from pymoo.optimize import minimize

        from optuna_linas.evolution.operators import (
            ResampleMutation,
            SeededSampling,
            UniformExchange,
        )
        from optuna_linas.evolution.recording import RecordingProblem

        problem = RecordingProblem(evaluate, n_options, n_objectives)
        settings: dict[str, Any] = {
            "pop_size": self.population_size,
            "sampling": SeededSampling(seeds),
            "crossover": UniformExchange(self.crossover),
            "mutation": ResampleMutation(
                1.0 / max(len(n_options), 1) if self.mutation is None else self.mutation
            ),
        }
        result = minimize(
            problem,
            GA(**settings) if n_objectives == 1 else PymooNSGA2(**settings),
            ("n_eval", n_evaluations),
            seed=int(rng.integers(2**31)),
            # Building a deep copy and an archive of every generation costs more than the search.
            copy_algorithm=False,
            save_history=False,
        )
        return problem.visited(result.pop.get("X").astype(np.int64))
