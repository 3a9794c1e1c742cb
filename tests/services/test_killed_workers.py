"""Workers that are killed with -9 at an exact place: they cost their own trial and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.services import faults
from tests.services.checks import check_population, check_search, with_state
from tests.services.matrix import LINAS, PBT, created
from tests.services.storages import JournalFile, Opens
from tests.services.workers import run_workers, started

PLACES = [
    ("planning", faults.planning, "postgres"),
    ("evaluating", faults.evaluating, "redis"),
    ("claim written", faults.written_claim, "grpc-postgres"),
    ("writing a claim", faults.writing_claim, "sqlite"),
    ("writing a claim", faults.writing_claim, "postgres"),
    ("writing a plan", faults.writing_plan, "journal-file"),
    ("locking", faults.locking, "journal-file"),
]


@pytest.mark.parametrize(("place", "prepare", "storage"), PLACES)
def test_linas_goes_on(
    place: str, prepare: Any, storage: str, storage_named: Callable[[str], Opens]
) -> None:
    entry = replace(LINAS, objective=faults.held_objective)
    opens = storage_named(storage)
    if isinstance(opens, JournalFile):
        opens = replace(opens, grace_s=3)  # after which the lock of the dead is broken
    study, task = created(entry, opens)
    if place in ("planning", "writing a plan"):
        # It meets nobody before it plans, or another might plan instead.
        run_workers(replace(task, n_trials=10))
    with started(replace(task, prepare=prepare)) as (doomed,):
        doomed.reached(place)
        n_others = len(with_state(study, TrialState.COMPLETE))
        doomed.kill()
        # They began to wait, if they had to, before they could know of its death.
        run_workers(*[replace(task, n_trials=(41 - n_others) // 2)] * 2)
    n_lost = len(with_state(study, TrialState.RUNNING))
    assert n_lost <= 1
    check_search(study, LINAS, n_lost=n_lost)


def test_a_population_redoes_what_the_dead_one_trained(
    storage_named: Callable[[str], Opens],
) -> None:
    entry = replace(PBT, objective=held_accuracy)
    study, task = created(entry, storage_named("journal-file"))
    with started(replace(task, prepare=faults.evaluating)) as (doomed,):
        doomed.reached("evaluating")
        doomed.kill()
        run_workers(*[task] * 2)
    assert len(with_state(study, TrialState.RUNNING)) == 1
    lost = with_state(study, TrialState.RUNNING)[0]
    study._storage.set_trial_state_values(lost._trial_id, TrialState.FAIL)
    check_population(study)


def held_accuracy(trial: optuna.Trial) -> float:
    return faults.held_objective(trial)[0]
