"""Targets bent so that a Gaussian process explains them best: the power transformation by evidence.

Where most networks are poor and the good ones differ by little (the accuracies of a space with bad
operations), a model in the losses' own unit spends itself on the poor ones. The power of Yeo and
Johnson's transformation ("A New Family of Power Transformations to Improve Normality or Symmetry",
Biometrika 2000) is chosen as Box and Cox choose theirs ("An Analysis of Transformations", JRSS B
1964): by the likelihood of the *residuals*, the transformation's Jacobian included, here under the
Gaussian process's kernel. Skewed losses that the features explain as they are stay as they are, and
so do those that would be explained better by less than a tenth.

Shapes: `n` examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.evidence import even_kernel

__all__ = ["Warp", "choose_warp"]

_POWERS = (1.0, 0.75, 0.5, 0.25, 0.0, -0.25, -0.5, -0.75, -1.0, 1.25, 1.5, 1.75, 2.0)
_BELIEF_IN_NONE = 4.0
"""Times the squared distance from a power of one, in nats: few examples must not bend much."""
_LEAST_GAIN = 0.1
"""Nats an example from which on it pays: what is left unexplained is smaller by a tenth."""
_LEAST_STEP = 1e-6
_ROOM = 1.0
"""How far beyond the examples predictions may go, in ranges of the examples as bent."""


@dataclass(frozen=True)
class Warp:
    """A monotone transformation of one objective's losses, and back.

    Attributes:
        power: Of Yeo and Johnson's transformation; 1 changes nothing.
        center: The loss at which the transformation is 0.
        unit: What losses are measured in before they are transformed.
        low: The least transformed value that is taken back; lower ones are moved there.
        high: The largest one.

    Example:
        >>> warp = Warp(power=0.0, center=0.0, unit=1.0)
        >>> warp(np.array([0.0, np.e - 1])), warp.inverse(np.array([0.0, 1.0])).round(3)
        (array([0., 1.]), array([0.   , 1.718]))
    """

    power: float = 1.0
    center: float = 0.0
    unit: float = 1.0
    low: float = -np.inf
    high: float = np.inf

    def __call__(self, losses: FloatArray) -> FloatArray:
        """Return the transformed losses, `float[n]`."""
        return _bend((losses - self.center) / self.unit, self.power)

    def inverse(self, bent: FloatArray) -> FloatArray:
        """Return the losses that transformed values `float[n]` stand for."""
        straight = _straighten(np.clip(bent, self.low, self.high), self.power)
        return straight * self.unit + self.center

    def secant(self, bent: FloatArray, step: FloatArray) -> FloatArray:
        """Return what the loss is lower by, per unit, a step below transformed values, `float[n]`.

        Never steeper than it is at the value itself or a step below; 0 beyond `low`.

        Args:
            bent: Transformed values, `float[n]`.
            step: At least 0; the slope at the value itself where it is next to nothing, `float[n]`.
        """
        step = np.maximum(step, _LEAST_STEP * np.maximum(np.abs(bent), 1.0))
        lower: FloatArray = self.inverse(bent) - self.inverse(bent - step)
        return lower / step


def choose_warp(kernels: FloatArray, losses: FloatArray) -> Warp:
    """Return the transformation under which a sum of kernels explains the losses best.

    All kernels count alike here: their weights are fitted to what is transformed, later.

    Args:
        kernels: Gram matrices of the examples, `float[q, n, n]`.
        losses: `float[n]`, without outliers.

    Example:
        >>> x = np.linspace(-1.0, 1.0, 40)[:, None]
        >>> choose_warp((x @ x.T)[None], np.exp(3 * x[:, 0])).power < 1
        True
    """
    n = len(losses)
    center, unit = float(np.median(losses)), float(losses.std())
    if unit <= 1e-12 * max(abs(center), 1e-300):
        return Warp()
    straight = (losses - center) / unit
    factor = even_kernel(kernels)
    level = cho_solve(factor, np.ones(n))
    gains = np.empty(len(_POWERS))
    for i, power in enumerate(_POWERS):
        bent = _bend(straight, power)
        bent = bent - (level @ bent) / level.sum()
        misfit = float(bent @ cho_solve(factor, bent)) / n
        gains[i] = -0.5 * n * np.log(max(misfit, 1e-300)) + _log_slope(straight, power).sum()
        gains[i] -= _BELIEF_IN_NONE * (power - 1.0) ** 2
    best = int(np.argmax(gains))
    if gains[best] - gains[0] <= _LEAST_GAIN * n:
        return Warp()
    power = _POWERS[best]
    bent = _bend(straight, power)
    room = _ROOM * np.ptp(bent)
    # A power below 0 has an upper end that it never reaches.
    high = min(float(bent.max() + room), -0.99 / power) if power < 0 else float(bent.max() + room)
    return Warp(power, center, unit, float(bent.min() - room), high)


def _bend(x: FloatArray, power: float) -> FloatArray:
    """Yeo and Johnson's transformation."""
    up, down = np.log1p(np.maximum(x, 0.0)), np.log1p(np.maximum(-x, 0.0))
    above = up if power == 0 else np.expm1(power * up) / power
    below = down if power == 2 else np.expm1((2 - power) * down) / (2 - power)
    return np.where(x >= 0, above, -below)


def _straighten(y: FloatArray, power: float) -> FloatArray:
    """The inverse of `_bend`."""
    up, down = np.maximum(y, 0.0), np.maximum(-y, 0.0)
    above = up if power == 0 else np.log1p(power * up) / power
    below = down if power == 2 else np.log1p((2 - power) * down) / (2 - power)
    return np.where(y >= 0, np.expm1(above), -np.expm1(below))


def _log_slope(x: FloatArray, power: float) -> FloatArray:
    """The logarithm of the derivative of `_bend` at `x`."""
    slope: FloatArray = (power - 1.0) * np.sign(x) * np.log1p(np.abs(x))
    return slope
