"""Every architecture of a small space, instead of a search for the good ones.

Shapes: `n` rows, `d` variables, `m` objectives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.enumeration import all_rows
from optuna_linas.evolution.algorithm import Canonical, Evaluate, InnerAlgorithm, Visited
from optuna_linas.evolution.vectorized import VectorizedNSGA2
from optuna_linas.ranking import front_rank

__all__ = ["Exhaustive"]


@dataclass(frozen=True)
class Exhaustive:
    """Predicts every row where there are not more than may be predicted, and else searches.

    Attributes:
        max_rows: The largest space that is enumerated.
        otherwise: What searches a larger one.

    Example:
        >>> def evaluate(archs):  # predicted losses and violations
        ...     sizes = archs.sum(axis=1)
        ...     return np.stack([sizes, -sizes], axis=1).astype(float), np.zeros(len(archs))
        >>> visited = Exhaustive()(
        ...     evaluate,
        ...     np.array([3, 3]),
        ...     n_objectives=2,
        ...     n_evaluations=9,
        ...     seeds=np.zeros((0, 2), dtype=np.int64),
        ...     canonical=lambda archs: archs,
        ...     rng=np.random.default_rng(0),
        ... )
        >>> len(visited.archs), len(visited.population)
        (9, 9)
    """

    max_rows: int = 8_000
    otherwise: InnerAlgorithm = field(default_factory=VectorizedNSGA2)

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
        """Enumerate or search; see `InnerAlgorithm`."""
        if math.prod(n_options.tolist()) > min(n_evaluations, self.max_rows):
            return self.otherwise(
                evaluate,
                n_options,
                n_objectives=n_objectives,
                n_evaluations=n_evaluations,
                seeds=seeds,
                canonical=canonical,
                rng=rng,
            )
        archs = np.unique(canonical(all_rows(n_options)), axis=0)
        losses, violations = evaluate(archs)
        best = np.flatnonzero(front_rank(losses, violations) == 0)
        return Visited(archs, losses, violations, best)
