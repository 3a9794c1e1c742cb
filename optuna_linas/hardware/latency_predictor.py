"""A regressor of latency, fitted to some measured sub-networks; and latency for display."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from optuna_linas.arrays import FloatArray
from optuna_linas.hardware.latency_table import LatencyError
from optuna_linas.predictors import Predictor, make_predictor
from optuna_linas.space import SearchSpace

__all__ = ["LatencyPredictor", "normalized_latency"]


class LatencyPredictor:
    """Predicts latencies of architectures from measurements of some of them.

    Args:
        space: The architectures.
        predictor: A name ("ridge", "svr_rbf", ...) or any scikit-learn regressor, on the one-hot
            features of the active variables.

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2, 3, 4], "width": [8, 16, 32]})
        >>> archs = space.sample(60, np.random.default_rng(0))
        >>> latency_ms = 1.0 + archs[:, 0] + 0.5 * archs[:, 1]
        >>> predictor = LatencyPredictor(space).fit(archs, latency_ms)
        >>> round(float(predictor.predict([[3, 2]])[0]), 1)
        5.0
    """

    def __init__(self, space: SearchSpace, predictor: str | Predictor = "ridge") -> None:
        self.space = space
        self._predictor = make_predictor(predictor)

    def fit(self, archs: ArrayLike, latency_ms: ArrayLike) -> LatencyPredictor:
        """Fit to measurements; returns itself.

        Args:
            archs: Rows, `int[n, d]`.
            latency_ms: Their latencies, `float[n]`.

        Raises:
            SpaceMismatchError: The rows are not of the space.
            ValueError: As many latencies as rows are needed, positive ones.
        """
        features = self.space.features(archs)
        latencies = np.asarray(latency_ms, dtype=float)
        if latencies.shape != (len(features),) or not (latencies > 0).all():
            raise ValueError(
                f"Expected {len(features)} positive latencies, got an array of shape "
                f"{latencies.shape}."
            )
        self._predictor.fit(features, latencies)
        return self

    def predict(self, archs: ArrayLike) -> FloatArray:
        """Return the predicted latencies, `float[n]`, in milliseconds."""
        return np.asarray(self._predictor.predict(self.space.features(archs)), dtype=float)

    def error(self, archs: ArrayLike, latency_ms: Sequence[float]) -> LatencyError:
        """Return how predictions differ from measurements that it was not fitted to.

        Args:
            archs: `int[n, d]`.
            latency_ms: What was measured of them.
        """
        return LatencyError.of(self.predict(archs).tolist(), latency_ms)


def normalized_latency(latency_ms: ArrayLike) -> FloatArray:
    """Return latencies as the LINAS paper displays them: (l - min) / max, `float[n]`.

    For figures only: it depends on which networks are shown.

    Example:
        >>> normalized_latency([10.0, 20.0, 40.0])
        array([0.  , 0.25, 0.75])
    """
    latencies = np.asarray(latency_ms, dtype=float)
    if latencies.size == 0:
        return latencies
    normalized: FloatArray = (latencies - latencies.min()) / latencies.max()
    return normalized
