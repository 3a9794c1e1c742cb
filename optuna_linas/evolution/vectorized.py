"""NSGA-II on whole arrays: the search of pymoo's at a small part of its time.

Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 2002.

pymoo handles every individual as an object, and 20,000 predictions take it more than a second;
that decides whether a sampler's overhead can be forgotten. Departures from NSGA-II:

- No architecture (in canonical form) is predicted twice, so a generation may have fewer children.
- A parent mates with a neighbour in the order of one objective: a child of a small and a large
  network is mostly worse than either. (Ishibuchi and Shibata, "An Empirical Study on the Effect of
  Mating Restriction on the Search Ability of EMO Algorithms", EMO 2003.)
- Generations 1, 2, 4, 8 and so on are additive children (see `additive`).

With both it has after 2,500 predictions what it had without them after 5,000.

Shapes: `n` rows, `d` variables, `m` objectives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optuna_linas.arrays import FloatArray, IntArray, row_bytes
from optuna_linas.evolution.additive import additive_children
from optuna_linas.evolution.algorithm import Canonical, Evaluate, Visited
from optuna_linas.evolution.variation import resample
from optuna_linas.ranking import crowding_distance, front_rank

__all__ = ["VectorizedNSGA2"]

_PER_SEED = 50
_SPARE = 1.5
"""Children per place of the next generation: a third of them have been seen before."""
_MAX_BARREN, _LEAST_CHILDREN = 20, 2_000
"""Generations in a row without a new architecture after which a space counts as exhausted, and how
many children these have at least."""


@dataclass(frozen=True)
class VectorizedNSGA2:
    """NSGA-II with uniform crossover and resampling mutation, vectorised over a generation.

    Attributes:
        population_size: Rows per generation.
        crossover: Probability that two parents exchange variables at all.
        mutation: Expected number of variables resampled per child: each is with the probability
            of this over the number of variables.
        neighbours: How far a mate may be in the order of an objective; `None` for any mate.
        additive: Whether some generations are additive children.
        max_evaluations: Where to stop even if more predictions are allowed, `None` for nowhere. A
            search that starts from the measured front gains nothing from more.
        least_evaluations: Where to stop while the front is short: 50 predictions for each of the
            seeds if that is more.

    Example:
        >>> def evaluate(archs):  # predicted losses and violations
        ...     sizes = archs.sum(axis=1)
        ...     return np.stack([sizes, -sizes], axis=1).astype(float), np.zeros(len(archs))
        >>> visited = VectorizedNSGA2()(
        ...     evaluate,
        ...     np.array([3, 3]),
        ...     n_objectives=2,
        ...     n_evaluations=9,
        ...     seeds=np.zeros((0, 2), dtype=np.int64),
        ...     canonical=lambda archs: archs,
        ...     rng=np.random.default_rng(0),
        ... )
        >>> len(np.unique(visited.archs, axis=0)) == len(visited.archs)
        True
    """

    population_size: int = 100
    crossover: float = 0.7
    mutation: float = 0.75
    max_evaluations: int | None = 5_000
    least_evaluations: int = 2_500
    neighbours: int | None = 10
    additive: bool = True

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
        """Search; see `InnerAlgorithm`."""
        if self.max_evaluations is not None:
            enough = max(self.least_evaluations, _PER_SEED * len(seeds))
            n_evaluations = min(n_evaluations, self.max_evaluations, enough)
        size = min(self.population_size, n_evaluations)
        # At most half of the start are seeds: a front of many measurements must not be all of it.
        start = rng.integers(0, n_options, size=(size, len(n_options)))
        start[: min(len(seeds), size // 2)] = seeds[: size // 2]
        archs = np.zeros((n_evaluations, len(n_options)), dtype=np.int64)
        losses = np.zeros((n_evaluations, n_objectives))
        violations = np.zeros(n_evaluations)
        seen: set[bytes] = set()
        small = np.min_scalar_type(n_options.max(initial=1))  # Short keys are quick to hash.
        population = np.zeros(0, dtype=np.int64)
        children, n_done, n_barren, n_generations = start, 0, 0, 0
        while n_done < n_evaluations:
            most = min(size, n_evaluations - n_done)
            children = children[_unseen(canonical(children).astype(small), seen, most)]
            if len(children) == 0:
                n_barren += 1
                if n_barren > max(_MAX_BARREN, _LEAST_CHILDREN // self.population_size):
                    break
                children = self._vary(archs[population], losses[population], n_options, rng)
                continue
            n_barren = 0
            new = slice(n_done, n_done + len(children))
            archs[new] = children
            losses[new], violations[new] = evaluate(children)
            n_done = new.stop
            population = np.concatenate([population, np.arange(new.start, new.stop)])
            rank = front_rank(losses[population], violations[population])
            crowding = crowding_distance(losses[population], rank)
            population = population[np.lexsort((-crowding, rank))[:size]]
            n_generations += 1
            children = archs[:0]
            if self.additive and n_generations.bit_count() == 1:
                children = additive_children(
                    archs[:n_done], losses[:n_done], n_options, size, rng, canonical=canonical
                )
            if len(children) == 0:
                children = self._vary(archs[population], losses[population], n_options, rng)
        return Visited(archs[:n_done], losses[:n_done], violations[:n_done], population)

    def _vary(
        self, parents: IntArray, losses: FloatArray, n_options: IntArray, rng: np.random.Generator
    ) -> IntArray:
        """Children of parents that are sorted from best to worst, by binary tournaments."""
        n, d = int(_SPARE * self.population_size), len(n_options)
        mothers = rng.integers(len(parents), size=(2, n)).min(axis=0)
        if self.neighbours is None:
            fathers = rng.integers(len(parents), size=(2, n)).min(axis=0)
        else:
            order = np.argsort(losses[:, rng.integers(losses.shape[1])], kind="stable")
            place = np.empty_like(order)
            place[order] = np.arange(len(order))
            step = rng.integers(1, self.neighbours + 1, size=n) * (
                1 - 2 * rng.integers(0, 2, size=n)
            )
            fathers = order[np.clip(place[mothers] + step, 0, len(order) - 1)]
        exchanged = (rng.random((n, 1)) < self.crossover) & rng.integers(2, size=(n, d), dtype=bool)
        children: IntArray = np.where(exchanged, parents[fathers], parents[mothers])
        return resample(children, n_options, min(1.0, self.mutation / max(d, 1)), rng)


def _unseen(canonical: NDArray[np.integer], seen: set[bytes], most: int) -> IntArray:
    """Indices of the first rows that are new, which become seen."""
    new: list[int] = []
    for i, key in enumerate(row_bytes(canonical)):
        if len(new) == most:
            break
        if key not in seen:
            seen.add(key)
            new.append(i)
    return np.array(new, dtype=np.int64)
