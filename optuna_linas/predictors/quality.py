"""How well predictions agree with measurements: MAPE and Kendall's rank correlation.

The two figures of the LINAS paper's predictor study (figures 2, 6 and 7). The error says how far
off a value is, the rank correlation whether the better architecture is known to be better, which
is what a search needs.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["kendall_tau", "mape_percent"]


def kendall_tau(measured: FloatArray, predicted: FloatArray) -> float:
    """Return Kendall's rank correlation of two vectors; 0 where either is constant.

    Args:
        measured: `float[n]`.
        predicted: Of the same, `float[n]`.

    Example:
        >>> import numpy as np
        >>> round(kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 3)
        0.333
    """
    if len(measured) < 2 or np.ptp(measured) == 0 or np.ptp(predicted) == 0:
        return 0.0
    from scipy.stats import kendalltau  # most of a second for whoever only imports us

    return float(kendalltau(measured, predicted).statistic)


def mape_percent(measured: FloatArray, predicted: FloatArray) -> float:
    """Return the mean absolute error in percent of the measured values; NaN without any.

    Measured zeros, of which nothing is a percentage, are left out.

    Args:
        measured: `float[n]`.
        predicted: Of the same, `float[n]`.

    Example:
        >>> import numpy as np
        >>> round(mape_percent(np.array([10.0, 20.0, 0.0]), np.array([11.0, 20.0, 3.0])), 6)
        5.0
    """
    told = measured != 0
    if not told.any():
        return float("nan")
    with np.errstate(over="ignore"):  # infinite where the measured value is next to nothing
        return float(np.mean(np.abs(predicted[told] / measured[told] - 1.0)) * 100.0)
