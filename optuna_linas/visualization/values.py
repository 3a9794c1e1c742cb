"""From studies to plain data for the figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, FloatArray
from optuna_linas.pareto import non_dominated

__all__ = ["StudyValues", "objective_names", "values_of"]


@dataclass(frozen=True)
class StudyValues:
    """The complete trials of a study, in the order of their numbers.

    Attributes:
        trials: The trials.
        values: Their values in the user's directions, `float[n, m]`.
        losses: The same, minimised.
        feasible: Which of them violate no constraint, `bool[n]`.
    """

    trials: list[FrozenTrial]
    values: FloatArray
    losses: FloatArray
    feasible: BoolArray

    @property
    def front(self) -> BoolArray:
        """Which trials no feasible trial dominates, `bool[n]`."""
        on_front = self.feasible.copy()
        on_front[self.feasible] = non_dominated(self.losses[self.feasible])
        return on_front


def values_of(study: Study) -> StudyValues:
    """Return the complete trials with finite values as arrays."""
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if np.isfinite(trial.values).all()
    ]
    m = len(study.directions)
    values = np.array([trial.values for trial in trials], dtype=float).reshape(-1, m)
    signs = [-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions]
    feasible = np.array(
        [all(value <= 0 for value in trial.constraints.values()) for trial in trials], dtype=bool
    )
    return StudyValues(trials, values, values * signs, feasible)


def objective_names(study: Study) -> list[str]:
    """Return the study's metric names, or "objective 0", "objective 1", ..."""
    if study.metric_names is not None:
        return list(study.metric_names)
    return [f"objective {i}" for i in range(len(study.directions))]
