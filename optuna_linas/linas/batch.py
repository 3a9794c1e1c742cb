"""Which of the architectures that an inner search has seen make the next batch.

Shapes: `k` rows that the search has visited, `m` objectives.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray, cut_off
from optuna_linas.bounds import lowest_bounds
from optuna_linas.evolution import Visited
from optuna_linas.gain import greedy_gain, reference_behind
from optuna_linas.history import History
from optuna_linas.linas.fitting import FittedPredictors
from optuna_linas.linas.promises import Promises
from optuna_linas.selection import best_unique, first_of_each

__all__ = ["BatchChooser"]

_WIDTH = 1.0
_N_CANDIDATES = 300


class BatchChooser:
    """Chooses among visited rows.

    Args:
        archs: The canonical rows of what the search has visited, `int[k, d]`.
        history: What is measured.
        predict: The predictors that the search ran on.
        visited: What it has seen.
        pending: Canonical rows that are being measured, which count with their predictions.
        joint: Whether a batch is chosen for what it is worth together: the hypervolume it adds, or
            for one objective its lower confidence bounds. Otherwise by rank and crowding.
        ordered: Whether most options of the space have an order.
        doubts: Whether a gain counts as far as such promises were kept; see `promises`.
    """

    def __init__(
        self,
        archs: IntArray,
        history: History,
        predict: FittedPredictors,
        visited: Visited,
        pending: IntArray,
        *,
        joint: bool,
        ordered: bool,
        doubts: bool,
    ) -> None:
        self._history, self._predict, self._visited = history, predict, visited
        self._archs, self._pending = archs, pending
        self._joint, self._ordered, self._doubts = joint, ordered, doubts

    def choose(self, pool: IntArray, n: int, known: set[bytes]) -> IntArray:
        """Return up to `n` indices of different rows of `pool` that are not `known`, best first."""
        first = pool[:0]
        if self._joint:
            # Infeasible rows add nothing.
            feasible = pool[self._visited.violations[pool] <= 0]
            first = self._by_worth(feasible[first_of_each(self._archs[feasible], known)], n)
        if len(first) >= n:
            return first
        rest = best_unique(
            self._archs[pool],
            self._visited.losses[pool],
            self._visited.violations[pool],
            taken=known | {row.tobytes() for row in self._archs[first]},
            n=n - len(first),
        )
        return np.concatenate([first, pool[rest]])

    def _by_worth(self, feasible: IntArray, n: int) -> IntArray:
        losses = cut_off(self._history.losses)
        if losses.shape[1] == 1:
            return self._by_bound(feasible, n)
        front: FloatArray = losses[self._history.feasible]
        if len(front) == 0:
            return feasible[:0]
        if len(self._pending):
            front = np.concatenate([front, self._predict.mean(self._pending)])
        reference = reference_behind(losses, ordered=self._ordered)
        promised = self._visited.losses[feasible]
        shares = self._believed(promised, losses, reference) if self._doubts else None
        chosen: IntArray = feasible[greedy_gain(front, promised, reference, n, shares=shares)]
        return chosen

    def _believed(
        self, promised: FloatArray, measured: FloatArray, reference: FloatArray
    ) -> FloatArray | None:
        """How much of what is promised is believed, `float[k]`; `None` where that is not known."""
        if (foretold := self._predict.foretold()) is None:
            return None
        return Promises(*foretold, measured, reference, self._history.feasible)(promised)

    def _by_bound(self, feasible: IntArray, n: int) -> IntArray:
        if self._visited.losses.shape[1] == 1 or len(feasible) == 0:
            return feasible[:0]  # the search knew only means
        bound = self._visited.losses[feasible] @ np.array([1.0, _WIDTH])
        candidates = feasible[np.argsort(bound, kind="stable")[:_N_CANDIDATES]]
        covariance = self._predict.covariance(
            np.concatenate([self._pending, self._archs[candidates]])
        )
        n_pending = len(self._pending)
        mean = np.concatenate([np.zeros(n_pending), self._visited.losses[candidates, 0]])
        mean /= self._predict.unit
        picked = lowest_bounds(mean, covariance, n, width=_WIDTH, believed=n_pending)
        chosen: IntArray = candidates[picked - n_pending]
        return chosen
