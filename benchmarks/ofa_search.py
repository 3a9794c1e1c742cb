"""Once-for-all's own search: a genetic algorithm on predicted accuracy under one latency limit.

Cai, Gan, Wang, Zhang and Han, "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020: an accuracy predictor of three layers of 400 units, a latency table, and an
evolutionary search with a population of 100, 500 iterations, the best quarter as parents, half of
the children by mutation (each variable redrawn with probability 0.1), half by uniform crossover.

Departures: the authors' code draws a network again until it keeps the limit, for ever; here a row
is drawn a bounded number of times, and one that still exceeds the limit ranks behind all that keep
it, the more the further it is off. The predictor learns from as few networks as it is given.

Shapes: `n` networks, `d` variables, `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.predictors.scaling import Predictor, Scaled
from optuna_linas.space import SearchSpace

__all__ = ["GeneticSearch", "accuracy_predictor"]

Score = Callable[[IntArray], FloatArray]
"""From rows `int[n, d]` to figures `float[n]`."""


def accuracy_predictor(rng: np.random.Generator, n_units: int = 400) -> Predictor:
    """Return the unfitted network that predicts accuracy from one-hot features."""
    from sklearn.neural_network import MLPRegressor

    seed = int(rng.integers(2**31))
    # A tenth of the examples says when to stop: 1,000 are soon learned by heart.
    network = MLPRegressor(
        hidden_layer_sizes=(n_units,) * 3,
        early_stopping=True,
        n_iter_no_change=20,
        max_iter=500,
        random_state=seed,
    )
    return Scaled(network)


@dataclass(frozen=True)
class GeneticSearch:
    """The search under one limit.

    Attributes:
        population_size: Children per iteration.
        n_iterations: Iterations.
        parent_share: The best that are parents of the next iteration, and stay.
        mutation_share: Children by mutation; the others are crossed.
        mutation: Probability that a variable of a mutated child is redrawn.
        n_tries: How often a row that exceeds the limit is drawn again.
    """

    population_size: int = 100
    n_iterations: int = 500
    parent_share: float = 0.25
    mutation_share: float = 0.5
    mutation: float = 0.1
    n_tries: int = 20

    def __call__(
        self,
        space: SearchSpace,
        accuracy: Score,
        latency: Score,
        limit: float,
        rng: np.random.Generator,
    ) -> IntArray:
        """Return the row `int[d]` of the highest predicted accuracy found within the limit."""
        n_parents = round(self.parent_share * self.population_size)
        n_mutated = round(self.mutation_share * self.population_size)

        def within(draw: Callable[[int], IntArray], n: int) -> IntArray:
            rows = draw(n)
            for _ in range(self.n_tries):
                above = np.flatnonzero(latency(rows) > limit)
                if not len(above):
                    break
                rows[above] = draw(len(above))
            return rows

        def best_first(rows: IntArray) -> IntArray:
            excess = np.maximum(latency(rows) - limit, 0)
            return rows[np.lexsort([-accuracy(rows), excess])]

        population = best_first(within(partial(_random, space, rng), self.population_size))
        for _ in range(self.n_iterations):
            parents = population[:n_parents]
            mutate = partial(_mutated, space, rng, parents, self.mutation)
            cross = partial(_crossed, space, rng, parents)
            mutated = within(mutate, n_mutated)
            crossed = within(cross, self.population_size - n_mutated)
            population = best_first(np.concatenate([parents, mutated, crossed]))
        best: IntArray = population[0]
        return best


def _random(space: SearchSpace, rng: np.random.Generator, n: int) -> IntArray:
    return space.canonical(space.sample(n, rng))


def _mutated(
    space: SearchSpace, rng: np.random.Generator, parents: IntArray, probability: float, n: int
) -> IntArray:
    rows = parents[rng.integers(len(parents), size=n)]
    redrawn = rng.random(rows.shape) < probability
    return space.canonical(np.where(redrawn, space.sample(n, rng), rows))


def _crossed(space: SearchSpace, rng: np.random.Generator, parents: IntArray, n: int) -> IntArray:
    a, b = (parents[rng.integers(len(parents), size=n)] for _ in range(2))
    return space.canonical(np.where(rng.random(a.shape) < 0.5, a, b))
