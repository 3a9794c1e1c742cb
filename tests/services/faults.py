"""Places where a worker can be held, and what else goes wrong with workers.

Each is passed to a worker as `Task.prepare`: it changes that worker's own process only.
"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import optuna
from optuna.storages import RDBStorage, _CachedStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from sqlalchemy import event

from optuna_linas.samplers import liveness, turn
from optuna_linas.samplers.turn import Mark
from tests.services import problem
from tests.services.workers import Hold

__all__ = [
    "evaluating",
    "held_objective",
    "locking",
    "marking",
    "planning",
    "shifted_clock",
    "waiting",
    "writing_claim",
    "writing_plan",
    "written_claim",
]

_N_BEFORE = 3
"""Trials that a worker runs undisturbed before it is held at a place that each trial passes."""

_hold: Hold | None = None


def planning(study: Study, hold: Hold) -> None:
    """Hold the worker once it has planned batch 1 and before the plan is stored."""
    dispatcher = study.sampler._dispatcher  # type: ignore[attr-defined]
    plan = dispatcher._plan

    def held(*args: Any, batch: int, **kwargs: Any) -> Any:
        planned = plan(*args, batch=batch, **kwargs)
        if batch == 1:
            hold("planning")
        return planned

    dispatcher._plan = held


def writing_plan(study: Study, hold: Hold) -> None:
    """Hold the worker when it stores the plan of batch 1: nobody else has, as far as it knows."""
    storage, n_written = study._storage, 0
    write = storage.set_study_system_attr

    def held(study_id: int, key: str, value: Any) -> None:
        nonlocal n_written
        if key.endswith(":plan"):
            n_written += 1
            if n_written == 2:
                hold("writing a plan")
        write(study_id, key, value)

    storage.set_study_system_attr = held  # type: ignore[method-assign]


def marking(study: Study, hold: Hold) -> None:
    """Hold the worker when it is about to say that it plans batch 1."""
    storage, is_held = study._storage, False
    write = storage.set_trial_system_attr

    def held(trial_id: int, key: str, value: Any) -> None:
        nonlocal is_held
        if key.endswith(":planning") and not is_held and Mark.loads(value).replaced:
            is_held = True
            hold("marking")
        write(trial_id, key, value)

    storage.set_trial_system_attr = held  # type: ignore[method-assign]


def waiting(study: Study, hold: Hold) -> None:
    """Hold the worker when it waits for the first time for what another plans."""
    is_held = False

    def held(s: float) -> None:
        nonlocal is_held
        if not is_held:
            is_held = True
            hold("waiting")
        time.sleep(s)

    turn.Turn.__init__.__kwdefaults__["sleep"] = held


def evaluating(study: Study, hold: Hold) -> None:
    """Let `held_objective` hold the worker."""
    global _hold
    _hold = hold


def held_objective(trial: optuna.Trial) -> tuple[float, float]:
    """The usual objective, which holds one worker that is `evaluating` in its fourth trial."""
    global _hold
    values = problem.objective(trial)
    if _hold is not None and trial.number >= _N_BEFORE:
        hold, _hold = _hold, None
        hold("evaluating")
    return values


def written_claim(study: Study, hold: Hold) -> None:
    """Hold the worker when it has written its fourth claim and not checked it."""
    storage = study._storage
    storage.set_trial_system_attr = _counted(  # type: ignore[method-assign]
        storage.set_trial_system_attr, hold, "claim written"
    )


def writing_claim(study: Study, hold: Hold) -> None:
    """Hold the worker in the transaction that writes its fourth claim, before it is committed."""
    storage = study._storage
    assert isinstance(storage, _CachedStorage)
    backend = storage._backend
    assert isinstance(backend, RDBStorage)
    n_claims, is_claim = 0, False

    def execute(*args: Any) -> None:
        nonlocal is_claim
        is_claim |= ":claim" in str(args[3]) and str(args[2]).startswith("INSERT")

    def commit(connection: Any) -> None:
        nonlocal n_claims, is_claim
        n_claims += is_claim
        if is_claim and n_claims == _N_BEFORE + 1:
            hold("writing a claim")
        is_claim = False

    event.listen(backend.engine, "before_cursor_execute", execute)
    event.listen(backend.engine, "commit", commit)


def locking(study: Study, hold: Hold) -> None:
    """Hold the worker when it has the journal's lock and has not written."""
    backend = study._storage._backend  # type: ignore[attr-defined]
    assert isinstance(backend, JournalFileBackend)
    acquire, n_acquired = backend._lock.acquire, 0

    def held() -> bool:
        nonlocal n_acquired
        acquired = acquire()
        n_acquired += 1
        if n_acquired == 20:
            hold("locking")
        return acquired

    backend._lock.acquire = held  # type: ignore[method-assign]


def shifted_clock(hours: float, *, machine: str | None = None) -> Callable[[Study, Hold], None]:
    """A worker whose clock is wrong: both Optuna and the samplers see the wrong time.

    Args:
        hours: By how much it is ahead.
        machine: The name of the machine that the worker takes itself to be on.
    """
    return partial(_shift_clock, hours, machine)


_WITH_CLOCK = ("optuna.storages", "optuna.trial", "optuna.study")


def _shift_clock(hours: float, machine: str | None, study: Study, hold: Hold) -> None:
    if machine is not None:
        liveness._machine = lambda: machine
    right, offset = time.time, datetime.timedelta(hours=hours)

    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.now(tz) + offset

    shifted = SimpleNamespace(**{**vars(datetime), "datetime": Shifted})
    for name, module in list(sys.modules.items()):
        used = getattr(module, "datetime", None) if name.startswith(_WITH_CLOCK) else None
        if used is datetime.datetime:
            module.datetime = Shifted  # type: ignore[attr-defined]
        elif used is datetime:
            module.datetime = shifted  # type: ignore[attr-defined]
    time.time = lambda: right() + 3600 * hours
    slots = getattr(study.sampler, "_slots", None)
    if slots is not None:
        slots._clock = time.time


def _counted(write: Callable[..., None], hold: Hold, place: str) -> Callable[..., None]:
    n_claims = 0

    def held(trial_id: int, key: str, value: Any) -> None:
        nonlocal n_claims
        write(trial_id, key, value)
        if key.endswith(":claim"):
            n_claims += 1
            if n_claims == _N_BEFORE + 1:
                hold(place)

    return held
