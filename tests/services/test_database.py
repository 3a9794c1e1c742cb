"""PostgreSQL that is restarted in the middle of a search."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from signal import SIGINT, SIGQUIT, Signals

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from optuna_linas import LINASSampler
from tests.services import faults, problem, servers
from tests.services.checks import check_different, check_search, with_state
from tests.services.conftest import running_proxy
from tests.services.matrix import LINAS
from tests.services.storages import Database, Opens
from tests.services.workers import Task, started


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Postgres]:
    """A server of its own: the other tests' workers are not to be disturbed."""
    try:
        with servers.postgres() as server:
            yield server
    except servers.NotInstalled as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("how", [SIGINT, SIGQUIT])
@pytest.mark.parametrize("through", ["directly", "proxy"])
def test_workers_that_evaluate_do_not_notice(
    server: servers.Postgres, through: str, how: Signals
) -> None:
    if through == "proxy":
        with running_proxy(server.url) as proxy:
            restarted_while_evaluating(server, proxy, how)
    else:
        opens = Database(server.url, {"pool_pre_ping": True})
        restarted_while_evaluating(server, opens, how)


def restarted_while_evaluating(server: servers.Postgres, opens: Opens, how: Signals) -> None:
    name = uuid.uuid4().hex
    study = optuna.create_study(
        study_name=name,
        directions=problem.DIRECTIONS,
        storage=opens.open(),
        sampler=LINAS.make(0),
    )
    task = Task(opens, partial(LINAS.make, 0), faults.held_objective, 20, name, faults.evaluating)
    with started(task, task) as workers:
        for worker in workers:
            worker.reached("evaluating")
        server.stop(how)
        server.start()
        for worker in workers:
            worker.go_on()
        for worker in workers:
            worker.finish()
    check_search(study, LINAS)


def test_a_worker_that_was_writing_starts_again(server: servers.Postgres) -> None:
    # The plainest of workers: no connection is checked before it is used.
    storage = Database(server.url).open()
    restart_at = {4, 17, 31}

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        values = problem.objective(trial)
        if trial.number in restart_at:
            restart_at.remove(trial.number)
            server.stop()
            server.start()
        return values

    study = optuna.create_study(
        directions=problem.DIRECTIONS,
        storage=storage,
        sampler=LINASSampler(n_inner_evaluations=2_000, seed=0),
    )
    n_restarts = 0
    while len(with_state(study, TrialState.COMPLETE)) < LINAS.n_trials:
        try:
            study.optimize(objective, n_trials=1)
        except (StorageInternalError, AssertionError):  # or what Optuna asserts over that
            n_restarts += 1
    assert n_restarts == 3
    # What was being measured is lost with its worker's connection, and nothing else is.
    check_different(study.trials)
    check_search(study, LINAS, n_lost=len(with_state(study, TrialState.RUNNING)))
    assert len(with_state(study, TrialState.RUNNING)) <= 3
