"""The predictor of which networks fail: of two values, that are no losses."""

from __future__ import annotations

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.predictors.structured import StructuredGP
from optuna_linas.space import SearchSpace

__all__ = ["failure_model"]


def failure_model(space: SearchSpace, rows: IntArray, has_failed: BoolArray) -> StructuredGP:
    """Return a model of how likely a network fails: near 1 where all like it did, else near 0.

    Two values are no losses: they are not bent, and nothing bends along what explains them.

    Args:
        space: The search space.
        rows: Canonical rows, `int[n, d]`.
        has_failed: Which of them failed, `bool[n]`.

    Example:
        >>> space = SearchSpace.from_choices({"op": ["a", "b"], "width": [1, 2, 3, 4]})
        >>> rows = space.canonical([[i % 2, i // 2] for i in range(8)])
        >>> model = failure_model(space, rows, rows[:, 0] == 1)  # "b" fails
        >>> (model.predict(rows[:2])[:, 0] > 0.5).tolist()
        [False, True]
    """
    model = StructuredGP(space, holds_back=False, warped=False)
    return model.fit(rows, has_failed[:, None].astype(float))
