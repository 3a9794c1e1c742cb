"""A regressor whose errors say which one it is: scikit-learn's speak of arrays alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.scaling import Predictor

__all__ = ["Explained"]


class Explained:
    """Wraps a predictor of one objective.

    Args:
        predictor: What is fitted.
        objective: The column of the objective.

    Example:
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> model = Explained(KNeighborsRegressor(30), 0).fit(np.eye(12), np.arange(12.0))
        >>> model.predict(np.eye(12))
        Traceback (most recent call last):
        ValueError: The predictor KNeighborsRegressor(n_neighbors=30) of objective 0 failed ...
    """

    def __init__(self, predictor: Predictor, objective: int) -> None:
        self.predictor, self._objective, self._n = predictor, objective, 0

    def fit(self, X: FloatArray, y: FloatArray) -> Explained:
        """Learn from features `float[n, f]` and targets `float[n]`; returns itself.

        Raises:
            ValueError: The predictor cannot do it.
        """
        self._n = len(X)
        with self._explaining():
            self.predictor.fit(X, y)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Return the predicted targets of features `float[k, f]`, `float[k]`.

        Raises:
            ValueError: The predictor cannot do it, or predicts other than one number per row.
        """
        with self._explaining():
            return np.asarray(self.predictor.predict(X), dtype=float).reshape(len(X))

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise ValueError(
                f"The predictor {self.predictor!r} of objective {self._objective} failed with "
                f"{self._n} examples ({error}). Choose a regressor that can learn from so few, or "
                "measure more before the first prediction (n_startup_trials)."
            ) from error
