"""Objectives that are computed from the parameters instead of being predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["KnownLosses", "KnownObjective"]

KnownObjective = Callable[[Mapping[str, Option]], float]
"""From the active parameters of an architecture to the objective's value."""


class KnownLosses:
    """The losses of architectures by a function of their parameters, each computed once.

    Args:
        space: The search space.
        value: The function, in the user's direction.
        sign: -1 where the objective is maximised, else 1.
    """

    def __init__(self, space: SearchSpace, value: KnownObjective, sign: float) -> None:
        self._space, self._value, self._sign = space, value, sign
        self._computed: dict[bytes, float] = {}

    def __call__(self, archs: IntArray) -> FloatArray:
        """Return the losses of `archs` `int[n, d]`, `float[n]`."""
        losses = np.empty(len(archs))
        for i, arch in enumerate(self._space.canonical(archs)):
            key = arch.tobytes()
            if key not in self._computed:
                self._computed[key] = self._sign * float(self._value(self._space.decode(arch)))
            losses[i] = self._computed[key]
        return losses
