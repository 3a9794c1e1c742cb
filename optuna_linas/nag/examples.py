"""From measurements to what is learned: different architectures, and apart those that failed.

A network whose cost is a penalty was not measured: it tells where networks fail, and nothing of
what works. The predictor learns that it is dear, and no budget has room for it.

Shapes: `n` measurements, `k` architectures that work, `f` that failed, `d` variables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag.avoided import Avoided
from optuna_linas.nag.penalties import are_measured, cost_of_failing

__all__ = ["MIN_TRIALS", "MIN_WORKING", "Examples", "examples_of"]

MIN_TRIALS = 20
"""Measured architectures below which nothing can be learned of a whole front."""

MIN_WORKING = 10
"""Those among them that must work for a front to be told: a sampler learns from fewer."""


@dataclass(frozen=True)
class Examples:
    """What a model learns from.

    Attributes:
        archs: Different canonical rows that work, in the order of their first measurement,
            `int[k, d]`.
        losses: Value and cost of each, `float[k, 2]`.
        failed: Different canonical rows that failed, and none that works, `int[f, d]`.
        failed_losses: What they count as, `float[f, 2]`.
        avoided: What must be no answer, and is not learned from otherwise.
    """

    archs: IntArray
    losses: FloatArray
    failed: IntArray
    failed_losses: FloatArray
    avoided: Avoided | None = None

    def __len__(self) -> int:
        return len(self.archs) + len(self.failed)

    @property
    def have_range(self) -> bool:
        """Whether some that work are dearer than others: else there is no budget to choose by."""
        costs = self.losses[:, 1]
        return bool(costs.min(initial=np.inf) < costs.max(initial=-np.inf))

    @property
    def suffice(self) -> bool:
        """Whether `fit` can learn from them."""
        return len(self) >= MIN_TRIALS and self.have_range


def examples_of(archs: IntArray, losses: FloatArray, avoided: Avoided | None = None) -> Examples:
    """Sort measurements by architectures, and set those apart that failed.

    An architecture that was measured several times counts with its mean; one that has also failed,
    or is to be avoided, counts as it was measured.

    Args:
        archs: Canonical rows, `int[n, d]`.
        losses: Value and cost of each, minimised, `float[n, 2]`.
        avoided: What must be no answer.

    Returns:
        Each architecture once. One that failed is dearer than all that work, and its value, which
        may be a penalty too, is at worst that of the worst that works.

    Example:
        >>> costs = np.array([[0.3, 1.0], [0.2, 2.0], [0.1, 4.0], [1e10, 1e10]])
        >>> examples_of(np.arange(4)[:, None], costs).failed_losses
        array([[0.3, 7. ]])
    """
    works = are_measured(losses[:, 1])
    measured, means = _averaged(archs[works], losses[works])
    known = {arch.tobytes() for arch in measured}
    broken = ~works & np.array([arch.tobytes() not in known for arch in archs], dtype=bool)
    failed, failed_losses = _averaged(archs[broken], losses[broken])
    failed_losses[:, 0] = np.minimum(failed_losses[:, 0], means[:, 0].max(initial=-np.inf))
    if len(failed):
        failed_losses[:, 1] = cost_of_failing(means[:, 1])
    others = avoided.without(measured) if avoided is not None else None
    return Examples(measured, means, failed, failed_losses, others)


def _averaged(archs: IntArray, losses: FloatArray) -> tuple[IntArray, FloatArray]:
    """Different architectures in the order of their first measurement, with their mean losses."""
    _, first, inverse, counts = np.unique(
        archs, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    total = np.zeros((len(first), losses.shape[1]))
    # A power of two changes no digit: so many of the largest floats have a sum.
    unit = 2.0 ** -np.ceil(np.log2(max(len(archs), 1)))
    inverse = inverse.reshape(-1)
    np.add.at(total, inverse, losses * unit)
    # Three times .1 is .1, and not the next float, which would be beyond a budget of .1.
    low, high = np.full_like(total, np.inf), np.full_like(total, -np.inf)
    np.minimum.at(low, inverse, losses)
    np.maximum.at(high, inverse, losses)
    means = np.clip(total / counts[:, None] / unit, low, high)
    order = np.argsort(first)
    return archs[first[order]], means[order]
