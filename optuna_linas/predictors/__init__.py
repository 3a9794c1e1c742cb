"""Cheap predictors of a loss.

`StructuredGP` knows the search space and predicts all objectives together. The others see only an
architecture's features: each is a scikit-learn style regressor (`fit`, `predict`), and so is
anything that a user passes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optuna_linas.predictors.published import (
    ridge,
    stacked,
    svr_linear,
    svr_rbf,
)
from optuna_linas.predictors.quality import kendall_tau, mape_percent
from optuna_linas.predictors.scaling import Predictor
from optuna_linas.predictors.structured import StructuredGP
from optuna_linas.predictors.trees import extra_trees, gradient_boosting, random_forest

__all__ = [
    "PREDICTORS",
    "SPACE_PREDICTORS",
    "Predictor",
    "StructuredGP",
    "check_predictor",
    "extra_trees",
    "gradient_boosting",
    "kendall_tau",
    "make_predictor",
    "mape_percent",
    "random_forest",
    "ridge",
    "stacked",
    "svr_linear",
    "svr_rbf",
]

PREDICTORS: dict[str, Callable[[], Predictor]] = {
    "ridge": ridge,
    "svr_rbf": svr_rbf,
    "svr_linear": svr_linear,
    "stacked": stacked,
    "random_forest": random_forest,
    "extra_trees": extra_trees,
    "gradient_boosting": gradient_boosting,
}
"""Each name of a predictor on features, and what makes a fresh one."""

SPACE_PREDICTORS = ("auto", "gp")
"""Names of predictors that are told the search space: "gp" is `StructuredGP`; "auto" is that, or
a predictor on features where it ranks better (see `linas.choosing`)."""


def check_predictor(predictor: str | Predictor) -> None:
    """Raise as `make_predictor` does for what is neither in a table nor a regressor.

    Example:
        >>> check_predictor("gp")
        >>> check_predictor("lasso")
        Traceback (most recent call last):
        ValueError: Unknown predictor 'lasso'. Choose one of ['auto', 'extra_trees', ...
    """
    if not (isinstance(predictor, str) and predictor in SPACE_PREDICTORS):
        make_predictor(predictor)


def make_predictor(predictor: str | Predictor, rng: np.random.Generator | None = None) -> Predictor:
    """Return a fresh predictor: from the table for a name, else an unfitted copy of `predictor`.

    Args:
        predictor: A name, or a scikit-learn style regressor, which is left as it is.
        rng: Where a copy has a `random_state` that is `None`, it is drawn from here: scikit-learn
            would take it from numpy's global generator, and the search would not repeat.

    Raises:
        ValueError: A name that is not in the table.
        TypeError: An object without `fit` and `predict`.

    Example:
        >>> from sklearn.linear_model import Lasso
        >>> mine = Lasso()
        >>> make_predictor(mine) is mine, type(make_predictor(mine)).__name__
        (False, 'Lasso')
    """
    if isinstance(predictor, str):
        if predictor not in PREDICTORS:
            raise ValueError(
                f"Unknown predictor {predictor!r}. Choose one of "
                f"{sorted([*PREDICTORS, *SPACE_PREDICTORS])}, or pass any scikit-learn regressor."
            )
        return PREDICTORS[predictor]()
    if isinstance(predictor, type) or not (
        callable(getattr(predictor, "fit", None)) and callable(getattr(predictor, "predict", None))
    ):
        raise TypeError(
            f"A predictor needs fit(X, y) and predict(X), as scikit-learn's regressors have; got "
            f"{predictor!r}. Pass an object, not its class."
        )
    if hasattr(predictor, "get_params"):
        from sklearn.base import clone

        fresh = clone(predictor)
        if rng is not None:
            for name, value in sorted(fresh.get_params().items()):
                if name.split("__")[-1] == "random_state" and value is None:
                    fresh.set_params(**{name: int(rng.integers(2**31))})
        copied: Predictor = fresh
        return copied
    import copy

    return copy.deepcopy(predictor)
