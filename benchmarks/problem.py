"""A benchmark problem: a search space, and values for every architecture in it.

Shapes: `d` variables, `n` architectures, `m` objectives; `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import optuna
from numpy.typing import ArrayLike

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.suggest import suggest

__all__ = ["Asks", "Direction", "Goal", "Problem"]

Direction = Literal["maximize", "minimize"]

Asks = Literal["active", "all"]
"""What a trial suggests: the variables that its network has, or all variables of the space."""


@dataclass(frozen=True)
class Goal:
    """One objective: its name, its unit and the direction that is better."""

    name: str
    unit: str
    direction: Direction


@dataclass(frozen=True)
class Problem:
    """What is searched and what is measured.

    Attributes:
        name: As on the command line.
        space: The variables and their conditions.
        goals: The `m` objectives.
        evaluate: From `archs` `int[n, d]` to values `float[n, m]`, in the goals' own direction and
            units. NaN marks a network that could not be measured.
        source: Where the measurements come from.
        version: Changes whenever the values do (a digest of the data): keys what is cached.
        architectures: Every architecture, `int[n, d]`, where the problem is a complete table.
        original: The problem that this one disguises, if any.
    """

    name: str
    space: SearchSpace
    goals: tuple[Goal, ...]
    evaluate: Callable[[IntArray], FloatArray]
    source: str
    version: str
    architectures: IntArray | None = None
    original: Problem | None = None

    @property
    def directions(self) -> list[Direction]:
        """The goals' directions, as `optuna.create_study` takes them."""
        return [goal.direction for goal in self.goals]

    @cached_property
    def flat_space(self) -> SearchSpace:
        """The same variables without their conditions."""
        return SearchSpace([replace(v, conditions=()) for v in self.space.variables])

    def losses(self, values: ArrayLike) -> FloatArray:
        """Return values `float[n, m]` with the sign of the maximised ones flipped."""
        signs = np.array([-1.0 if d == "maximize" else 1.0 for d in self.directions])
        flipped: FloatArray = np.asarray(values, dtype=float) * signs
        return flipped

    def suggest(self, trial: optuna.trial.BaseTrial, asks: Asks = "active") -> IntArray:
        """Ask a trial for an architecture, `int[d]`.

        With "all", variables that the network does not have are suggested too, and ignored.
        """
        return self.space.encode(
            suggest(trial, self.space if asks == "active" else self.flat_space)
        )

    def objective(self, trial: optuna.trial.BaseTrial) -> Sequence[float]:
        """Return the values of what the trial suggests: an ordinary define-by-run objective."""
        return [float(v) for v in self.evaluate(self.suggest(trial)[None])[0]]
