"""What a study says of itself, whatever has sampled it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import FloatArray
from optuna_linas.dashboard.selection import evenly
from optuna_linas.goals import Goals
from optuna_linas.lineage import read_lineage
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.samplers.plan import Claim
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace
from optuna_linas.visualization.values import objective_names, values_of

__all__ = [
    "Prediction",
    "PredictionRecord",
    "goal_label",
    "inferred_space",
    "iteration_of",
    "prediction_of",
    "prediction_record",
    "sampler_name",
    "sorted_front",
]

_N_TRIALS_FOR_SPACE = 300

_PLANNERS = {"linas": "LINASSampler", "nag": "NAGSampler", "pymoo": "PymooSampler"}
"""Samplers by the prefix of their attributes."""


@dataclass(frozen=True)
class PredictionRecord:
    """How well the batches of a search were predicted.

    Attributes:
        objectives: What was predicted, by name.
        iterations: Per batch: `iteration`, `n_trials`, `predictors`, `mape_percent` and
            `kendall_tau`, the last three with one entry per objective.
    """

    objectives: tuple[str, ...]
    iterations: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Prediction:
    """What was predicted of a trial before it ran.

    Attributes:
        values: By objective, in the user's direction.
        predictors: The predictor of each.
    """

    values: dict[str, float]
    predictors: tuple[str, ...]


def sampler_name(study: Study, attrs: Mapping[str, Any]) -> str | None:
    """Return which of our samplers planned a study; `None` for another.

    Args:
        study: The study.
        attrs: Its system attributes.
    """
    if PopulationPlan.of(study) is not None:
        return "PBTNASSampler"
    found = [name for key, name in _PLANNERS.items() if f"{key}:plan" in attrs]
    return found[0] if found else None


def iteration_of(study: Study, attrs: Mapping[str, Any]) -> str | None:
    """Return how far a search has come, in its own steps; `None` where there are none.

    Args:
        study: The study.
        attrs: Its system attributes.
    """
    plan = PopulationPlan.of(study)
    if plan is not None:
        lineage = read_lineage(study)
        n_over = sum(lineage.is_over(generation) for generation in range(plan.n_generations))
        return f"{n_over} of {plan.n_generations} generations of {plan.population_size} members"
    for key in _PLANNERS:
        if text := attrs.get(f"{key}:plan"):
            batch = json.loads(text)["batch"]
            return "the start, before the first prediction" if batch == 0 else str(batch)
    return None


def prediction_record(study: Study) -> PredictionRecord | None:
    """Return how well a study's batches were predicted; `None` if nothing was."""
    for key in _PLANNERS:
        record = study.user_attrs.get(f"{key}:predictors")
        if record and record["iterations"]:
            names = objective_names(study)
            labels = tuple(goal_label(goal, names) for goal in record["objectives"])
            return PredictionRecord(labels, record["iterations"])
    return None


def prediction_of(trial: FrozenTrial, objectives: Sequence[str]) -> Prediction | None:
    """Return what was predicted of a trial; `None` if nothing was.

    Args:
        trial: A trial.
        objectives: What the study's objectives are called.
    """
    for key in _PLANNERS:
        text = trial.system_attrs.get(f"{key}:claim")
        note = Claim.loads(text).note if text else {}
        if "predicted" in note:
            goals = note.get("objectives", range(len(note["predicted"])))
            labels = [goal_label(goal, objectives) for goal in goals]
            values = dict(zip(labels, note["predicted"], strict=True))
            return Prediction(values, tuple(note.get("predictors", ())))
    return None


def goal_label(goal: int | str, objectives: Sequence[str]) -> str:
    """Return what a goal is called: an attribute's name is one, an objective has an index."""
    return objectives[goal] if isinstance(goal, int) else goal


def inferred_space(study: Study) -> SearchSpace | None:
    """Return the search space as the trials show it; `None` where none has a parameter.

    Of a long study, evenly chosen trials are looked at, which takes a second at most.
    """
    table = TrialTable(Goals(study.directions), None, lambda message: None)
    trials = study.get_trials(deepcopy=False)
    table.update([trials[i] for i in evenly(len(trials), _N_TRIALS_FOR_SPACE)])
    return table.space


def sorted_front(study: Study) -> list[FrozenTrial]:
    """Return the trials that no feasible one dominates, each value vector once, in order.

    With one objective it is the best trial. The order is that of the last objective, best first:
    the cost, in most studies.
    """
    data = values_of(study)
    if not data.trials:
        return []
    front = np.flatnonzero(data.front)
    losses: FloatArray = data.losses[front]
    unique = np.unique(losses, axis=0, return_index=True)[1]
    order = unique[np.lexsort(losses[unique].T)]
    return [data.trials[front[i]] for i in order]
