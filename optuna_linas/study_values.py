"""From a study to plain arrays: what the figures draw and the answers choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, FloatArray
from optuna_linas.given import check_given
from optuna_linas.goals import Attr, Goal, Goals, as_goal, check_recorded, goal_name
from optuna_linas.pareto import non_dominated

__all__ = ["StudyValues", "check_study", "goals_of", "values_of", "why_empty"]


@dataclass(frozen=True)
class StudyValues:
    """The complete trials of a study that tell all goals, in the order of their numbers.

    Attributes:
        trials: The trials.
        values: Their values in the user's directions, `float[n, m]`.
        losses: The same, minimised.
        feasible: Which of them violate no constraint, `bool[n]`.
        names: What each goal is called.
        signs: -1 where a goal is maximised, else 1, `float[m]`.
    """

    trials: list[FrozenTrial]
    values: FloatArray
    losses: FloatArray
    feasible: BoolArray
    names: tuple[str, ...]
    signs: FloatArray

    @property
    def front(self) -> BoolArray:
        """Which trials no feasible trial dominates, `bool[n]`."""
        on_front = self.feasible.copy()
        on_front[self.feasible] = non_dominated(self.losses[self.feasible])
        return on_front

    def sorted_front(self) -> list[int]:
        """Positions of the trials on the front, the cheapest first: by the last goal's loss."""
        found = np.flatnonzero(self.front)
        return [int(i) for i in found[np.argsort(self.losses[found, -1], kind="stable")]]

    def is_maximised(self, goal: int) -> bool:
        """Whether more of a goal is better."""
        return bool(self.signs[goal] < 0)


def check_study(study: object) -> None:
    """Raise if something is no study.

    Raises:
        TypeError: It is something else.
    """
    check_given(study, Study, "a study, as optuna.create_study or optuna.load_study returns it")


def goals_of(study: Study, objectives: Sequence[Goal | str] | None = None) -> Goals:
    """Return the goals that are asked for, or else those that the study was searched for.

    By default these are the `objectives` of the study's sampler; where it has none, as in a study
    that was loaded, those that a search has recorded with its predictions; else all objectives of
    the study.

    Args:
        study: Any study.
        objectives: Indices of objectives and user attributes; a string is an attribute that is
            minimised.

    Raises:
        ValueError: An objective that the study does not have, or one given twice.
        TypeError: Something else than a study, or than an index, a string or an `Attr`.
    """
    check_study(study)
    if objectives is None:
        objectives = _of_sampler(study) or _recorded(study)
    if isinstance(objectives, str):
        raise TypeError(f"objectives is a sequence, such as [0, {objectives!r}].")
    return Goals(study.directions, None if objectives is None else [*map(as_goal, objectives)])


def values_of(study: Study, objectives: Sequence[Goal | str] | None = None) -> StudyValues:
    """Return the complete trials with finite values as arrays.

    Args:
        study: Any study.
        objectives: As for `goals_of`.

    Raises:
        ValueError: As for `goals_of`, or an attribute is asked for that no complete trial has.
        TypeError: As for `goals_of`.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(direction="maximize")
        >>> study.add_trial(optuna.create_trial(value=0.9, user_attrs={"latency_ms": 12.0}))
        >>> values_of(study, [0, "latency_ms"]).losses
        array([[-0.9, 12. ]])
    """
    goals = goals_of(study, objectives)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    # What was asked for is wrong; what the search was told may only not be recorded yet.
    for goal in goals.goals if objectives is not None else ():
        check_recorded(goal, complete, "objective")
    trials, rows = [], []
    for trial in complete:
        if (row := goals.values(trial.values, trial.user_attrs)) is not None:
            trials.append(trial)
            rows.append(row)
    values = np.array(rows, dtype=float).reshape(-1, len(goals))
    signs = np.array(goals.signs)
    violated = [any(value > 0 for value in trial.constraints.values()) for trial in trials]
    names = tuple(goal_name(study, goal) for goal in goals.goals)
    return StudyValues(
        trials, values, values * signs, ~np.array(violated, dtype=bool), names, signs
    )


def why_empty(study: Study) -> str:
    """Say why there is nothing to show of a study without usable trials."""
    counts = Counter(trial.state for trial in study.get_trials(deepcopy=False))
    if counts[TrialState.COMPLETE]:
        return "No complete trial has a finite value of every objective"
    others = [
        f"{counts[state]} {word}"
        for state, word in (
            (TrialState.FAIL, "failed"),
            (TrialState.PRUNED, "pruned"),
            (TrialState.RUNNING, "running"),
            (TrialState.WAITING, "waiting"),
        )
        if counts[state]
    ]
    return "No complete trial yet" + (f": {', '.join(others)}" if others else "")


def _of_sampler(study: Study) -> tuple[Goal, ...] | None:
    """What the study's sampler was told to optimise; others may call something else objectives."""
    given = getattr(study.sampler, "objectives", None)
    is_ours = isinstance(given, tuple) and all(isinstance(goal, int | Attr) for goal in given)
    return given if is_ours else None


def _recorded(study: Study) -> list[Goal] | None:
    """The goals that a sampler has recorded with how well it predicted them."""
    for name, record in study.user_attrs.items():
        if not (name.endswith(":predictors") and isinstance(record, dict)):
            continue
        goals: list[Any] = record.get("objectives", [])
        directions = record.get("directions", ["minimize"] * len(goals))
        return [
            Attr(goal, direction) if isinstance(goal, str) else goal
            for goal, direction in zip(goals, directions, strict=True)
        ]
    return None
