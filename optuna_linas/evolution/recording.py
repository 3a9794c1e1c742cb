"""A pymoo problem over option indices that remembers what was evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.problem import Problem

from optuna_linas.arrays import LARGEST, FloatArray, IntArray, cut_off
from optuna_linas.evolution.algorithm import Evaluate, Visited

__all__ = ["RecordingProblem"]


class RecordingProblem(Problem):  # type: ignore[misc]  # pymoo is untyped
    """Evaluates whole generations at once and keeps each row, loss and violation."""

    def __init__(self, evaluate: Evaluate, n_options: IntArray, n_objectives: int) -> None:
        super().__init__(
            n_var=len(n_options),
            n_obj=n_objectives,
            n_ieq_constr=1,
            xl=np.zeros(len(n_options), dtype=np.int64),
            xu=n_options - 1,
            vtype=int,
        )
        self._predict = evaluate
        self._archs: list[IntArray] = []
        self._losses: list[FloatArray] = []
        self._violations: list[FloatArray] = []

    def _evaluate(self, X: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        archs = self.rows(X)
        losses, violations = self._predict(archs)
        self._archs.append(archs)
        self._losses.append(losses)
        self._violations.append(violations)
        # Squares of losses must not overflow where an algorithm measures distances, nor must the
        # difference of two infinite violations be nothing.
        out["F"] = np.nan_to_num(cut_off(losses), nan=LARGEST)
        out["G"] = np.minimum(violations, LARGEST)[:, None]

    def rows(self, X: Any) -> IntArray:
        """Rows of options; operators for real numbers may return what lies between or beyond."""
        rounded = np.rint(np.asarray(X, dtype=np.float64))
        return np.clip(rounded, self.xl, self.xu).astype(np.int64)

    def visited(self, population: Any) -> Visited:
        """Return everything evaluated; `population` is `X` of the last one, `[p, d]`."""
        archs = np.concatenate(self._archs)
        latest = {row.tobytes(): i for i, row in enumerate(archs)}
        last = [latest[row.tobytes()] for row in np.ascontiguousarray(self.rows(population))]
        return Visited(
            archs,
            np.concatenate(self._losses),
            np.concatenate(self._violations),
            np.array(list(dict.fromkeys(last)), dtype=np.int64),
        )
