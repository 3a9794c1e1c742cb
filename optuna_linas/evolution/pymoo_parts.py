"""Parts of the published algorithms where pymoo's own do not work here.

Imported only once a search by pymoo begins, as pymoo takes half a second to import.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.algorithms.moo.moead import ParallelMOEAD, default_decomp
from pymoo.core.population import Population
from pymoo.core.survival import Survival
from pymoo.operators.selection.tournament import TournamentSelection
from scipy.spatial.distance import cdist

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.evolution.geometry import survival_scores

__all__ = ["GeometrySurvival", "NicheTournament", "SynchronousMOEAD"]


class GeometrySurvival(Survival):  # type: ignore[misc]  # pymoo is untyped
    """AGE-MOEA's survival, without numba (see `geometry`)."""

    def __init__(self) -> None:
        super().__init__(filter_infeasible=True)

    def _do(
        self, problem: Any, pop: Population, *args: Any, n_survive: int, **kwargs: Any
    ) -> Population:
        rank, score = survival_scores(pop.get("F"))
        pop.set("rank", rank)
        pop.set("crowding", score)
        return pop[np.lexsort((-score, rank))[:n_survive]]


class NicheTournament(TournamentSelection):  # type: ignore[misc]  # pymoo is untyped
    """U-NSGA-III's tournament, vectorised, and repeatable where rows violate equally.

    There pymoo's own asks the operating system for randomness. Better is: the smaller violation;
    in the same niche the better front, then the smaller distance to its direction; else chance.
    """

    def __init__(self) -> None:
        super().__init__(func_comp=_niche_winners)


def _niche_winners(pop: Population, P: IntArray, *, random_state: Any, **kwargs: Any) -> IntArray:
    first, second = P.T
    order = np.where(random_state.random(len(P)) < 0.5, -1, 1)
    violation = np.maximum(pop.get("CV")[:, 0], 0.0)
    if (violation == 0).any():
        # Only those that survived as feasible have a place among the directions.
        niche, rank, off = (
            np.array([np.nan if ind.get(key) is None else float(ind.get(key)) for ind in pop])
            for key in ("niche", "rank", "dist_to_niche")
        )
        same = (niche[first] == niche[second]) & (violation[first] + violation[second] == 0)
        for key in (off, rank):
            sign = np.sign(np.nan_to_num(key[first] - key[second]))
            order = np.where(same & (sign != 0), sign, order)
    sign = np.sign(violation[first] - violation[second])
    order = np.where(sign != 0, sign, order)
    winners: IntArray = np.where(order < 0, first, second)[:, None].astype(np.int64)
    return winners


class SynchronousMOEAD(ParallelMOEAD):  # type: ignore[misc]  # pymoo is untyped
    """MOEA/D that evaluates a generation at once, and takes constraints.

    Child k belongs to direction k, so that a generation measured elsewhere can be told back. A
    child replaces a neighbour that violates more, or equally and decomposes worse.
    """

    def _setup(self, problem: Any, **kwargs: Any) -> None:
        distance = cdist(self.ref_dirs, self.ref_dirs)
        self.neighbors = np.argsort(distance, axis=1, kind="stable")[:, : self.n_neighbors]
        if self.decomposition is None:
            self.decomposition: Any = default_decomp(problem)

    def _infill(self) -> Population:
        parents = self.selection.do(
            self.problem,
            self.pop,
            len(self.pop),
            2,
            neighbors=self.neighbors,
            random_state=self.random_state,
        )
        # All matings at once; of the two children of each, one at random.
        both = self.mating.do(
            self.problem,
            self.pop,
            2 * len(self.pop),
            parents=parents,
            n_max_iterations=1,
            random_state=self.random_state,
        )
        self.indices = np.arange(len(self.pop))
        which = self.random_state.integers(0, 2, size=len(self.pop))
        return both[self.indices + len(self.pop) * which]

    def _replace(self, k: int, off: Any) -> None:
        near = self.neighbors[k]
        weights = self.ref_dirs[near, :]
        old = self._decomposed(self.pop[near].get("F"), weights)
        new = self._decomposed(off.F[None, :], weights)
        violation, limit = max(float(off.CV[0]), 0.0), np.maximum(self.pop[near].get("CV")[:, 0], 0)
        better = (violation < limit) | ((violation == limit) & (new < old))
        self.pop[near[better]] = off

    def _decomposed(self, losses: FloatArray, weights: FloatArray) -> FloatArray:
        value: FloatArray = self.decomposition.do(losses, weights=weights, ideal_point=self.ideal)
        return value.reshape(-1)
