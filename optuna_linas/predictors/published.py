"""The predictors of the LINAS paper: ridge, SVR (RBF and linear), and their stack.

Cummings et al., "A Hardware-Aware Framework for Accelerating Neural Architecture Search Across
Modalities", 2022, section 3.2: ridge for image accuracy and latency, SVR with an RBF kernel for
BLEU and HR@10, and a stacked ridge(ridge, SVR-RBF). Hyper-parameters by cross-validation.

Where we depart from the authors' package: it walks 100 values of alpha and 100 of C in steps of
0.1 and 1 (12 to 19 s per objective and batch); the same ranges are covered here on a log grid, and
ridge is cross-validated in closed form (leave-one-out) at once. Scores are mean squared errors on
standardised targets rather than MAPE, which has no meaning for targets around zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.scaling import Predictor, Scaled

__all__ = ["ridge", "stacked", "svr_linear", "svr_rbf", "svr_rbf_unsearched"]

_ALPHAS = np.geomspace(0.01, 100.0, 25)
_RBF_COSTS = np.geomspace(0.1, 100.0, 7)
# Above 10 the linear kernel only gets slower: seconds per fit at 250 examples, for no better rank.
_LINEAR_COSTS = np.geomspace(0.001, 10.0, 5)
_N_FOLDS = 5
_MAX_ITERATIONS = 200_000


def ridge() -> Predictor:
    """Return ridge regression, alpha by leave-one-out cross-validation in closed form.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[[0, 1, 2, 0, 1, 2]]
        >>> ridge().fit(x, np.array([1.0, 2, 3, 1, 2, 3])).predict(x[:1]).round(2)
        array([1.])
    """
    from sklearn.linear_model import RidgeCV

    return Scaled(RidgeCV(alphas=_ALPHAS))


def svr_rbf() -> Predictor:
    """Return support vector regression with an RBF kernel, C by 5-fold cross-validation.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[np.arange(30) % 3]
        >>> svr_rbf().fit(x, x[:, 0]).predict(x[:3]).round(0) + 0.0
        array([1., 0., 0.])
    """
    return Scaled(_SearchedSVR(_RBF_COSTS, kernel="rbf", gamma="auto", epsilon=0.01))


def svr_rbf_unsearched() -> Predictor:
    """Support vector regression with an RBF kernel and C = 10: quick, for comparisons."""
    return Scaled(_SearchedSVR(np.array([10.0]), kernel="rbf", gamma="auto", epsilon=0.01))


def svr_linear() -> Predictor:
    """Return support vector regression with a linear kernel, C by 5-fold cross-validation.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[np.arange(30) % 3]
        >>> svr_linear().fit(x, x[:, 0]).predict(x[:3]).round(0) + 0.0
        array([1., 0., 0.])
    """
    return Scaled(_SearchedSVR(_LINEAR_COSTS, kernel="linear", epsilon=0.01))


def stacked() -> Predictor:
    """Return ridge on top of the out-of-fold predictions of a ridge and an SVR-RBF.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[np.arange(30) % 3]
        >>> stacked().fit(x, x[:, 0]).predict(x[:3]).round(0) + 0.0
        array([1., 0., 0.])
    """
    return Scaled(_Stack())


class _SearchedSVR:
    """SVR with C chosen by cross-validation; the smallest data sets take C = 1 unsearched."""

    def __init__(self, costs: FloatArray, **settings: Any) -> None:
        self._costs, self._settings = costs, settings

    def fit(self, X: FloatArray, y: FloatArray) -> _SearchedSVR:
        self._model = self._svr(self._choose_cost(X, y)).fit(X, y)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        predicted: FloatArray = self._model.predict(X)
        return predicted

    def _choose_cost(self, X: FloatArray, y: FloatArray) -> float:
        from sklearn.model_selection import KFold

        if len(self._costs) == 1:
            return float(self._costs[0])
        if len(y) < 2 * _N_FOLDS:
            return 1.0
        errors = np.zeros(len(self._costs))
        for train, test in KFold(_N_FOLDS, shuffle=True, random_state=0).split(X):
            for k, cost in enumerate(self._costs):
                predicted = self._svr(cost).fit(X[train], y[train]).predict(X[test])
                errors[k] += np.mean((predicted - y[test]) ** 2)
        return float(self._costs[np.argmin(errors)])

    def _svr(self, cost: float) -> Any:
        from sklearn.svm import SVR

        # A hard case of the linear kernel may not converge; bounded, it is a worse predictor
        # for one batch instead of a study that hangs.
        svr = SVR(C=cost, **self._settings, max_iter=_MAX_ITERATIONS)
        # scikit-learn draws a seed that a regression does not use, from numpy's global generator
        # unless told otherwise; GridSearchCV would drop this from its copies.
        svr.random_state = 0
        # Silenced on the object: warnings.catch_warnings is not safe where workers are threads.
        svr._warn_from_fit_status = _say_nothing
        return svr


class _Stack:
    """Level 0: ridge and SVR-RBF. Level 1: ridge on their out-of-fold predictions."""

    def fit(self, X: FloatArray, y: FloatArray) -> _Stack:
        from sklearn.linear_model import RidgeCV
        from sklearn.model_selection import KFold

        members = (ridge, svr_rbf)
        self._members = [member().fit(X, y) for member in members]
        if len(y) < 2 * _N_FOLDS:
            self._final = None
            return self
        held_out = np.zeros((len(y), len(members)))
        for train, test in KFold(_N_FOLDS, shuffle=True, random_state=0).split(X):
            for k, member in enumerate(members):
                held_out[test, k] = member().fit(X[train], y[train]).predict(X[test])
        self._final = RidgeCV(alphas=_ALPHAS).fit(held_out, y)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        columns = np.stack([member.predict(X) for member in self._members], axis=1)
        predicted: FloatArray = (
            columns.mean(axis=1) if self._final is None else self._final.predict(columns)
        )
        return predicted


def _say_nothing() -> None:
    """Take the place of a warning that a fit did not converge."""
