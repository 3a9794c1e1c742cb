"""Architectures for one budget: draw, leave out what is too dear, improve, rank.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021,
section 3.3: the trained generator draws candidates under the budget, draws again while they are
infeasible, and the best predicted one is the answer.

Departures from the paper: the draws are bounded, after which the least violating candidates come
back, marked as such; candidates are feasible by the upper bound of their cost; the best of them are
varied for a few rounds on predictions, together with architectures that are remembered.

Shapes: `n` architectures, `d` variables. Values, costs and budgets are losses: less is better.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.nag.elites import Rank, order_within, vary
from optuna_linas.nag.predictions import Predictions
from optuna_linas.space import SearchSpace

__all__ = ["Answer", "answer"]

_N_PARENTS = 24
_N_CHILDREN = 64


@dataclass(frozen=True)
class Answer:
    """The architectures for one budget, best first.

    Attributes:
        archs: Different canonical rows, `int[n, d]`.
        predictions: What is expected of them.
        feasible: Which of them have the upper bound of their cost within the budget, `bool[n]`.
    """

    archs: IntArray
    predictions: Predictions
    feasible: BoolArray

    def first(self, n: int) -> Answer:
        """Return the best `n` of them."""
        return self.rows(np.arange(min(n, len(self.archs))))

    def rows(self, index: IntArray) -> Answer:
        """Return some of them."""
        return Answer(self.archs[index], self.predictions.rows(index), self.feasible[index])


def answer(
    space: SearchSpace,
    draw: Callable[[], IntArray],
    predict: Callable[[IntArray], Predictions],
    rank: Rank,
    budget: float,
    n: int,
    *,
    remembered: tuple[IntArray, Predictions],
    n_rounds: int,
    n_refinements: int,
    rng: np.random.Generator,
    taken: Set[bytes] = frozenset(),
) -> Answer:
    """Return up to `n` different architectures for a budget, feasible ones first.

    Args:
        space: The search space.
        draw: Draws candidates under the budget, canonical rows.
        predict: What is expected of rows.
        rank: What is minimised.
        budget: What costs may be at most.
        n: How many to return.
        remembered: Further candidates, canonical rows `int[r, d]`, and what is expected of them.
        n_rounds: How often to draw at most.
        n_refinements: Rounds of varying the best.
        rng: The source of randomness.
        taken: Rows as bytes that are not returned, though others may be varied from them.
    """
    pool = _Pool(predict, rank, budget)
    pool.add(*remembered)
    for _ in range(n_rounds):
        pool.add(draw())
        if pool.n_feasible >= n:
            break
    for _ in range(n_refinements):
        parents = pool.best(_N_PARENTS).archs
        children = vary(parents, _N_CHILDREN, space.n_options, rng, sorted_=True)
        pool.add(space.canonical(children))
    if not taken:
        return pool.best(n)
    everything = pool.best(pool.n)
    free = [i for i, arch in enumerate(everything.archs) if arch.tobytes() not in taken]
    return everything.rows(np.array(free[:n], dtype=np.int64))


class _Pool:
    """Different candidates, in order."""

    def __init__(
        self, predict: Callable[[IntArray], Predictions], rank: Rank, budget: float
    ) -> None:
        self._predict, self._rank, self._budget = predict, rank, budget
        self._seen: set[bytes] = set()
        self._answer: Answer | None = None
        self._ranks = np.zeros(0)

    @property
    def n_feasible(self) -> int:
        return 0 if self._answer is None else int(self._answer.feasible.sum())

    @property
    def n(self) -> int:
        return len(self._ranks)

    def add(self, archs: IntArray, expected: Predictions | None = None) -> None:
        """Take in those that are new, with what is expected of them if that is known."""
        new = []
        for i, arch in enumerate(archs):
            key = arch.tobytes()
            if key not in self._seen:
                self._seen.add(key)
                new.append(i)
        if not new:
            return
        rows = archs[new]
        expected = self._predict(rows) if expected is None else expected.rows(np.array(new))
        added = Answer(rows, expected, expected.bounds <= self._budget)
        ranks = np.concatenate([self._ranks, self._rank(expected)])
        merged = added if self._answer is None else _joined(self._answer, added)
        order = order_within(self._budget, ranks, merged.predictions.bounds)
        self._answer, self._ranks = merged.rows(order), ranks[order]

    def best(self, n: int) -> Answer:
        assert self._answer is not None, "nothing was drawn"
        return self._answer.first(n)


def _joined(a: Answer, b: Answer) -> Answer:
    return Answer(
        np.concatenate([a.archs, b.archs]),
        a.predictions.joined(b.predictions),
        np.concatenate([a.feasible, b.feasible]),
    )
