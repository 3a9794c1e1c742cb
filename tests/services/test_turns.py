"""Real workers that come to the end of a batch at the same moment: one of them plans the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.services import faults
from tests.services.checks import check_claims, check_search
from tests.services.matrix import LINAS, created
from tests.services.storages import Opens
from tests.services.workers import run_workers, started

STORAGES = ["postgres", "journal-file", "redis"]


@pytest.mark.parametrize("storage", STORAGES)
def test_three_that_begin_to_plan_at_once_take_from_one_plan(
    storage: str, storage_named: Callable[[str], Opens]
) -> None:
    study, task = created(LINAS, storage_named(storage))
    run_workers(replace(task, n_trials=10))
    with started(*[replace(task, prepare=faults.marking, n_trials=10)] * 3) as workers:
        for worker in workers:
            worker.reached("marking")
        for worker in workers:
            worker.go_on()
        for worker in workers:
            worker.finish()
    check_search(study, LINAS)
    check_claims(study, LINAS)


@pytest.mark.parametrize("storage", ["postgres", "redis"])
def test_who_comes_while_another_plans_waits_for_that_plan(
    storage: str, storage_named: Callable[[str], Opens]
) -> None:
    study, task = created(LINAS, storage_named(storage))
    run_workers(replace(task, n_trials=10))
    planner, other = (
        replace(task, n_trials=10, prepare=f) for f in (faults.planning, faults.waiting)
    )
    with started(planner) as (first,):
        first.reached("planning")
        with started(other, other) as others:
            for worker in others:
                worker.reached("waiting")
                worker.go_on()
            first.go_on()
            for worker in (first, *others):
                worker.finish()
    check_search(study, LINAS)
    check_claims(study, LINAS)
