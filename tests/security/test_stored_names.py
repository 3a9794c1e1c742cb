"""Names that come from a storage never lead out of the folder; damaged attributes are explained."""

import json
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.study import Study
from optuna.trial import Trial
from torch import nn

from optuna_linas import LINASSampler, PBTMember, PBTNASSampler, best_member, make_soup
from optuna_linas.checkpoints import collect_checkpoints, load_checkpoint
from optuna_linas.errors import CheckpointError

OUTSIDE = ["../victim", "../../victim", "/etc/passwd", "a/../../victim", "..", ".", "", "a\0b", 7]


def trained(folder: Path) -> tuple[Study, FileSystemArtifactStore]:
    folder.mkdir()
    store = FileSystemArtifactStore(folder)
    study = optuna.create_study(sampler=PBTNASSampler(2, 3, 1, seed=0))

    def objective(trial: Trial) -> float:
        width = trial.suggest_categorical("width", [1, 2, 3])
        member, model = PBTMember(trial, store), nn.Linear(1, 1)
        member.restore(model)
        member.save(model)
        return float(width)

    study.optimize(objective)
    return study, store


def renamed(study: Study, number: int, artifact_id: object) -> None:
    """What somebody with the storage's password could write."""
    trial = study._storage.get_trial(study.trials[number]._trial_id)
    trial.user_attrs["pbt_checkpoint"] = artifact_id
    for key in [key for key in trial.system_attrs if key.startswith("artifacts:")]:
        del trial.system_attrs[key]
    meta = {"artifact_id": artifact_id, "filename": "pbt_member.pt", "mimetype": "", "encoding": ""}
    trial.system_attrs["artifacts:x"] = json.dumps(meta)
    study._storage._studies[study._study_id].trials[number] = trial  # type: ignore[attr-defined]


@pytest.mark.parametrize("artifact_id", OUTSIDE)
def test_no_checkpoint_is_read_or_removed_outside_of_the_folder(
    artifact_id: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study, store = trained(tmp_path / "store" if artifact_id != "../../victim" else tmp_path / "s")
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for number in range(len(study.trials)):
        renamed(study, number, artifact_id)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(CheckpointError, match="is not the id of an artifact"):
        load_checkpoint(store, study.trials[0])
    with pytest.raises(CheckpointError, match="is not the id of an artifact"):
        make_soup(study, store, lambda params: nn.Linear(1, 1), lambda model: 0.0)
    assert collect_checkpoints(study, store) == 0
    assert victim.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 2}', '{"version": 2, "batch": -1}', "[" * 10_000]
)
def test_a_damaged_plan_is_explained(text: str) -> None:
    study = optuna.create_study(sampler=LINASSampler(n_startup_trials=2, seed=0))

    def objective(trial: Trial) -> float:
        return trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 9)

    study.optimize(objective, n_trials=2)
    study._storage.set_study_system_attr(study._study_id, "linas:plan", text)
    study.sampler = LINASSampler(n_startup_trials=2, seed=0)
    with pytest.raises(ValueError, match=r"The study's plan|was planned by a later version"):
        study.optimize(objective, n_trials=1)


@pytest.mark.parametrize("text", ["{", "[]", '{"population_size": 1e99}', '{"hyperparameters": 3}'])
def test_a_damaged_population_is_explained(text: str) -> None:
    study = optuna.create_study()
    study._storage.set_study_system_attr(study._study_id, "pbt:population", text)
    with pytest.raises(ValueError, match="The study's population cannot be read"):
        best_member(study)


def test_a_population_of_a_million_million_slots_is_not_walked() -> None:
    study = optuna.create_study(sampler=PBTNASSampler(2, 2, 1, seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1))
    text = study._storage.get_study_system_attrs(study._study_id)["pbt:population"]
    huge = json.dumps({**json.loads(text), "population_size": 10**12})
    study._storage.set_study_system_attr(study._study_id, "pbt:population", huge)
    with pytest.raises(ValueError, match="more than a million"):
        best_member(study)


@pytest.mark.parametrize("record", [{"objectives": [0], "iterations": 3}, [], "x", {"a": 1}])
def test_a_damaged_record_of_predictions_is_written_anew(record: object) -> None:
    study = optuna.create_study(sampler=LINASSampler(n_startup_trials=6, batch_size=4, seed=0))

    def objective(trial: Trial) -> float:
        return trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 9)

    study.optimize(objective, n_trials=10)
    study.set_user_attr("linas:predictors", record)
    study.optimize(objective, n_trials=8)
    written = study.user_attrs["linas:predictors"]
    assert [each["iteration"] for each in written["iterations"]] == [1, 2, 3]
