"""One search: a sampler on a problem, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from benchmarks.checkpoints import Checkpoint, Unfinished
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
    checkpoint: Checkpoint | None = None,
) -> Search:
    """Run one search on an in-memory storage.

    Args:
        problem: What is searched.
        sampler: A new sampler.
        n_evaluations: Trials.
        asks: What each trial suggests.
        on_trial: Called after each trial, outside of the sampler's time.
        clock: Seconds that this process has used.
        checkpoint: Where a search that takes long is kept meanwhile, and continued from.
    """
    found = checkpoint.load() if checkpoint else None
    if found is None:
        study = optuna.create_study(directions=problem.directions, sampler=sampler)
        found = Unfinished(study, [], [])
    for _ in range(len(found.values)):
        on_trial()
    while len(found.values) < n_evaluations:
        _one_trial(problem, found, asks, clock)
        on_trial()
        if checkpoint:
            checkpoint.offer(found)
    n = n_evaluations
    return Search(np.array(found.values[:n]), np.array(found.seconds[:n]))


def _one_trial(problem: Problem, found: Unfinished, asks: Asks, clock: Callable[[], float]) -> None:
    start = clock()
    trial = found.study.ask()
    arch = problem.suggest(trial, asks)
    suggested = clock()
    values = [float(v) for v in problem.evaluate(arch[None])[0]]
    measured = clock()
    if np.isnan(values).any():
        found.study.tell(trial, state=TrialState.FAIL)
    else:
        found.study.tell(trial, values)
    found.seconds.append(suggested - start + clock() - measured)
    found.values.append(values)
