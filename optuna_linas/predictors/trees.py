"""Ensembles of decision trees, the predictors that other architecture searches like best.

They need no scaling and find interactions by themselves, but extrapolate nothing: beyond the best
networks measured they predict no better ones. scikit-learn's, with its defaults where nothing
else is said.
"""

from __future__ import annotations

from optuna_linas.predictors.scaling import Predictor, Scaled

__all__ = ["extra_trees", "gradient_boosting", "random_forest"]

_N_TREES = 100
_BOOSTING_RATE = 0.05


def random_forest() -> Predictor:
    """Return a random forest of 100 trees (Breiman 2001), a third of the features per split.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[np.arange(30) % 3]
        >>> random_forest().fit(x, x[:, 0]).predict(x[:3]).round(1)
        array([1., 0., 0.])
    """
    from sklearn.ensemble import RandomForestRegressor

    return Scaled(RandomForestRegressor(_N_TREES, max_features=1 / 3, random_state=0))


def extra_trees() -> Predictor:
    """Return 100 extremely randomised trees (Geurts et al. 2006), a third of features per split.

    With all features at hand, as scikit-learn has it, one-hot columns leave nothing to randomise.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[np.arange(30) % 3]
        >>> extra_trees().fit(x, x[:, 0]).predict(x[:3]).round(1)
        array([1., 0., 0.])
    """
    from sklearn.ensemble import ExtraTreesRegressor

    return Scaled(ExtraTreesRegressor(_N_TREES, max_features=1 / 3, random_state=0))


def gradient_boosting() -> Predictor:
    """Return gradient boosting (Friedman 2001) of 200 trees of depth 3.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3)[np.arange(30) % 3]
        >>> gradient_boosting().fit(x, x[:, 0]).predict(x[:3]).round(1)
        array([1., 0., 0.])
    """
    from sklearn.ensemble import GradientBoostingRegressor

    return Scaled(
        GradientBoostingRegressor(
            n_estimators=2 * _N_TREES, learning_rate=_BOOSTING_RATE, subsample=0.7, random_state=0
        )
    )
