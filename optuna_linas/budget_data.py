"""From a study to what a budget generator learns from, with errors that say what is missing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import LARGEST, FloatArray, IntArray
from optuna_linas.avoiding import avoided_of
from optuna_linas.budget_left_out import left_out, too_few
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.given import check_given
from optuna_linas.goals import Attr, Goal, Goals, as_goal, check_recorded, is_number
from optuna_linas.history import History
from optuna_linas.known_json import known_to_json, space_with_known
from optuna_linas.nag import (
    MIN_TRIALS,
    MIN_WORKING,
    Avoided,
    are_measured,
    examples_of,
    suspected,
)
from optuna_linas.samplers.checks import resolve_space
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace

__all__ = ["BudgetData", "budget_data"]


@dataclass(frozen=True)
class BudgetData:
    """The usable trials of a study.

    Attributes:
        space: The search space, with what trials have shown of ranges and absences.
        archs: Canonical rows, `int[n, d]`, of at least 20 different ones.
        losses: Value and cost, minimised, `float[n, 2]`; some of the costs may be penalties.
        avoided: What failed or violated a constraint, if anything did.
        signs: -1 where the value, or the cost, is maximised, else 1.
        n_used: How many trials have a cost that is no penalty.
        n_left_out: How many trials were left out, by reason; reasons that left none out are absent.
    """

    space: SearchSpace
    archs: IntArray
    losses: FloatArray
    avoided: Avoided | None
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
        ValueError: No trial has the cost or the value, fewer than 20 different architectures are
            usable, fewer than 10 of them work, or all cost the same.
        SpaceMismatchError: Trials vary a parameter that the given space lacks.
        TypeError: A study, a goal or a space of the wrong kind.
    """
    check_given(study, Study, "an Optuna study")
    goals = Goals(study.directions, (as_goal(value), as_goal(cost)))
    trials = study.get_trials(deepcopy=False)
    messages: list[str] = []
    table = TrialTable(goals, resolve_space(space), messages.append)
    table.update(trials)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    for role, goal in zip(("value", "cost"), goals.goals, strict=True):
        check_recorded(goal, complete, role)
    n_left_out = left_out(trials, table)
    history = table.history() if table.space is not None else None
    if history is None or table.space is None:
        raise ValueError(too_few(study, 0, 0, n_left_out, messages))
    if space is not None:
        _check_nothing_lacks(table)
    # As a file has it: a loaded generator must answer as this one does.
    known = space_with_known(SearchSpace(table.space.variables), known_to_json(table.space))
    archs, losses = (
        known.canonical(history.codes[history.feasible]),
        history.losses[history.feasible],
    )
    n, examples = len(archs), examples_of(archs, losses)
    costs = losses[are_measured(losses[:, 1]), 1]
    n_infinite = int((np.abs(losses[:, 1]) >= LARGEST).sum())
    nothing_works = n_infinite == n and not examples.have_range
    n_working, n_different = (0, 0) if nothing_works else (len(costs), len(examples.archs))
    if len(examples) < MIN_TRIALS or n_different < MIN_WORKING:
        for reason, count in (
            ("with an infinite value or cost", n_infinite),
            ("with a penalty as cost", n - n_working - n_infinite),
        ):
            if count > 0:
                n_left_out[reason] = count
        raise ValueError(too_few(study, n_working, n_different, n_left_out, messages))
    if not examples.have_range:
        where = (
            f"in all {n_working} usable trials"
            if costs.min() == costs.max()
            else f"on average for each of {len(examples.archs)} architectures"
        )
        raise ValueError(
            f"The cost, {_shown(goals.goals[1])}, is {abs(examples.losses[0, 1]):g} {where}: there "
            "is no budget to choose by. Is it measured for each architecture?"
        )
    if (penalty := suspected(costs)) is not None:
        warnings.warn(
            f"{int((costs == penalty).sum())} of {n_working} usable trials have {abs(penalty):g} "
            f"as cost, {_shown(goals.goals[1])}, a thousand times as far as all others. It is "
            "learned as a cost: too few others tell whether it stands for networks that fail. If "
            "so, let such trials fail, or report NaN, and budgets are for what works.",
            UserWarning,
            stacklevel=3,
        )
    if len(costs) < n:
        n_left_out["with a penalty as cost"] = n - len(costs)
    return BudgetData(
        known,
        archs,
        losses,
        avoided_of(known, _with_infinite(history, trials, table)),
        (goals.signs[0], goals.signs[1]),
        len(costs),
        n_left_out,
    )


def _check_nothing_lacks(table: TrialTable) -> None:
    """Raise if trials vary what the declared space lacks: an answer would be no network of theirs.

    Raises:
        SpaceMismatchError: They do.
    """
    assert table.space is not None
    options: dict[str, set[str]] = {}
    for number in table.codes:
        if table.has_losses(table.finished[number]):
            for name, option in table.finished[number].params.items():
                options.setdefault(name, set()).add(repr(option))
    lacking = [name for name in options if name not in table.space and len(options[name]) > 1]
    if lacking:
        shown = ", ".join(map(repr, lacking[:5])) + (" and others" if len(lacking) > 5 else "")
        raise SpaceMismatchError(
            f"The given space lacks parameters that the study's trials vary: {shown}. Answers "
            "would lack them, too, and predictions mix networks that differ in them. Give a "
            "space that has them, or leave `space` out to infer it from the trials."
        )


def _with_infinite(history: History, trials: list[FrozenTrial], table: TrialTable) -> History:
    """The history with those among what failed whose value or cost is a number, but no finite one.

    A device may report so what it cannot run. Whose cost is missing was only not measured.
    """
    failed = dict(zip(history.failed_numbers.tolist(), history.failed, strict=True))
    for trial in trials:
        if trial.state == TrialState.COMPLETE and trial.number in table.codes:
            told = [
                trial.user_attrs.get(goal.name) if isinstance(goal, Attr) else trial.values[goal]
                for goal in table.goals.goals
            ]
            if any(is_number(each) and not math.isfinite(each) for each in told):
                failed[trial.number] = table.codes[trial.number]
    numbers = sorted(failed)
    rows = np.array([failed[number] for number in numbers], dtype=np.int64)
    return replace(
        history,
        failed=rows.reshape(len(numbers), history.codes.shape[1]),
        failed_numbers=np.array(numbers, dtype=np.int64),
    )


def _shown(goal: Goal) -> str:
    return repr(goal.name) if isinstance(goal, Attr) else f"objective {goal}"
