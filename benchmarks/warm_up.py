"""What a process pays once, before a sampler's time is measured."""

from __future__ import annotations

import time
import warnings
from functools import cache

import optuna

from benchmarks.contenders import CONTENDERS
from benchmarks.variants import find_contender

__all__ = ["warm_up"]

_N_TRIALS, _MAX_SECONDS = 110, 3.0
_OPTIONS = ["conv", "depthwise", "pool", "skip"]


@cache
def warm_up(name: str) -> None:
    """Let a sampler search a small space, once in each process: it imports what it needs.

    (What needs more trials before it first plans, as the one-shot mode, may import more later.)

    SciPy, scikit-learn and torch take from a tenth of a second to three seconds, which would be
    spread over the trials of the first search that a process makes, and over no other's.

    Args:
        name: A contender.
    """
    contender = find_contender(name, CONTENDERS)
    end = time.monotonic() + _MAX_SECONDS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            directions=["minimize"] * max(2, contender.min_goals), sampler=contender.make(0)
        )
        for _ in range(_N_TRIALS):
            trial = study.ask()
            chosen = [trial.suggest_categorical(f"op_{i}", _OPTIONS) for i in range(5)]
            worth = [_OPTIONS.index(option) for option in chosen]
            study.tell(
                trial, [float(worth[i] - worth[i - 1]) for i in range(len(study.directions))]
            )
            if time.monotonic() > end:
                return
