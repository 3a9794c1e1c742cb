"""Workers never wait for one another: trials that take for ever hold nobody up."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import Trial, TrialState

from optuna_linas import LINASSampler, NAGSampler, PBTNASSampler, PymooSampler
from optuna_linas.samplers import nag
from optuna_linas.samplers.plan import Claim

N_WORKERS = 8


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def suggest(trial: Trial) -> tuple[float, float]:
    width = sum(trial.suggest_int(f"w_{i}", 0, 4) for i in range(4))
    return 1 - 1 / (1 + width), float(1 + width + trial.params["w_0"] ** 2)


def linas() -> BaseSampler:
    return LINASSampler(n_startup_trials=8, n_inner_evaluations=500, seed=0)


def pymoo() -> BaseSampler:
    return PymooSampler("nsga2", population_size=8, seed=0)


def of_nag() -> BaseSampler:
    return NAGSampler(cost=1, n_budgets=3, n_steps=1, n_startup_trials=8, seed=0)


@pytest.mark.parametrize("make", [linas, pymoo, of_nag])
def test_one_worker_goes_through_batches_while_seven_trials_run(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make())

    def waits(*args: object, **kwargs: object) -> None:
        raise AssertionError("A sampler waited.")

    monkeypatch.setattr(time, "sleep", waits)
    monkeypatch.setattr(threading.Event, "wait", waits)
    slow = [study.ask() for _ in range(N_WORKERS - 1)]
    for trial in slow:
        suggest(trial)
    for _ in range(30):
        trial = study.ask()
        study.tell(trial, suggest(trial))
    assert max(claim.batch for claim in claims(study)) >= 3
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) == len(study.trials)
    # Late results count like any other.
    for trial in slow:
        study.tell(trial, suggest(trial))
    trial = study.ask()
    study.tell(trial, suggest(trial))


@pytest.mark.parametrize("make", [linas, of_nag])
def test_what_runs_enters_the_batch_with_what_is_predicted_of_it(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = make()
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for _ in range(14):
        trial = study.ask()
        study.tell(trial, suggest(trial))
    running = [study.ask() for _ in range(3)]
    for trial in running:
        suggest(trial)
    planned: list[np.ndarray] = []
    plan = sampler._dispatcher._plan

    def noted(*args: Any, pending: np.ndarray, **kwargs: Any) -> Any:
        planned.append(pending)
        return plan(*args, pending=pending, **kwargs)

    sampler._dispatcher._plan = noted
    while not planned:
        trial = study.ask()
        study.tell(trial, suggest(trial))
    params = [{f"w_{i}": int(row[i]) for i in range(4)} for row in planned[0]]
    assert sorted(map(str, params)) == sorted(str(trial.params) for trial in running)


def test_nag_does_not_ask_for_the_gain_of_what_is_being_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=of_nag())
    n_pending: list[int] = []
    gain = nag.greedy_gain

    def noted(front: np.ndarray, *args: Any) -> Any:
        trials = study.trials
        n_measured = sum(trial.state == TrialState.COMPLETE for trial in trials)
        n_claimed = sum("nag:claim" in trial.system_attrs for trial in trials)
        n_pending.append(n_claimed - n_measured)
        assert len(front) == n_claimed
        return gain(front, *args)

    monkeypatch.setattr(nag, "greedy_gain", noted)
    running: list[Trial] = []
    for _ in range(50):
        running.append(study.ask())
        suggest(running[-1])
        if len(running) > 4:
            done = running.pop(0)
            study.tell(done, suggest(done))
    assert max(n_pending) == 4


def test_an_asynchronous_population_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(
        direction="maximize",
        sampler=PBTNASSampler(
            population_size=8,
            n_generations=5,
            epochs_per_generation=1,
            asynchronous=True,
            seed=0,
        ),
    )
    monkeypatch.setattr(time, "sleep", lambda s: pytest.fail("A population waited."))
    slow = [study.ask() for _ in range(N_WORKERS - 1)]
    for trial in slow:
        suggest(trial)
    for _ in range(5):
        trial = study.ask()
        study.tell(trial, suggest(trial)[0])
    assert [t.user_attrs["pbt_generation"] for t in study.trials[7:]] == [0, 1, 2, 3, 4]


def claims(study: Study) -> list[Claim]:
    keys = [key for key in study.trials[0].system_attrs if key.endswith(":claim")]
    return [Claim.loads(trial.system_attrs[keys[0]]) for trial in study.trials]
