"""Names for the array types that the package passes around, and rows as keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LARGEST", "BoolArray", "FloatArray", "IntArray", "cut_off", "row_bytes"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LARGEST = 1e100
"""Where losses are cut off: the largest float is a popular penalty, and its square overflows."""


def cut_off(values: ArrayLike) -> FloatArray:
    """Return values within +-`LARGEST`, those beyond moved there.

    Example:
        >>> cut_off([1.0, np.inf])
        array([1.e+000, 1.e+100])
    """
    within: FloatArray = np.clip(values, -LARGEST, LARGEST)
    return within


def row_bytes(rows: NDArray[np.integer]) -> list[bytes]:
    """Return `row.tobytes()` of each row, at a third of the time.

    Example:
        >>> rows = np.array([[1, 2], [3, 4]])
        >>> row_bytes(rows) == [row.tobytes() for row in rows]
        True
    """
    width = rows.shape[1] * rows.itemsize
    if width == 0:
        return [b""] * len(rows)
    keys: list[bytes] = np.ascontiguousarray(rows).view(np.dtype((np.void, width)))[:, 0].tolist()
    return keys
