"""A regressor on standardised targets, without feature columns that never vary."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["Predictor", "Scaled"]


class Predictor(Protocol):
    """scikit-learn's contract of a regressor: any of theirs will do."""

    def fit(self, X: FloatArray, y: FloatArray) -> Any:
        """Learn from features and targets; returns itself.

        Args:
            X: `float[n, f]`.
            y: `float[n]`.
        """
        ...

    def predict(self, X: FloatArray) -> FloatArray:
        """Return the predicted targets of features `float[n, f]`, `float[n]`."""
        ...


class Scaled:
    """Wraps a predictor: targets standardised, constant feature columns dropped.

    An SVR's C and epsilon, and a ridge's alpha, mean the same for perplexities, percent and
    milliseconds only when the targets have unit spread.

    Args:
        predictor: What is fitted on the scaled data.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def fit(self, X: FloatArray, y: FloatArray) -> Scaled:
        """Fit; a target without spread is predicted as the constant that it is."""
        self._mean, self._std = float(np.mean(y)), float(np.std(y))
        self._columns = np.flatnonzero(np.ptp(X, axis=0) > 0)
        self._is_constant = self._std <= 1e-12 * max(abs(self._mean), 1e-300) or not len(
            self._columns
        )
        if not self._is_constant:
            self.predictor.fit(X[:, self._columns], (y - self._mean) / self._std)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Return predictions in the units of the targets, `float[n]`."""
        if self._is_constant:
            return np.full(len(X), self._mean)
        predicted: FloatArray = self.predictor.predict(X[:, self._columns])
        return predicted * self._std + self._mean
