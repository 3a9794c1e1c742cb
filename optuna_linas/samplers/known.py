"""Objectives that are computed from the parameters instead of being predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.goals import Goal
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["KnownLosses", "KnownObjective", "check_known"]

KnownObjective = Callable[[Mapping[str, Option]], float]
"""From the active parameters of an architecture to the objective's value."""

_MOST_SAID = 60


def check_known(known_objectives: Mapping[Goal, KnownObjective] | None) -> None:
    """Raise if it does not give a function for each of its objectives.

    Raises:
        TypeError: No mapping, or something else than a function in it.
    """
    if not isinstance(known_objectives, Mapping | None):
        raise TypeError(
            "known_objectives is a mapping from an objective to a function of the parameters, such "
            f"as {{1: count_macs}}; got {known_objectives!r}."
        )
    for goal, value in (known_objectives or {}).items():
        if not callable(value):
            raise TypeError(
                f"known_objectives gives for each objective a function of the parameters; got "
                f"{value!r} for {goal!r}."
            )


class KnownLosses:
    """The losses of architectures by a function of their parameters, each computed once.

    Args:
        goal: The objective.
        space: The search space.
        value: The function, in the user's direction.
        sign: -1 where the objective is maximised, else 1.
    """

    def __init__(self, goal: Goal, space: SearchSpace, value: KnownObjective, sign: float) -> None:
        self._goal, self._space, self._value, self._sign = goal, space, value, sign
        self._computed: dict[bytes, float] = {}

    def __call__(self, archs: IntArray) -> FloatArray:
        """Return the losses of `archs` `int[n, d]`, `float[n]`.

        Raises:
            TypeError: The function returns no number.
        """
        losses = np.empty(len(archs))
        for i, arch in enumerate(self._space.canonical(archs)):
            key = arch.tobytes()
            if key not in self._computed:
                self._computed[key] = self._sign * self._number(self._space.decode(arch))
            losses[i] = self._computed[key]
        return losses

    def _number(self, params: Mapping[str, Option]) -> float:
        value: Any = self._value(params)
        try:
            if not isinstance(value, str) and np.ndim(value) == 0:
                return float(value)
        except (TypeError, ValueError, OverflowError):
            pass  # no number either
        raise TypeError(
            f"The function that known_objectives has for {self._goal!r} must return a number, in "
            f"the objective's own unit; for {dict(params)} it returned {repr(value)[:_MOST_SAID]}."
        )
