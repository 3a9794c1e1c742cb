"""The best architectures so far under each of many budgets.

The generator learns from them as well as from its own draws, and they take part in every request.
A departure from the paper (Guo et al. 2021), whose generator learns from its draws alone: with a
few thousand draws instead of a few hundred thousand it would forget the good ones.

Shapes: `g` budgets, `e` elites of each, `n` architectures, `d` variables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.evolution.variation import resample
from optuna_linas.nag.predictions import Predictions

__all__ = ["Elites", "Rank", "order_within", "vary"]

Rank = Callable[[Predictions], FloatArray]
"""From what is expected of architectures to what is minimised among feasible ones."""

_MUTATIONS = 1.5
_CROSSED = 0.5


def order_within(budget: float, ranks: FloatArray, bounds: FloatArray) -> IntArray:
    """Return rows from best to worst under a budget: feasible ones, then by how little is violated.

    Args:
        budget: What bounds may be at most.
        ranks: What is minimised among feasible rows, `float[n]`.
        bounds: What the costs stay below, `float[n]`.

    Example:
        >>> order_within(5.0, np.array([0.3, 0.1, 0.2]), np.array([5.0, 9.0, 6.0])).tolist()
        [0, 2, 1]
    """
    excess = np.maximum(bounds - budget, 0.0)
    order: IntArray = np.lexsort((np.where(excess > 0, 0.0, ranks), excess))
    return order


def vary(
    parents: IntArray, n: int, n_options: IntArray, rng: np.random.Generator, *, sorted_: bool
) -> IntArray:
    """Return `n` children: half of them cross two parents, all are mutated in a variable or two.

    Args:
        parents: `int[p, d]`.
        n: How many children.
        n_options: Options per variable, `int[d]`.
        rng: The source of randomness.
        sorted_: Parents come from best to worst, and the better ones are preferred.
    """
    drawn = rng.integers(len(parents), size=(2, 2 * n))
    # Binary tournaments: the smaller index is the better parent.
    winners = drawn.min(axis=0) if sorted_ else drawn[0]
    mothers, fathers = parents[winners[:n]], parents[winners[n:]]
    crossed = (rng.random((n, 1)) < _CROSSED) & (rng.random(mothers.shape) < 0.5)
    children: IntArray = np.where(crossed, fathers, mothers)
    return resample(children, n_options, min(1.0, _MUTATIONS / children.shape[1]), rng)


class Elites:
    """Architectures that nothing seen so far beats under one of the budgets.

    Args:
        predict: What is expected of rows.
        rank: What is minimised.
        budgets: `float[g]`.
        n_each: How many to keep for each budget.
    """

    def __init__(
        self,
        predict: Callable[[IntArray], Predictions],
        rank: Rank,
        budgets: FloatArray,
        n_each: int,
    ) -> None:
        self._predict, self._rank, self._n_each = predict, rank, n_each
        self.budgets = budgets
        self._seen: set[bytes] = set()
        self._pool: tuple[IntArray, Predictions] | None = None
        self._index: IntArray = np.zeros((len(budgets), 0), dtype=np.int64)

    @property
    def archs(self) -> IntArray:
        """All elites, each once, `int[<= g e, d]`."""
        assert self._pool is not None, "nothing was taken in"
        return self._pool[0]

    @property
    def rows(self) -> IntArray:
        """The elites of each budget, best first, `int[g, e, d]`."""
        return self.archs[self._index]

    def take_in(self, archs: IntArray) -> None:
        """Compare canonical rows `int[n, d]` with the elites; those seen before change nothing."""
        new = []
        for arch in archs:
            key = arch.tobytes()
            if key not in self._seen:
                self._seen.add(key)
                new.append(arch)
        if not new:
            return
        rows = np.stack(new)
        expected = self._predict(rows)
        if self._pool is not None:
            rows = np.concatenate([self._pool[0], rows])
            expected = self._pool[1].joined(expected)
        ranks = self._rank(expected)
        best = np.stack(
            [order_within(b, ranks, expected.bounds)[: self._n_each] for b in self.budgets.tolist()]
        )
        kept, inverse = np.unique(best, return_inverse=True)
        self._index = inverse.reshape(best.shape)
        self._pool = rows[kept], expected.rows(kept)
