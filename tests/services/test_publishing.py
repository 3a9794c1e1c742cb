"""The dashboard's page of a study on servers' storages: written twice, and by two at once."""

from __future__ import annotations

import json
import traceback
import uuid
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.study import Study

from optuna_linas.dashboard import DashboardCallback, publish
from tests.dashboard.searches import sampler, slow_network
from tests.services.storages import Opens
from tests.services.workers import CONTEXT, PATIENCE_S, joined

FIGURES = {"search-progress", "hypervolume", "architecture", "network", "parallel"}
SERVERS = ["redis", "postgres", "grpc-postgres"]
FILES = ["sqlite", "journal-file"]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def searched(opens: Opens, n_trials: int = 8) -> Study:
    study = optuna.create_study(
        study_name=uuid.uuid4().hex,
        storage=opens.open(),
        directions=["maximize", "minimize"],
        sampler=sampler("random"),
    )
    study.set_metric_names(["accuracy", "latency"])
    study.optimize(slow_network, n_trials=n_trials)
    return study


def page_of(study: Study) -> dict[str, Any]:
    attrs = study._storage.get_study_system_attrs(study._study_id)
    return {key: value for key, value in attrs.items() if key.startswith("dashboard:")}


def check_page(study: Study) -> None:
    """All of it is there, whole and once."""
    page = page_of(study)
    shown = {key.split(":")[2]: text for key, text in page.items() if ":plot_data:" in key}
    assert set(shown) == FIGURES
    assert all(key.endswith(":0") for key in page if ":plot_data:" in key)  # each in one piece
    for text in shown.values():
        assert json.loads(text)["data"]
    notes = {key: text for key, text in page.items() if key.endswith("note_str:0")}
    on_trials = {int(key.split(":")[1]) for key in notes if key.count(":") == 3}
    assert on_trials == {trial._trial_id for trial in study.trials}
    assert len(notes) == 1 + len(on_trials)
    for text in notes.values():
        assert text.count("[optuna-linas-begin]") == text.count("[optuna-linas-end]") == 1
    assert f"{len(study.trials)} complete" in page["dashboard:note_str:0"]


def check_files(study: Study, folder: Path) -> None:
    """A picture for each of the chosen trials, and nothing in the store that is not listed."""
    page = page_of(study)
    files = [
        json.loads(text) for key, text in page.items() if key.startswith("dashboard:artifacts")
    ]
    assert len(files) == min(3, len(study.best_trials))
    assert max(Counter(each["filename"] for each in files).values()) == 1
    assert {each["artifact_id"] for each in files} == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("storage", SERVERS)
def test_publishing_again_replaces_what_is_there(
    storage: str, storage_named: Callable[[str], Opens], tmp_path: Path
) -> None:
    opens = storage_named(storage)
    study, store = searched(opens), FileSystemArtifactStore(tmp_path)
    publish(study, artifact_store=store, n_artifacts=3)
    check_page(study)
    check_files(study, tmp_path)
    first = page_of(study)
    again = optuna.load_study(study_name=study.study_name, storage=opens.open())
    publish(again, artifact_store=store, n_artifacts=3)
    assert page_of(study) == first
    study.optimize(slow_network, n_trials=4)
    publish(study, artifact_store=store, n_artifacts=0)
    check_page(study)
    assert page_of(again) != first


@pytest.mark.parametrize("storage", [*FILES, *SERVERS])
def test_two_processes_publish_at_once(
    storage: str, storage_named: Callable[[str], Opens], tmp_path: Path
) -> None:
    opens = storage_named(storage)
    study = searched(opens)
    run_at_once(_publish, (opens, study.study_name, tmp_path), n=2)
    check_page(study)
    check_files(study, tmp_path)


@pytest.mark.parametrize("storage", SERVERS)
def test_callbacks_of_two_workers(
    storage: str, storage_named: Callable[[str], Opens], tmp_path: Path
) -> None:
    opens = storage_named(storage)
    study = searched(opens, n_trials=1)
    run_at_once(_search, (opens, study.study_name, tmp_path), n=2)
    assert len(study.trials) == 9
    publish(study)
    check_page(study)


def run_at_once(work: Callable[..., None], task: tuple[Any, ...], n: int) -> None:
    gate, said = CONTEXT.Barrier(n), CONTEXT.SimpleQueue()
    workers = [
        CONTEXT.Process(target=_worker, args=(work, task, i, gate, said), daemon=True)
        for i in range(n)
    ]
    with joined(workers):
        assert [said.get() for _ in workers] == ["done"] * n


def _worker(
    work: Callable[..., None], task: tuple[Any, ...], place: int, gate: Any, said: Any
) -> None:
    warnings.simplefilter("error")  # what a publication cannot make is a warning
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        work(*task, place, gate)
    except Exception:
        said.put(traceback.format_exc()[-2000:])
    else:
        said.put("done")


def _publish(opens: Opens, name: str, folder: Path, place: int, gate: Any) -> None:
    study = optuna.load_study(study_name=name, storage=opens.open())
    store = FileSystemArtifactStore(folder)
    for _ in range(3):
        gate.wait(PATIENCE_S)
        publish(study, artifact_store=store, n_artifacts=3)


def _search(opens: Opens, name: str, folder: Path, place: int, gate: Any) -> None:
    study = optuna.load_study(
        study_name=name, storage=opens.open(), sampler=optuna.samplers.RandomSampler(seed=place)
    )
    gate.wait(PATIENCE_S)
    study.optimize(slow_network, n_trials=4, callbacks=[DashboardCallback(every=1)])
