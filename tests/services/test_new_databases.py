"""Workers that start at the same moment on storage in which there is nothing yet."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from optuna_linas import LINASSampler
from optuna_linas.cli.studies import open_storage
from optuna_linas.databases import open_database
from tests.services.workers import CONTEXT, NAME, PATIENCE_S, joined

N_WORKERS = 4
N_ROUNDS = 6


@pytest.fixture
def places(request: pytest.FixtureRequest, kind: str, memory_folder: Path) -> list[str]:
    """A new storage for each round, as the command line takes it."""
    if kind == "sqlite":
        return [str(memory_folder / f"{i}.db") for i in range(N_ROUNDS)]
    if kind == "journal":
        return [str(memory_folder / f"{i}.log") for i in range(N_ROUNDS)]
    if kind == "redis":
        return [f"{request.getfixturevalue('redis_url')}/{i + 1}" for i in range(N_ROUNDS)]
    psycopg2 = pytest.importorskip("psycopg2")
    url: str = request.getfixturevalue("postgres_url")
    server, _, _ = url.rpartition("/")
    names = [f"new_{uuid.uuid4().hex}" for _ in range(N_ROUNDS)]
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        for name in names:
            connection.cursor().execute(f"CREATE DATABASE {name}")
    return [f"{server}/{name}" for name in names]


@pytest.mark.parametrize("kind", ["sqlite", "journal", "postgres", "redis"])
def test_workers_that_start_at_the_same_moment_make_one_study(places: Sequence[str]) -> None:
    gate, said = CONTEXT.Barrier(N_WORKERS), CONTEXT.SimpleQueue()
    workers = [
        CONTEXT.Process(target=_start_searches, args=(places, gate, said), daemon=True)
        for _ in range(N_WORKERS)
    ]
    with joined(workers):
        heard = [said.get() for _ in range(N_WORKERS * N_ROUNDS)]
    assert [each for each in heard if each != "one trial"] == []
    for place in places:
        storage = _opened(place)
        assert optuna.get_all_study_names(storage) == [NAME]
        study = optuna.load_study(study_name=NAME, storage=storage)
        assert len(study.trials) == N_WORKERS
        assert study.metric_names == ["accuracy", "latency"]


def test_what_is_no_race_is_said_at_once(tmp_path: Path) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    with pytest.raises(SQLAlchemyError, match="unable to open"):
        open_database(f"sqlite:///{tmp_path}/no/such/folder/study.db")


def _start_searches(places: Sequence[str], gate: Any, said: Any) -> None:
    for place in places:
        gate.wait(PATIENCE_S)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study = optuna.create_study(
                    study_name=NAME,
                    storage=_opened(place),
                    directions=["maximize", "minimize"],
                    sampler=LINASSampler(),
                    load_if_exists=True,
                )
                study.set_metric_names(["accuracy", "latency"])
            study.optimize(lambda trial: (trial.suggest_int("x", 1, 99), 0.0), n_trials=1)
        except Exception as error:
            said.put(repr(error)[:500])
        else:
            said.put("one trial")


def _opened(place: str) -> optuna.storages.BaseStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return open_storage(place, create=True)
