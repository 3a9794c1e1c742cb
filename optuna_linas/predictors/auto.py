"""The predictor that ranks held-out architectures best, chosen anew for every fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.scaling import Predictor

__all__ = ["Auto", "kendall_tau"]

_N_FOLDS = 5


def kendall_tau(measured: FloatArray, predicted: FloatArray) -> float:
    """Return Kendall's rank correlation of two vectors; 0 where either is constant.

    Example:
        >>> import numpy as np
        >>> round(kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 3)
        0.333
    """
    from scipy.stats import kendalltau

    if np.ptp(measured) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(kendalltau(measured, predicted).statistic)


class Auto:
    """Cross-validates its candidates and keeps the one with the highest rank correlation.

    Args:
        candidates: Name to factory, in order of preference: the first wins ties and serves alone
            while there are fewer than 20 examples.

    Attributes:
        chosen: After `fit`, the winner's name.
    """

    def __init__(self, candidates: Mapping[str, Callable[[], Predictor]]) -> None:
        self._candidates = dict(candidates)
        self.chosen = next(iter(self._candidates))

    def fit(self, X: FloatArray, y: FloatArray) -> Auto:
        """Choose among the candidates and fit the winner on everything."""
        self.chosen = self._choose(X, y)
        self._model = self._candidates[self.chosen]()
        self._model.fit(X, y)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Return the winner's predictions, `float[n]`."""
        predicted: FloatArray = self._model.predict(X)
        return predicted

    def _choose(self, X: FloatArray, y: FloatArray) -> str:
        names = list(self._candidates)
        if len(y) < 4 * _N_FOLDS or len(names) == 1:
            return names[0]
        from sklearn.model_selection import KFold

        folds = list(KFold(_N_FOLDS, shuffle=True, random_state=0).split(X))
        scores = []
        for name in names:
            held_out = np.zeros(len(y))
            for train, test in folds:
                model = self._candidates[name]()
                model.fit(X[train], y[train])
                held_out[test] = model.predict(X[test])
            # A candidate that predicts NaN has no rank correlation, and must not win by it.
            scores.append(kendall_tau(y, held_out) if np.isfinite(held_out).all() else -np.inf)
        return names[int(np.argmax(scores))]
