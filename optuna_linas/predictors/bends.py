"""The kernels of `StructuredGP` that are not linear, between rows and examples.

Shapes: `k` rows, `n` examples, `p` dimensions.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.blocks import Blocks

__all__ = ["RBF", "Bends", "squared_norms"]

_GROUP_LENGTH = 2.0
"""Columns are scaled to a norm of one in all: distances of 2 are typical."""
_NUMBER_LENGTHS = (0.15, 0.5)
_NEAR_LENGTH = 0.5


class Bends:
    """All of them but the one along what the linear parts predict.

    Args:
        examples: Their scaled blocks.
        near: Whether one falls off with the distance of the one-hot blocks: what no sum over
            options and their pairs says, such as whether any path is left through a network, is
            then told by networks nearby.
    """

    NEAR = 1
    """Where that one is among the bends."""

    def __init__(self, examples: Blocks, *, near: bool) -> None:
        self._norms = squared_norms(examples.one_hot)[:, 0] if near else None
        self._groups = RBF(examples.groups, _GROUP_LENGTH) if examples.groups.shape[1] else None
        n_numbers = examples.numbers.shape[1]
        self._numbers = [
            RBF(examples.numbers, length * np.sqrt(n_numbers))
            for length in (_NUMBER_LENGTHS if n_numbers else ())
        ]

    def __call__(
        self, products: FloatArray, norms: FloatArray, groups: FloatArray, numbers: FloatArray
    ) -> list[FloatArray]:
        """Return the kernels between rows and examples, `float[k, n]` each.

        Args:
            products: Inner products of the one-hot blocks, `float[k, n]`.
            norms: The squared norms of the rows' one-hot blocks, `float[k, 1]`.
            groups: That block of the rows.
            numbers: Likewise.
        """
        bends = [products**2]
        if self._norms is not None:
            closeness = np.minimum(2 * products - self._norms - norms, 0.0)
            bends.append(np.exp(closeness / (2 * _NEAR_LENGTH**2)))
        if self._groups is not None:
            bends.append(self._groups(groups))
        return bends + [kernel(numbers) for kernel in self._numbers]


class RBF:
    """A kernel that falls off with the distance to given points.

    Args:
        points: `float[n, p]`.
        length: The distance at which the kernel is `exp(-1/2)`.

    Example:
        >>> RBF(np.array([[0.0], [2.0]]), length=2.0)(np.array([[0.0]])).round(3)
        array([[1.   , 0.607]])
    """

    def __init__(self, points: FloatArray, length: float) -> None:
        self._points, self._norms, self._divisor = points, (points**2).sum(axis=1), -2 * length**2

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the kernel between `rows` `float[k, p]` and all points, `float[k, n]`."""
        # In place: an inner search does it thousands of times.
        kernel: FloatArray = np.add.outer((rows**2).sum(axis=1), self._norms)
        products = rows @ self._points.T
        products *= 2
        kernel -= products
        np.maximum(kernel, 0.0, out=kernel)
        kernel /= self._divisor
        np.exp(kernel, out=kernel)
        return kernel


def squared_norms(one_hot: FloatArray) -> FloatArray:
    """Return the squared norms of rows `float[k, f]`, `float[k, 1]`.

    Example:
        >>> squared_norms(np.array([[3.0, 4.0]])).tolist()
        [[25.0]]
    """
    norms: FloatArray = (one_hot**2).sum(axis=1, keepdims=True)
    return norms
