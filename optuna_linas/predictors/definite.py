"""Inverses of positive definite matrices, by LAPACK itself.

SciPy's checks take as long as the work where matrices are small, and a fit inverts a hundred.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from optuna_linas.arrays import BoolArray, FloatArray

__all__ = ["inverted"]


def inverted(matrix: FloatArray) -> tuple[FloatArray, float]:
    """Return the inverse and half of the log determinant.

    Args:
        matrix: Symmetric and positive definite, `float[n, n]`.

    Raises:
        numpy.linalg.LinAlgError: It is not positive definite.

    Example:
        >>> inverse, half_log_det = inverted(np.array([[2.0, 1.0], [1.0, 1.0]]))
        >>> inverse.round(6).tolist(), bool(abs(half_log_det) < 1e-12)
        ([[1.0, -1.0], [-1.0, 2.0]], True)
    """
    root, info = dpotrf(matrix.T, lower=True, clean=False)  # in the order that LAPACK has
    if info:
        raise np.linalg.LinAlgError(f"A matrix of {len(matrix)} rows is not positive definite.")
    half_log_det = float(np.log(np.diag(root)).sum())
    inverse, _ = dpotri(root, lower=True, overwrite_c=True)
    np.copyto(inverse, inverse.T, where=_above(len(matrix)))
    return inverse, half_log_det


@lru_cache(maxsize=16)
def _above(n: int) -> BoolArray:
    """What lies above the diagonal, `bool[n, n]`."""
    return ~np.tri(n, dtype=bool)
