"""Answers, not only figures: one trial of the front.

References:
    Das, "On characterizing the knee of the Pareto curve based on normal-boundary intersection",
    1999: the knee is where the front bulges most beyond the plane through its ends.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.given import check_given
from optuna_linas.goals import Attr, Goal, Goals, as_goal, check_recorded, goal_name
from optuna_linas.study_values import StudyValues, check_study, values_of, why_empty

__all__ = ["best_under", "knee_point"]


def best_under(
    study: Study,
    budgets: Mapping[Goal | str, float] | None = None,
    /,
    *,
    value: Goal | str | None = None,
    **attributes: float,
) -> FrozenTrial:
    """Return the measured trial with the best value among those within the budgets.

    Args:
        study: Any study, whatever sampled it.
        budgets: Budgets of objectives, by index, and of attributes: `{1: 37.0}`,
            `{Attr("accuracy", "maximize"): 0.9}`. Of what is maximised, the trial must have at
            least that much, of everything else at most.
        value: What is to be as good as possible: an objective's index or an `Attr`. By default the
            study's first objective that has no budget.
        **attributes: Budgets by name: `latency_ms=37.0` is of the trials' user attribute, or of the
            objective with that metric name; what is of no objective is minimised.

    Returns:
        A copy of the trial: `.params` is the network, `.values` and `.user_attrs` what was
        measured. Of equal values the cheapest, then the earliest. Trials that violate a constraint
        are out.

    Raises:
        ValueError: No budget, a name that the trials do not have (the message lists what they
            have), or no trial is within the budgets (it says how close the study comes).
        TypeError: Something else than a study, or a budget that is not a number.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(direction="maximize")
        >>> for accuracy, latency in ((0.7, 20.0), (0.8, 35.0), (0.9, 50.0)):
        ...     study.add_trial(
        ...         optuna.create_trial(value=accuracy, user_attrs={"latency_ms": latency})
        ...     )
        >>> best_under(study, latency_ms=37).value
        0.8
    """
    check_study(study)
    if budgets is not None:
        wanted = "budgets by name, as in latency_ms=37, or in a dict by index, as in {1: 37}"
        check_given(budgets, Mapping, wanted)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    named = {_named(study, complete, name): limit for name, limit in attributes.items()}
    limits = {**{as_goal(goal): limit for goal, limit in (budgets or {}).items()}, **named}
    if not limits:
        raise ValueError(
            "Give a budget: best_under(study, latency_ms=37) for a user attribute, or "
            "best_under(study, {1: 37}) for an objective by its index. " + _known(study, complete)
        )
    for goal, limit in limits.items():
        if isinstance(limit, bool) or not isinstance(limit, int | float | np.number):
            raise TypeError(f"The budget of {_text(study, goal)} is a number, got {limit!r}.")
    best = _value(study, limits) if value is None else as_goal(value)
    data = _usable(study, list(dict.fromkeys((best, *limits))), complete)
    column = {goal: j for j, goal in enumerate(dict.fromkeys((best, *limits)))}
    signs = data.signs
    within = np.ones(len(data.trials), dtype=bool)
    for goal, limit in limits.items():
        j = column[goal]
        within &= data.losses[:, j] <= float(limit) * signs[j]
    if not within.any():
        closest = []
        for goal, limit in limits.items():
            j = column[goal]
            i = int(data.losses[:, j].argmin())
            word = "at least" if signs[j] < 0 else "at most"
            closest.append(
                f"{_text(study, goal)} {word} {limit:g} (the best is {data.values[i, j]:.6g}, "
                f"trial {data.trials[i].number})"
            )
        raise ValueError(
            f"None of the {len(data.trials)} usable trials of {study.study_name!r} has "
            f"{' and '.join(closest)}."
            + (" Each budget is met by a trial, but none meets all." if len(limits) > 1 else "")
        )
    at = np.flatnonzero(within)
    order = np.lexsort(data.losses[at].T[::-1])  # by the value, then by the budgets as given
    return _copy(data.trials[int(at[order[0]])])


def knee_point(study: Study, *, objectives: Sequence[Goal | str] | None = None) -> FrozenTrial:
    """Return the trial at the knee of the Pareto front: a little more of one goal costs much.

    With every objective scaled to the front's range, it is the point that lies furthest beyond the
    plane through the ends of the front (Das 1999). A front that nowhere bulges has no knee: then it
    is the most balanced point, whose worst objective is the least bad.

    Args:
        study: Any study, whatever sampled it.
        objectives: What the front is of: indices and user attributes; by default what the study
            was searched for. With one objective, it is the best trial.

    Returns:
        A copy of the trial.

    Raises:
        ValueError: No complete, feasible trial, or an attribute that no trial has.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> for values in ((0.70, 10.0), (0.88, 14.0), (0.90, 50.0)):
        ...     study.add_trial(optuna.create_trial(values=values))
        >>> knee_point(study).values
        [0.88, 14.0]
    """
    data = values_of(study, objectives)
    if not data.feasible.any():
        raise ValueError(_nothing(study, data))
    front = np.flatnonzero(data.front)
    losses = data.losses[front]
    span = np.ptp(losses, axis=0)
    unit = (losses - losses.min(axis=0)) / np.where(span > 0, span, 1.0)
    # The plane through the ends is where the scaled losses sum to 1.
    bulge = 1.0 - unit.sum(axis=1)
    ranks = -bulge if bulge.max() > 1e-12 else unit.max(axis=1)
    best = np.lexsort((losses[:, 0], np.round(ranks, 12)))[0]
    return _copy(data.trials[int(front[best])])


def _copy(trial: FrozenTrial) -> FrozenTrial:
    copied: FrozenTrial = copy.deepcopy(trial)
    return copied


def _usable(study: Study, goals: list[Goal], complete: list[FrozenTrial]) -> StudyValues:
    for goal in goals:
        check_recorded(goal, complete, "budget's quantity")
    data = values_of(study, goals)
    if not data.feasible.any():
        raise ValueError(_nothing(study, data))
    at = np.flatnonzero(data.feasible)
    return replace(
        data,
        trials=[data.trials[i] for i in at],
        values=data.values[at],
        losses=data.losses[at],
        feasible=data.feasible[at],
    )


def _nothing(study: Study, data: StudyValues) -> str:
    reason = "every complete trial violates a constraint" if data.trials else why_empty(study)
    return f"The study {study.study_name!r} has nothing to choose from: {reason}."


def _named(study: Study, complete: list[FrozenTrial], name: str) -> Goal:
    """The goal of a keyword: an objective by the name that figures give it, or an attribute."""
    names = [goal_name(study, i) for i in range(len(study.directions))]
    if name in names:
        return names.index(name)
    if complete and not any(name in trial.user_attrs for trial in complete):
        raise ValueError(f"No trial has {name!r}. " + _known(study, complete))
    return Attr(name)


def _known(study: Study, complete: list[FrozenTrial]) -> str:
    known = sorted({name for trial in complete for name in trial.user_attrs})
    said = (
        f"The trials have the user attributes {known}" if known else "The trials have no attributes"
    )
    names = [f"{i} ({name})" for i, name in enumerate(study.metric_names or ())]
    indices = ", ".join(names) or ", ".join(map(str, range(len(study.directions))))
    return f"{said}; the study's objectives are {indices}."


def _value(study: Study, limits: Mapping[Goal, float]) -> int:
    for i in range(len(study.directions)):
        if i not in limits:
            return i
    raise ValueError(
        "Every objective of the study has a budget: say what is to be the best, as in "
        "value=0 or value=Attr('accuracy', 'maximize')."
    )


def _text(study: Study, goal: Goal) -> str:
    return goal_name(study, Goals(study.directions, [goal]).goals[0])
