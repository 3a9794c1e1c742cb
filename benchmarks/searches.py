"""One search: a sampler on a problem, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from benchmarks.problem import Asks, Problem
from optuna_linas.arrays import FloatArray

__all__ = ["Search", "search"]


@dataclass(frozen=True)
class Search:
    """What one search measured, in the order of its `n` trials.

    Attributes:
        values: In the goals' own direction and units, `float[n, m]`; NaN where a network could not
            be measured.
        seconds: The processor time of ask, suggest and tell, `float[n]`: everything but the
            objective.
    """

    values: FloatArray
    seconds: FloatArray


def search(
    problem: Problem,
    sampler: BaseSampler,
    n_evaluations: int,
    *,
    asks: Asks = "active",
    on_trial: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.process_time,
) -> Search:
    """Run one search on an in-memory storage.

    Args:
        problem: What is searched.
        sampler: A new sampler.
        n_evaluations: Trials.
        asks: What each trial suggests.
        on_trial: Called after each trial, outside of the sampler's time.
        clock: Seconds that this process has used.
    """
    study = optuna.create_study(directions=problem.directions, sampler=sampler)
    values = np.full((n_evaluations, len(problem.goals)), np.nan)
    seconds = np.zeros(n_evaluations)
    for i in range(n_evaluations):
        start = clock()
        trial = study.ask()
        arch = problem.suggest(trial, asks)
        suggested = clock()
        values[i] = problem.evaluate(arch[None])[0]
        measured = clock()
        if np.isnan(values[i]).any():
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, [float(v) for v in values[i]])
        seconds[i] = suggested - start + clock() - measured
        on_trial()
    return Search(values, seconds)
