"""Workers whose clocks are wrong by a day and by an hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.services import faults
from tests.services.checks import check_population, check_search
from tests.services.matrix import LINAS, PBT, created
from tests.services.storages import Opens
from tests.services.workers import run_workers

OFFSETS_H = (0.0, 24.0, -24.0, 1.0)


def test_linas_looks_at_no_clock(storage_named: Callable[[str], Opens]) -> None:
    study, task = created(LINAS, storage_named("journal-file"))
    run_workers(
        *[replace(task, n_trials=10, prepare=faults.shifted_clock(hours)) for hours in OFFSETS_H]
    )
    starts = [trial.datetime_start for trial in study.get_trials(deepcopy=False)]
    began = [start for start in starts if start is not None]
    assert (max(began) - min(began)).total_seconds() > 40 * 3600  # the clocks were wrong
    check_search(study, LINAS)


def test_a_population_is_trained_once_by_the_processes_of_a_machine(
    storage_named: Callable[[str], Opens],
) -> None:
    study, task = created(PBT, storage_named("journal-file"))
    run_workers(*[replace(task, prepare=faults.shifted_clock(hours)) for hours in OFFSETS_H])
    check_population(study)


def test_a_population_of_several_machines_ends(storage_named: Callable[[str], Opens]) -> None:
    study, task = created(PBT, storage_named("redis"))
    run_workers(
        *[
            replace(task, prepare=faults.shifted_clock(hours, machine=f"{hours} h ahead"))
            for hours in OFFSETS_H
        ]
    )
    # A worker that has just come believes the others' clocks once.
    check_population(study, is_redone=True)
