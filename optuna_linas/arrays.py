"""Names for the array types that the package passes around, and rows as keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "BoolArray", "FloatArray", "IntArray", "row_bytes"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LARGEST = 1e100
"""Where losses are cut off: the largest float is a popular penalty, and its square overflows."""


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
