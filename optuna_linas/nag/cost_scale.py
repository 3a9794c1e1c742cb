"""Costs as a model learns them: as logarithms, where they have a sign in common.

With several signs, or a zero among them, they are learned as they are. A throughput of 0 for a
network that failed does that to all others: it is better told as no measurement, or as a penalty.

A latency of 80 ms then does not drown the differences between those of 20 ms, nor does a throughput
of 80 networks a second, which is maximised and hence a negative loss.

Shapes: `n` costs, as losses.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import LARGEST, FloatArray, cut_off

__all__ = ["CostScale"]

_LARGEST_LOG = float(np.log(np.finfo(float).max))


class CostScale:
    """A monotone transformation of costs, and back: linear where they have no sign in common.

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
        # The squares of the largest floats are none.
        self._unit = max(1.0, float(np.abs(measured).max()) / LARGEST)

    def __call__(self, costs: FloatArray) -> FloatArray:
        """Return what is learned of costs, `float[n]`."""
        if not self._sign:
            return costs / self._unit
        scaled: FloatArray = self._sign * np.log(np.maximum(self._sign * costs, self._least))
        return scaled

    def inverse(self, scaled: FloatArray) -> FloatArray:
        """Return the costs that were learned as `scaled` `float[n]`."""
        if not self._sign:
            return cut_off(scaled) * self._unit
        costs: FloatArray = self._sign * np.exp(np.minimum(self._sign * scaled, _LARGEST_LOG))
        return costs
