"""Trials that fail, are pruned, return no number, are enqueued or imported, among workers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import create_engine, text

from tests.services import faults, problem
from tests.services.checks import check_different, check_search, check_volumes, with_state
from tests.services.matrix import LINAS, NAG, PYMOO, Entry, created
from tests.services.storages import Heartbeats, Opens
from tests.services.workers import run_workers, started


def troubled(trial: optuna.Trial) -> tuple[float, float]:
    """A third of the trials end in each way that there is; the best networks always work."""
    accuracy, latency_ms = problem.objective(trial)
    trouble = trial.number % 15
    if trouble == 1:
        raise ValueError("out of memory")
    if trouble == 4:
        raise optuna.TrialPruned
    if trouble == 7:
        return math.nan, latency_ms
    if trouble == 10:
        return accuracy, math.inf
    if trouble == 13:
        return -math.inf, latency_ms
    return accuracy, latency_ms


@pytest.mark.parametrize("entry", [LINAS, NAG, PYMOO], ids=lambda entry: entry.key)
def test_whatever_becomes_of_trials_the_search_goes_on(
    entry: Entry, storage_named: Callable[[str], Opens]
) -> None:
    study, task = created(replace(entry, objective=troubled), storage_named("journal-file"))
    n_trials = entry.n_trials * 3 // 2
    run_workers(*[replace(task, n_trials=n_trials // 4, catch=(ValueError,))] * 4)
    trials = study.get_trials(deepcopy=False)
    assert len(trials) == n_trials
    assert all(trial.state.is_finished() for trial in trials)
    assert with_state(study, TrialState.FAIL)
    assert with_state(study, TrialState.PRUNED)
    check_different(trials)
    good = [t for t in with_state(study, TrialState.COMPLETE) if all(map(math.isfinite, t.values))]
    assert len(good) >= entry.n_trials
    check_volumes([problem.measured_volume(good[: entry.n_trials])], entry)


@pytest.mark.parametrize("storage", ["journal-file", "postgres"])
def test_enqueued_and_imported_trials(storage: str, storage_named: Callable[[str], Opens]) -> None:
    study, task = created(LINAS, storage_named(storage))
    for trial in imported():
        study.add_trial(trial)
    whole = {"depth": 1, "activation": "relu", "width_0": 8, "kernel_0": 7}
    study.enqueue_trial(whole)
    for depth in (1, 2, 3):
        study.enqueue_trial({"depth": depth, "activation": "swish"})
    run_workers(*[replace(task, n_trials=10)] * 4)
    trials = study.get_trials(deepcopy=False)
    assert len(trials) == 6 + 40
    enqueued = [trial for trial in trials if "fixed_params" in trial.system_attrs]
    asked_for = [trial.system_attrs["fixed_params"] for trial in enqueued]
    assert len(enqueued) == 4
    assert all(
        fixed.items() <= t.params.items() for fixed, t in zip(asked_for, enqueued, strict=True)
    )
    check_search(study, LINAS)


def imported() -> list[FrozenTrial]:
    """Six trials of another study, none of them by this sampler."""
    other = optuna.create_study(
        directions=problem.DIRECTIONS, sampler=optuna.samplers.RandomSampler(seed=1)
    )
    other.optimize(problem.objective, n_trials=6)
    return [
        create_trial(values=t.values, params=t.params, distributions=t.distributions)
        for t in other.trials
    ]


@pytest.mark.parametrize("n_before", [0, 20])
def test_a_retry_measures_what_the_dead_worker_did_not(postgres_url: str, n_before: int) -> None:
    entry = replace(LINAS, objective=faults.held_objective)
    study, task = created(entry, Heartbeats(postgres_url))
    if n_before:
        run_workers(replace(task, n_trials=n_before))
    with started(replace(task, prepare=faults.evaluating)) as (doomed,):
        doomed.reached("evaluating")
        doomed.kill()
    (dead,) = with_state(study, TrialState.RUNNING)
    stop_heartbeat(postgres_url, dead._trial_id)
    n_done = len(with_state(study, TrialState.COMPLETE))
    run_workers(*[replace(task, n_trials=(LINAS.n_trials + 1 - n_done) // 2)] * 2)
    trials = study.get_trials(deepcopy=False)
    (again,) = [t for t in trials if t.system_attrs.get("failed_trial") == dead.number]
    assert trials[dead.number].state == TrialState.FAIL
    assert again.state == TrialState.COMPLETE
    assert again.params == dead.params
    assert again.system_attrs["linas:claim"] == dead.system_attrs["linas:claim"]
    assert again.values == list(problem.evaluate_params(again.params))
    # The dead trial and its retry are one network, as they should be; the others are others.
    check_different([trial for trial in trials if trial.number != dead.number])
    check_volumes([problem.measured_volume(trials)], LINAS)


def stop_heartbeat(url: str, trial_id: int) -> None:
    """Let the last sign of life of a trial be an hour old."""
    engine = create_engine(url)
    with engine.begin() as connection:
        done = connection.execute(
            text(
                "UPDATE trial_heartbeats SET heartbeat = heartbeat - interval '1 hour' "
                "WHERE trial_id = :trial_id"
            ),
            {"trial_id": trial_id},
        )
    engine.dispose()
    assert done.rowcount == 1
