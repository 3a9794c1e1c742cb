"""What a search optimises: objectives of the study and user attributes of its trials.

The same everywhere in the package: an integer is the index of an objective, an `Attr` a user
attribute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

__all__ = ["Attr", "Goal", "Goals"]


@dataclass(frozen=True)
class Attr:
    """A user attribute that is optimised as if the objective function returned it.

    Attributes:
        name: As in `trial.set_user_attr(name, value)`.
        direction: "minimize" or "maximize".

    Raises:
        ValueError: Another direction.

    Example:
        >>> Attr("latency_ms")
        Attr(name='latency_ms', direction='minimize')
    """

    name: str
    direction: Literal["minimize", "maximize"] = "minimize"

    def __post_init__(self) -> None:
        if self.direction not in ("minimize", "maximize"):
            raise ValueError(
                f"direction is 'minimize' or 'maximize', got {self.direction!r} for {self.name!r}."
            )


Goal = int | Attr


class Goals:
    """The goals of a search in one study, as losses.

    Args:
        directions: The study's directions.
        goals: Objectives and user attributes; `None` for all objectives of the study.

    Raises:
        ValueError: No goal, one that is there twice, or an objective that the study does not have.
        TypeError: Neither an integer nor an `Attr`.
    """

    def __init__(
        self, directions: Sequence[StudyDirection], goals: Sequence[Goal] | None = None
    ) -> None:
        self.goals: tuple[Goal, ...] = tuple(range(len(directions)) if goals is None else goals)
        if not self.goals or len(set(self.goals)) != len(self.goals):
            raise ValueError(f"Give every objective of the search once; got {list(self.goals)}.")
        self._n_values = len(directions)
        self.signs: list[float] = []
        for goal in self.goals:
            if isinstance(goal, Attr):
                self.signs.append(-1.0 if goal.direction == "maximize" else 1.0)
                continue
            if isinstance(goal, bool) or not isinstance(goal, int):
                raise TypeError(
                    f"An objective is the index of one of the study's or an Attr; got {goal!r}."
                )
            if not 0 <= goal < len(directions):
                raise ValueError(
                    f"The study has no objective {goal}: it has {len(directions)}, counted from 0."
                )
            is_maximised = directions[goal] == StudyDirection.MAXIMIZE
            self.signs.append(-1.0 if is_maximised else 1.0)

    def __len__(self) -> int:
        return len(self.goals)

    def position(self, goal: Goal) -> int:
        """Return the column of a goal.

        Raises:
            ValueError: It is not among the goals.
        """
        if goal not in self.goals:
            raise ValueError(f"{goal!r} is not an objective of this search: {list(self.goals)}.")
        return self.goals.index(goal)

    def losses(self, trial: FrozenTrial) -> list[float] | None:
        """Return a trial's values with every direction turned to minimise.

        `None` for a trial that is not complete, that lacks an attribute, or that has a value which
        is not finite: Optuna allows an infinite value, but it tells nothing that a regression could
        use, and it must not win.
        """
        if trial.state != TrialState.COMPLETE or len(trial.values) != self._n_values:
            return None
        losses = []
        for goal, sign in zip(self.goals, self.signs, strict=True):
            value = (
                trial.user_attrs.get(goal.name) if isinstance(goal, Attr) else trial.values[goal]
            )
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return None
            losses.append(sign * float(value))
        return losses if all(map(math.isfinite, losses)) else None
