"""Every sampler on every storage with one worker and with many, on real servers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import TrialState

from tests.services import problem
from tests.services.checks import (
    check_all_ended,
    check_claims,
    check_different,
    check_population,
    check_sequential,
    check_volumes,
    volume_of,
    with_state,
)
from tests.services.matrix import (
    LINAS,
    LONGER_LINAS,
    LONGER_NAG,
    LONGER_PYMOO,
    PBT,
    UNDECLARED,
    Entry,
    created,
)
from tests.services.storages import Opens
from tests.services.workers import run_workers

STORAGES = ["memory", "sqlite", "journal-file", "postgres", "redis", "grpc-postgres"]
N_WORKERS = [1, 4, 8]
OTHERS = {"nag": LONGER_NAG, "pbt": PBT, "pymoo": LONGER_PYMOO}

# A Latin square: all pairs of storage and workers, storage and sampler, sampler and workers. Each
# sampler runs on three storages without a server, and on three with one, by 1, 4 and 8 workers.
PAIRWISE = {
    (sampler, needs_server): [
        (STORAGES[i], N_WORKERS[(s - i) % 3]) for i in range(3 * needs_server, 3 * needs_server + 3)
    ]
    for s, sampler in enumerate(OTHERS)
    for needs_server in (False, True)
}


@pytest.mark.parametrize("storage", STORAGES)
def test_linas(storage: str, storage_named: Callable[[str], Opens]) -> None:
    volumes = []
    for n_workers in N_WORKERS:
        study = searched(LONGER_LINAS, storage, n_workers, storage_named)
        check_all_ended(study, LONGER_LINAS)
        check_claims(study, LONGER_LINAS)
        volumes.append(volume_of(study, LONGER_LINAS))
    check_sequential(volumes, LONGER_LINAS)


@pytest.mark.parametrize("storage", STORAGES)
def test_eight_workers_begin_before_anybody_knows_the_space(
    storage: str, storage_named: Callable[[str], Opens]
) -> None:
    study = searched(UNDECLARED, storage, 8, storage_named)
    trials = study.get_trials(deepcopy=False)
    assert len(with_state(study, TrialState.COMPLETE)) == len(trials) == UNDECLARED.n_trials
    check_different(trials)


@pytest.mark.parametrize(("sampler", "needs_server"), PAIRWISE)
def test_other_samplers(
    sampler: str, needs_server: bool, storage_named: Callable[[str], Opens]
) -> None:
    entry, volumes = OTHERS[sampler], []
    for storage, n_workers in PAIRWISE[sampler, needs_server]:
        study = searched(entry, storage, n_workers, storage_named)
        if entry is PBT:
            check_population(study)
            continue
        check_all_ended(study, entry)
        check_claims(study, entry)
        volumes.append(volume_of(study, entry))
    if volumes:
        check_sequential(volumes, entry)


def test_the_pairs_are_covered() -> None:
    cases = [(sampler, *pair) for (sampler, _), pairs in PAIRWISE.items() for pair in pairs]
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        levels = [{case[i] for case in cases} for i in (a, b)]
        assert len({(case[a], case[b]) for case in cases}) == len(levels[0]) * len(levels[1])


def test_searches_at_random_would_not_pass() -> None:
    # What the hypervolumes are compared with tells a search from none.
    for check, entry, most in [
        (check_volumes, LINAS, 1),
        (check_sequential, LONGER_LINAS, 0),
        (check_sequential, LONGER_NAG, 0),
        (check_sequential, LONGER_PYMOO, 1),
    ]:
        volumes = []
        for seed in range(30):
            study = optuna.create_study(directions=problem.DIRECTIONS, sampler=RandomSampler(seed))
            study.optimize(problem.objective, n_trials=entry.n_trials)
            volumes.append(volume_of(study, entry))
        passed = 0
        for i in range(10):
            with contextlib.suppress(AssertionError):
                check(volumes[3 * i : 3 * i + 3], entry)
                passed += 1
        assert passed <= most


def searched(
    entry: Entry, storage: str, n_workers: int, storage_named: Callable[[str], Opens]
) -> Study:
    """A study that `n_workers` have searched at the same time."""
    if storage == "memory":
        sampler = entry.make(0)
        study = optuna.create_study(
            directions=entry.directions, storage=InMemoryStorage(), sampler=sampler
        )
        study.optimize(entry.objective, n_trials=entry.n_trials, n_jobs=n_workers)
        return study
    study, task = created(entry, storage_named(storage))
    run_workers(*[replace(task, n_trials=entry.n_trials // n_workers)] * n_workers)
    # As a process reads it that has not seen it before.
    return optuna.load_study(study_name=task.study_name, storage=task.storage.open())
