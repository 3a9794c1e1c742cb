"""The samplers of the matrix: settings that are cheap and change nothing that is tested."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.study import Study

from optuna_linas import LINASSampler, NAGSampler, PBTNASSampler, PymooSampler
from optuna_linas.arrays import FloatArray
from tests.services import problem
from tests.services.storages import Opens
from tests.services.workers import Task

__all__ = [
    "LINAS",
    "LONGER_LINAS",
    "LONGER_NAG",
    "LONGER_PYMOO",
    "NAG",
    "PBT",
    "PYMOO",
    "UNDECLARED",
    "Entry",
    "created",
    "reference_volumes",
]


@dataclass(frozen=True)
class Entry:
    """A sampler in the matrix.

    Attributes:
        make: From a seed to the sampler.
        objective: What it searches.
        directions: Of the study.
        n_trials: How many trials the workers run together; divisible by 1, 4 and 8.
        key: Prefix of its attributes in the storage.
    """

    make: Callable[[int], BaseSampler]
    objective: Callable[[optuna.Trial], Any]
    directions: Sequence[str]
    n_trials: int
    key: str


def _linas(seed: int) -> BaseSampler:
    return LINASSampler(space=problem.SPACE, n_inner_evaluations=2_000, seed=seed)


def _undeclared(seed: int) -> BaseSampler:
    return LINASSampler(n_inner_evaluations=2_000, seed=seed)


def _nag(seed: int) -> BaseSampler:
    return NAGSampler(
        cost=1, space=problem.SPACE, n_budgets=3, n_startup_trials=12, n_steps=1, seed=seed
    )


def _pymoo(seed: int) -> BaseSampler:
    return PymooSampler("agemoea", space=problem.SPACE, population_size=12, seed=seed)


def _pbt(seed: int) -> BaseSampler:
    return PBTNASSampler(population_size=8, n_generations=3, epochs_per_generation=1, seed=seed)


def accuracy(trial: optuna.Trial) -> float:
    """The same networks with one objective, for a population."""
    return problem.objective(trial)[0]


LINAS = Entry(_linas, problem.objective, problem.DIRECTIONS, 40, "linas")
UNDECLARED = Entry(_undeclared, problem.unconditional, problem.DIRECTIONS, 24, "linas")
NAG = Entry(_nag, problem.objective, problem.DIRECTIONS, 32, "nag")
PYMOO = Entry(_pymoo, problem.objective, problem.DIRECTIONS, 40, "pymoo")
PBT = Entry(_pbt, accuracy, ("maximize",), 24, "pbt")

# Long enough that eight at once find what one after another finds, and random search does not.
LONGER_LINAS = replace(LINAS, n_trials=64)
LONGER_NAG = replace(NAG, n_trials=64)
LONGER_PYMOO = replace(PYMOO, n_trials=128)


def created(entry: Entry, opens: Opens) -> tuple[Study, Task]:
    """A new study, and the task of a worker that goes on until it is stopped."""
    name = uuid.uuid4().hex
    study = optuna.create_study(
        study_name=name, directions=entry.directions, storage=opens.open(), sampler=entry.make(0)
    )
    return study, Task(opens, partial(entry.make, 0), entry.objective, None, name)


def reference_volumes(entry: Entry, n_seeds: int, n_running: int) -> FloatArray:
    """The hypervolumes that one process has after all trials, `float[n_seeds]`.

    Args:
        entry: The search.
        n_seeds: How many searches.
        n_running: How many trials are under way at any time: 1 is the sequential search.
    """
    volumes = []
    for seed in range(100, 100 + n_seeds):
        study = optuna.create_study(directions=list(entry.directions), sampler=entry.make(seed))
        running: list[optuna.Trial] = []
        for _ in range(entry.n_trials):
            running.append(study.ask())
            entry.objective(running[-1])
            if len(running) == n_running:
                oldest = running.pop(0)
                study.tell(oldest, entry.objective(oldest))
        for trial in running:
            study.tell(trial, entry.objective(trial))
        volumes.append(problem.measured_volume(study.get_trials(deepcopy=False)))
    return np.array(volumes, dtype=float)
