"""Costs as a model learns them: as logarithms, where they have a sign in common.

A latency of 80 ms then does not drown the differences between those of 20 ms, nor does a throughput
of 80 networks a second, which is maximised and hence a negative loss.

Shapes: `n` costs, as losses.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray

__all__ = ["CostScale"]

_LARGEST_LOG = float(np.log(np.finfo(float).max))


class CostScale:
    """A monotone transformation of costs, and back.

    Args:
        measured: What it is made for, `float[n]`, `n` at least 1.

    Example:
        >>> latency = CostScale(np.array([1.0, 8.0]))
        >>> throughput = CostScale(np.array([-1.0, -8.0]))
        >>> latency(np.array([1.0])), throughput(np.array([-1.0])), throughput(np.array([-8.0])) < 0
        (array([0.]), array([-0.]), array([ True]))
        >>> throughput.inverse(throughput(np.array([-4.0]))).round(6).tolist()
        [-4.0]
    """

    def __init__(self, measured: FloatArray) -> None:
        signs = np.sign(measured)
        self._sign = float(signs[0]) if (signs == signs[0]).all() else 0.0
        if self._sign:
            sizes = np.log(np.abs(measured))
            # What is no such cost, as of a network that failed, lies a whole range beyond.
            self._least = float(np.exp(2 * sizes.min() - sizes.max()))

    def __call__(self, costs: FloatArray) -> FloatArray:
        """Return what is learned of costs, `float[n]`."""
        if not self._sign:
            return costs
        scaled: FloatArray = self._sign * np.log(np.maximum(self._sign * costs, self._least))
        return scaled

    def inverse(self, scaled: FloatArray) -> FloatArray:
        """Return the costs that were learned as `scaled` `float[n]`."""
        if not self._sign:
            return scaled
        costs: FloatArray = self._sign * np.exp(np.minimum(self._sign * scaled, _LARGEST_LOG))
        return costs
