"""Cheap predictors of a loss from an architecture's features.

Each is a scikit-learn style regressor (`fit`, `predict`), and so is anything that a user passes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optuna_linas.predictors.auto import Auto, kendall_tau
from optuna_linas.predictors.published import (
    ridge,
    stacked,
    svr_linear,
    svr_rbf,
    svr_rbf_unsearched,
)
from optuna_linas.predictors.scaling import Predictor

__all__ = [
    "PREDICTORS",
    "Auto",
    "Predictor",
    "kendall_tau",
    "make_predictor",
    "ridge",
    "stacked",
    "svr_linear",
    "svr_rbf",
]

PREDICTORS: dict[str, Callable[[], Predictor]] = {
    "auto": lambda: Auto({"ridge": ridge, "svr_rbf": svr_rbf_unsearched}),
    "ridge": ridge,
    "svr_rbf": svr_rbf,
    "svr_linear": svr_linear,
    "stacked": stacked,
}
"""Each name that a sampler accepts, and what makes a fresh predictor of that name."""


def make_predictor(predictor: str | Predictor, rng: np.random.Generator | None = None) -> Predictor:
    """Return a fresh predictor: from the table for a name, else an unfitted copy of `predictor`.

    Args:
        predictor: A name, or a scikit-learn style regressor, which is left as it is.
        rng: Where a copy has a `random_state` that is `None`, it is drawn from here: scikit-learn
            would take it from numpy's global generator, and the search would not repeat.

    Raises:
        ValueError: A name that is not in the table.
        TypeError: An object without `fit` and `predict`.
    """
    if isinstance(predictor, str):
        if predictor not in PREDICTORS:
            raise ValueError(
                f"Unknown predictor {predictor!r}. Choose one of {sorted(PREDICTORS)}, or pass any "
                "scikit-learn regressor."
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
