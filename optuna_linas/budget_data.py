"""From a study to what a budget generator learns from, with errors that say what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.goals import Attr, Goal, Goals
from optuna_linas.nag import MIN_TRIALS
from optuna_linas.samplers.checks import resolve_space
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace

__all__ = ["BudgetData", "as_goal", "budget_data", "goal_name"]


@dataclass(frozen=True)
class BudgetData:
    """The usable trials of a study.

    Attributes:
        space: The search space.
        archs: Canonical rows, `int[n, d]`.
        losses: Value and cost, minimised, `float[n, 2]`.
        signs: -1 where the value, or the cost, is maximised, else 1.
        n_left_out: How many trials were left out, by reason; reasons that left none out are absent.
    """

    space: SearchSpace
    archs: IntArray
    losses: FloatArray
    signs: tuple[float, float]
    n_left_out: dict[str, int]


def as_goal(goal: Goal | str) -> Goal:
    """Return the goal: a string is short for a user attribute that is minimised."""
    return Attr(goal) if isinstance(goal, str) else goal


def goal_name(study: Study, goal: Goal) -> str:
    """Return what a figure calls a goal."""
    if isinstance(goal, Attr):
        return goal.name
    return study.metric_names[goal] if study.metric_names else f"objective {goal}"


def budget_data(
    study: Study,
    *,
    cost: Goal | str,
    value: Goal | str,
    space: SearchSpace | Mapping[str, BaseDistribution] | None,
) -> BudgetData:
    """Return the usable trials of a study as arrays.

    Args:
        study: Any study, whatever sampled it.
        cost: What budgets limit.
        value: What is to be as good as possible.
        space: The search space, or `None` to infer it from the trials.

    Raises:
        ValueError: No trial has the cost or the value, fewer than 20 trials are usable, or all cost
            the same.
        TypeError: A goal or a space of the wrong kind.
    """
    goals = Goals(study.directions, (as_goal(value), as_goal(cost)))
    trials = study.get_trials(deepcopy=False)
    messages: list[str] = []
    table = TrialTable(goals, resolve_space(space), messages.append)
    table.update(trials)
    for role, goal in zip(("value", "cost"), goals.goals, strict=True):
        _check_named(role, goal, trials)
    n_left_out = _left_out(trials, table)
    history = table.history() if table.space is not None else None
    n = 0 if history is None else int(history.feasible.sum())
    if history is None or table.space is None or n < MIN_TRIALS:
        reasons = ", ".join(f"{count} {reason}" for reason, count in n_left_out.items())
        raise ValueError(
            f"A budget generator needs at least {MIN_TRIALS} trials with value and cost; of the "
            f"{len(trials)} trials of {study.study_name!r}, {n} are usable"
            + (f" ({reasons})." if reasons else ".")
            + (f" {messages[0]}" if messages else "")
        )
    losses = history.losses[history.feasible]
    if np.ptp(losses[:, 1]) <= 0:
        shown = abs(losses[0, 1])
        raise ValueError(
            f"The cost, {_shown(goals.goals[1])}, is {shown:g} in all {n} usable trials: there is "
            "no budget to choose by. Is it measured for each architecture?"
        )
    return BudgetData(
        table.space,
        history.codes[history.feasible],
        losses,
        (goals.signs[0], goals.signs[1]),
        n_left_out,
    )


def _check_named(role: str, goal: Goal, trials: list[FrozenTrial]) -> None:
    if not isinstance(goal, Attr):
        return
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete or any(goal.name in trial.user_attrs for trial in complete):
        return
    known = sorted({name for trial in complete for name in trial.user_attrs})
    raise ValueError(
        f"The {role} is the user attribute {goal.name!r}, which no trial has. "
        + (f"The trials have {known}. " if known else "The trials have no user attributes. ")
        + f"Set it in the objective function, trial.set_user_attr({goal.name!r}, number), or name "
        f"another one; an objective of the study is named by its index."
    )


def _left_out(trials: list[FrozenTrial], table: TrialTable) -> dict[str, int]:
    """Count the trials that nothing is learned from, by reason."""
    counts: dict[str, int] = {}
    for trial in trials:
        reason = _reason(trial, table)
        if reason is not None:
            counts[reason] = counts.get(reason, 0) + 1
    return counts


def _reason(trial: FrozenTrial, table: TrialTable) -> str | None:
    if trial.state != TrialState.COMPLETE:
        return {TrialState.FAIL: "failed", TrialState.PRUNED: "pruned"}.get(
            trial.state, "unfinished"
        )
    if trial.number not in table.codes:
        return "not of the space"
    if not table.has_losses(trial):
        return "without a finite value and cost"
    if any(violation > 0 and not math.isnan(violation) for violation in trial.constraints.values()):
        return "infeasible by a constraint"
    return None


def _shown(goal: Goal) -> str:
    return repr(goal.name) if isinstance(goal, Attr) else f"objective {goal}"
