"""ZDT's shape with discrete choices: some variables say where on the front, the rest how far off.

Eight stepped floats, six integers, six categories. Two of the floats and two of the integers place
a network along the front; for every other number there is one best value, which depends on one of
the categories. Each category has a penalty of its own. The front is
convex or concave, by the seed.

References:
    Zitzler, Deb and Thiele, "Comparison of Multiobjective Evolutionary Algorithms", 2000.
"""

from __future__ import annotations

import numpy as np

from benchmarks.problem import Goal, Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

__all__ = ["make"]

N_FLOATS, N_INTEGERS, N_CATEGORIES, N_OPTIONS = 8, 6, 6, 4
N_PLACING = 2  # of each kind of number


def make(rng: np.random.Generator) -> Problem:
    """Return a problem of 20 variables."""
    space = SearchSpace(
        [
            *(Variable.floating(f"a{j}", 0.0, 1.0, step=0.05) for j in range(N_FLOATS)),
            *(Variable.integer(f"n{j}", 0, 10) for j in range(N_INTEGERS)),
            *(
                Variable.categorical(f"c{j}", tuple(rng.permutation(list("pqrs")).tolist()))
                for j in range(N_CATEGORIES)
            ),
        ]
    )
    n_numbers = N_FLOATS + N_INTEGERS
    top = space.n_options[:n_numbers] - 1
    places = np.zeros(n_numbers, dtype=bool)
    places[:N_PLACING] = places[N_FLOATS : N_FLOATS + N_PLACING] = True
    share = rng.dirichlet(np.full(2 * N_PLACING, 3.0))
    decides = rng.integers(0, N_CATEGORIES, n_numbers)
    best = rng.integers(0, top[:, None] + 1, (n_numbers, N_OPTIONS)) / top[:, None]
    weight = rng.dirichlet(np.full(n_numbers - 2 * N_PLACING, 2.0))
    penalty = rng.uniform(0.05, 0.6, (N_CATEGORIES, N_OPTIONS))
    penalty[np.arange(N_CATEGORIES), rng.integers(0, N_OPTIONS, N_CATEGORIES)] = 0
    power = rng.choice([0.5, 2.0])

    def evaluate(archs: IntArray) -> FloatArray:
        numbers, categories = archs[:, :n_numbers] / top, archs[:, n_numbers:]
        place = numbers[:, places] @ share
        target = best[np.arange(n_numbers), categories[:, decides]]
        off = np.abs(numbers - target)[:, ~places] @ weight
        distance = 1 + 4 * off + penalty[np.arange(N_CATEGORIES), categories].sum(axis=1)
        return np.stack([place, distance * (1 - (place / distance) ** power)], axis=1)

    goals = (Goal("f1", "", "minimize"), Goal("f2", "", "minimize"))
    return Problem("", space, goals, evaluate, "generated: a front with discrete choices", "")
