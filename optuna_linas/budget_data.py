"""From a study to what a budget generator learns from, with errors that say what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.goals import Attr, Goal, Goals, as_goal, check_recorded
from optuna_linas.known_json import known_to_json, space_with_known
from optuna_linas.nag import MIN_TRIALS, are_measured
from optuna_linas.samplers.checks import resolve_space
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace

__all__ = ["BudgetData", "budget_data"]


@dataclass(frozen=True)
class BudgetData:
    """The usable trials of a study.

    Attributes:
        space: The search space, with what trials have shown of ranges and absences.
        archs: Canonical rows, `int[n, d]`.
        losses: Value and cost, minimised, `float[n, 2]`; some of the costs may be penalties.
        signs: -1 where the value, or the cost, is maximised, else 1.
        n_used: How many trials have a cost that is no penalty.
        n_left_out: How many trials were left out, by reason; reasons that left none out are absent.
    """

    space: SearchSpace
    archs: IntArray
    losses: FloatArray
    signs: tuple[float, float]
    n_used: int
    n_left_out: dict[str, int]


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
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    for role, goal in zip(("value", "cost"), goals.goals, strict=True):
        check_recorded(goal, complete, role)
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
    costs = losses[are_measured(losses[:, 1]), 1]
    if costs.min() == costs.max():
        shown = abs(costs[0])
        raise ValueError(
            f"The cost, {_shown(goals.goals[1])}, is {shown:g} in all {n} usable trials: there is "
            "no budget to choose by. Is it measured for each architecture?"
        )
    if len(costs) < n:
        n_left_out["with a penalty as cost"] = n - len(costs)
    return BudgetData(
        # As a file has it: a loaded generator must answer as this one does.
        space_with_known(SearchSpace(table.space.variables), known_to_json(table.space)),
        history.codes[history.feasible],
        losses,
        (goals.signs[0], goals.signs[1]),
        len(costs),
        n_left_out,
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
