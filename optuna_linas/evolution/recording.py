"""A pymoo problem over option indices that remembers what was evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.problem import Problem

from optuna_linas.arrays import FloatArray, IntArray
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
        archs = np.asarray(X).astype(np.int64)
        losses, violations = self._predict(archs)
        self._archs.append(archs)
        self._losses.append(losses)
        self._violations.append(violations)
        out["F"] = losses
        out["G"] = violations[:, None]

    def visited(self, population: IntArray) -> Visited:
        """Return everything evaluated; `population` are the rows of the last one, `int[p, d]`."""
        archs = np.concatenate(self._archs)
        latest = {row.tobytes(): i for i, row in enumerate(archs)}
        return Visited(
            archs,
            np.concatenate(self._losses),
            np.concatenate(self._violations),
            np.array(
                [latest[row.tobytes()] for row in np.ascontiguousarray(population)], dtype=np.int64
            ),
        )
