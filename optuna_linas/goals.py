"""What a search optimises: objectives of the study and user attributes of its trials.

The same everywhere in the package: an integer is the index of an objective, an `Attr` a user
attribute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal, TypeGuard

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import LARGEST

__all__ = ["Attr", "Goal", "Goals", "as_goal", "check_recorded", "goal_name", "is_number"]


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
        self.directions = tuple(directions)
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

    @property
    def names(self) -> list[int | str]:
        """The goals as JSON: an objective's index, an attribute's name."""
        return [goal.name if isinstance(goal, Attr) else goal for goal in self.goals]

    @property
    def direction_names(self) -> list[Literal["minimize", "maximize"]]:
        """Each goal's direction, as Optuna takes it."""
        return ["maximize" if sign < 0 else "minimize" for sign in self.signs]

    def position(self, goal: Goal) -> int:
        """Return the column of a goal.

        Raises:
            ValueError: It is not among the goals.
        """
        if goal not in self.goals:
            raise ValueError(f"{goal!r} is not an objective of this search: {list(self.goals)}.")
        return self.goals.index(goal)

    def losses(self, trial: FrozenTrial) -> list[float] | None:
        """Return what a search learns of a trial: its values, every direction turned to minimise.

        A network with a value that is infinitely bad does not work, and has the largest losses
        (`LARGEST`) throughout: its accuracy is no end of a front. `None` for a trial that is not
        complete, that lacks an attribute, or that has `nonsense`.
        """
        losses = self._told(trial)
        if not losses or not all(map(_makes_sense, losses)):
            return None
        return [LARGEST] * len(losses) if math.inf in losses else losses

    def nonsense(self, trial: FrozenTrial) -> str | None:
        """Return what a trial says of one of its goals that no network is: NaN, infinitely good.

        `None` if nothing is wrong, and for a trial that `losses` has other reasons to leave out.
        """
        for goal, sign, loss in zip(self.goals, self.signs, self._told(trial), strict=False):
            if not _makes_sense(loss):
                name = repr(goal.name) if isinstance(goal, Attr) else f"objective {goal}"
                return f"{name} is {sign * loss}"
        return None

    def values(
        self, objectives: Sequence[float], user_attrs: Mapping[str, object]
    ) -> list[float] | None:
        """Return the values of the goals in the user's direction, as figures show them.

        `None` where one is not there, or not finite.

        Args:
            objectives: What the objective function returned.
            user_attrs: The trial's user attributes.
        """
        values = self._numbers(objectives, user_attrs)
        return values if values and all(map(math.isfinite, values)) else None

    def _told(self, trial: FrozenTrial) -> list[float]:
        """The losses of a complete trial, whatever they are; none where one is no number."""
        if trial.state != TrialState.COMPLETE:
            return []
        values = self._numbers(trial.values, trial.user_attrs)
        return [sign * value for sign, value in zip(self.signs, values, strict=False)]

    def _numbers(
        self, objectives: Sequence[float], user_attrs: Mapping[str, object]
    ) -> list[float]:
        """The values of all goals, whatever they are; none where one is no number."""
        if len(objectives) != len(self.directions):
            return []
        numbers = []
        for goal in self.goals:
            value = user_attrs.get(goal.name) if isinstance(goal, Attr) else objectives[goal]
            if not is_number(value):
                return []
            numbers.append(float(value))
        return numbers


def _makes_sense(loss: float) -> bool:
    """Whether a network may have a loss: not NaN, and not infinitely good."""
    return loss > -math.inf


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a user attribute is a number; NumPy's too, which storages in memory keep.

    Example:
        >>> import numpy as np
        >>> is_number(np.float32(0.5)), is_number(True)
        (True, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def as_goal(goal: Goal | str) -> Goal:
    """Return the goal: a string is short for a user attribute that is minimised."""
    return Attr(goal) if isinstance(goal, str) else goal


def goal_name(study: Study, goal: Goal) -> str:
    """Return what a figure calls a goal.

    An objective without a metric name has the name of the user attribute that repeats its values,
    if the trials have one.
    """
    if isinstance(goal, Attr):
        return goal.name
    if study.metric_names:
        return study.metric_names[goal]
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    for name in complete[0].user_attrs if len(complete) > 1 else ():
        if all(trial.user_attrs.get(name) == trial.values[goal] for trial in complete):
            return name
    return f"objective {goal}"


def check_recorded(goal: Goal, complete: Sequence[FrozenTrial], role: str) -> None:
    """Raise if a goal is an attribute that none of some complete trials has.

    Args:
        goal: The goal; an objective is always recorded.
        complete: Complete trials; none at all are no reason to raise.
        role: What the goal is for, as the message says it.

    Raises:
        ValueError: No trial has the attribute; the message lists those that they have.
    """
    if not isinstance(goal, Attr):
        return
    if not complete or any(goal.name in trial.user_attrs for trial in complete):
        return
    known = sorted({name for trial in complete for name in trial.user_attrs})
    raise ValueError(
        f"The {role} is the user attribute {goal.name!r}, which no trial has. "
        + (f"The trials have {known}. " if known else "The trials have no user attributes. ")
        + f"Set it in the objective function, trial.set_user_attr({goal.name!r}, number), or name "
        f"another one; an objective of the study is named by its index."
    )
