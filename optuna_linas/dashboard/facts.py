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
from optuna_linas.goals import Goals, goal_name
from optuna_linas.lineage import read_lineage
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.samplers.plan import Claim
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace
from optuna_linas.study_values import values_of

__all__ = [
    "Front",
    "Prediction",
    "front_of",
    "goal_label",
    "is_predicted",
    "iteration_of",
    "known_space",
    "objective_names",
    "prediction_of",
    "sampler_name",
]

_N_TRIALS_FOR_SPACE = 300

_PLANNERS = {"linas": "LINASSampler", "nag": "NAGSampler", "pymoo": "PymooSampler"}
"""Samplers by the prefix of their attributes."""


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


def is_predicted(study: Study) -> bool:
    """Return whether any batch of a study was predicted."""
    records = (study.user_attrs.get(f"{key}:predictors") for key in _PLANNERS)
    return any(record and record["iterations"] for record in records)


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


def objective_names(study: Study) -> list[str]:
    """Return what the study's objectives are called."""
    return [goal_name(study, i) for i in range(len(study.directions))]


def goal_label(goal: int | str, objectives: Sequence[str]) -> str:
    """Return what a goal is called: an attribute's name is one, an objective has an index."""
    return objectives[goal] if isinstance(goal, int) else goal


@dataclass(frozen=True)
class Front:
    """The trade-offs that a study has found, the cheapest first.

    Attributes:
        names: What each goal is called.
        trials: The trials that no feasible one dominates; of equal ones the first.
        values: Their values in the user's directions, `float[n, m]`.
    """

    names: tuple[str, ...]
    trials: tuple[FrozenTrial, ...]
    values: FloatArray

    def position(self, number: int) -> int | None:
        """Return where a trial stands; `None` if it is none of these."""
        numbers = [trial.number for trial in self.trials]
        return numbers.index(number) if number in numbers else None


def front_of(study: Study) -> Front:
    """Return the front of a study; with one goal it is the best trial."""
    data = values_of(study)
    found = data.sorted_front()
    first = np.unique(data.losses[found], axis=0, return_index=True)[1]
    chosen = [found[i] for i in np.sort(first)]
    return Front(data.names, tuple(data.trials[i] for i in chosen), data.values[chosen])


def known_space(study: Study, front: Front) -> SearchSpace | None:
    """Return the space that the sampler was given, or the one that the trials show.

    Of a long study, the front and evenly chosen trials are looked at, which takes a second at most.

    Args:
        study: Any study.
        front: Its front, or what was so a moment ago: it fits the space for certain.

    Returns:
        `None` where no trial has a parameter.
    """
    given = getattr(study.sampler, "space", None)
    if isinstance(given, SearchSpace):
        return given
    table = TrialTable(Goals(study.directions), None, lambda message: None)
    trials = study.get_trials(deepcopy=False)
    chosen = {*evenly(len(trials), _N_TRIALS_FOR_SPACE), *(t.number for t in front.trials)}
    table.update([trials[i] for i in sorted(chosen)])
    return table.space
