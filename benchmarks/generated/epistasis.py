"""Strong interactions, no structure: an NK landscape over unordered categories.

Thirty variables of two to five options, called `x0`, `x1`, ... with options `a`, `b`, ...: neither
names nor order say anything. Half of the quality's variance comes from single variables, half from
groups of four that interact without a rule. Cost is a sum over variables and over a few pairs.

References:
    Kauffman and Levin, "Towards a General Theory of Adaptive Walks on Rugged Landscapes", 1987.
    Aguirre and Tanaka, "Insights on Properties of Multiobjective MNK-Landscapes", CEC 2004.
"""

from __future__ import annotations

import numpy as np

from benchmarks.generated.scores import Score, percent, standardised
from benchmarks.problem import Goal, Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace

__all__ = ["make"]

N_VARIABLES, GROUP, N_PAIRS = 30, 4, 12


def make(rng: np.random.Generator) -> Problem:
    """Return a problem of 30 variables."""
    n_options = rng.integers(2, 6, N_VARIABLES)
    space = SearchSpace.from_choices(
        {f"x{j}": tuple("abcde"[:n]) for j, n in enumerate(n_options.tolist())}
    )
    groups = [
        np.concatenate([[j], rng.choice(np.delete(np.arange(N_VARIABLES), j), GROUP - 1, False)])
        for j in range(N_VARIABLES)
    ]
    pairs = [rng.choice(N_VARIABLES, 2, replace=False) for _ in range(N_PAIRS)]
    alone = standardised(
        _tables([np.array([j]) for j in range(N_VARIABLES)], space, rng), space, rng
    )
    together = standardised(_tables(groups, space, rng), space, rng)
    own_cost = standardised(
        _tables([np.array([j]) for j in range(N_VARIABLES)], space, rng), space, rng
    )
    pair_cost = standardised(_tables(pairs, space, rng), space, rng)

    def price(archs: IntArray) -> FloatArray:
        return own_cost(archs) + 0.5 * pair_cost(archs)

    # Dear options are somewhat better: without that there would be little to trade.
    accuracy = percent(lambda a: alone(a) + together(a) + 0.7 * own_cost(a), space, rng)

    def evaluate(archs: IntArray) -> FloatArray:
        return np.stack([accuracy(archs), 20 * np.exp(0.3 * price(archs))], axis=1)

    goals = (Goal("accuracy", "%", "maximize"), Goal("latency", "ms", "minimize"))
    return Problem("", space, goals, evaluate, "generated: an NK landscape", "")


def _tables(groups: list[IntArray], space: SearchSpace, rng: np.random.Generator) -> Score:
    """Return the sum of one random table per group of variables."""
    sizes = [space.n_options[group] for group in groups]
    tables = [rng.normal(0, 1, int(np.prod(size))) for size in sizes]
    weights = [np.concatenate([[1], np.cumprod(size[:-1])]) for size in sizes]

    def score(archs: IntArray) -> FloatArray:
        parts = [
            table[archs[:, group] @ weight]
            for group, table, weight in zip(groups, tables, weights, strict=True)
        ]
        total: FloatArray = np.sum(parts, axis=0)
        return total

    return score
