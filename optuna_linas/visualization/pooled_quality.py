"""How good the last predictions were, over more trials than a batch has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from optuna.study import Study

from optuna_linas.arrays import FloatArray
from optuna_linas.goals import goal_name
from optuna_linas.predictors.quality import kendall_tau, mape_percent
from optuna_linas.samplers.predictions import PredictedBatch, predicted_trials
from optuna_linas.study_values import check_study

__all__ = ["N_POOLED", "PredictorQuality", "pooled", "predictor_quality"]

N_POOLED = 30
"""Trials over which quality is taken: that of a batch of five is mostly chance."""


class PredictorQuality(NamedTuple):
    """How well one objective was foretold.

    Attributes:
        kendall_tau: Rank correlation of predicted and measured values: 1 for the right order.
        mape_percent: Mean absolute error in percent; NaN where all measured values are 0.
        n_trials: Trials that the two are of.
        predictor: What predicted the last of them.
    """

    kendall_tau: float
    mape_percent: float
    n_trials: int
    predictor: str


def predictor_quality(study: Study) -> dict[str, PredictorQuality]:
    """Return how well the last 30 trials were foretold that were predicted, by objective.

    These are the ends of the lines of `plot_predictor_quality`.

    Args:
        study: A study searched with `LINASSampler` or `NAGSampler`, which leave what they
            predict with each trial.

    Returns:
        From each objective's name to its figures; empty where nothing was predicted yet.

    Raises:
        TypeError: `study` is no study.

    Example:
        >>> import optuna
        >>> predictor_quality(optuna.create_study())
        {}
    """
    check_study(study)
    told = predicted_trials(study)
    if not told.batches:
        return {}
    n_trials = min(N_POOLED, sum(len(batch.trials) for batch in told.batches))
    predictors = told.batches[-1].predictors
    return {
        goal_name(study, goal): PredictorQuality(
            pooled(told.batches, j, kendall_tau),
            pooled(told.batches, j, mape_percent),
            n_trials,
            predictors[j] if j < len(predictors) else "",
        )
        for j, goal in enumerate(told.goals.goals)
    }


def pooled(
    batches: Sequence[PredictedBatch], j: int, quality: Callable[[FloatArray, FloatArray], float]
) -> float:
    """Return the quality of objective `j` over the last trials of all batches together."""
    measured = np.concatenate([batch.measured[:, j] for batch in batches])[-N_POOLED:]
    predicted = np.concatenate([batch.predicted[:, j] for batch in batches])[-N_POOLED:]
    return quality(measured, predicted)
