"""What a population does when something goes wrong."""

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.study import Study
from optuna.trial import Trial, TrialState
from torch import nn

from optuna_linas import PBTMember, PBTNASSampler, best_member, make_soup
from optuna_linas.assignment import ASSIGNMENT_KEY, Assignment, Holder
from optuna_linas.checkpoints import collect_checkpoints
from optuna_linas.errors import CheckpointError, NoFreeSlotError
from optuna_linas.lineage import Lineage, read_lineage

NAN = float("nan")


def width(trial: Trial) -> float:
    return float(trial.suggest_int("width", 0, 999))


def place(trial: Any) -> tuple[int, int]:
    return trial.user_attrs["pbt_generation"], trial.user_attrs["pbt_slot"]


def study_with(n_slots: int = 4, n_generations: int = 3, **settings: Any) -> Study:
    storage = settings.pop("storage", None)
    directions = settings.pop("directions", ["maximize"])
    sampler = PBTNASSampler(n_slots, n_generations, 1, **{"seed": 0, **settings})
    return optuna.create_study(storage=storage, directions=directions, sampler=sampler)


def at(study: Study, generation: int, slot: int) -> list[optuna.trial.FrozenTrial]:
    return read_lineage(study).attempts[generation, slot]


@pytest.mark.parametrize("bad", [NAN, float("inf"), -float("inf")])
def test_what_is_no_score_ranks_last_and_is_not_redone(bad: float) -> None:
    study = study_with(n_generations=2)
    study.optimize(lambda trial: bad if place(trial) == (0, 1) else width(trial))
    assert len(study.trials) == 8
    assert study.trials[1].state == (TrialState.FAIL if bad != bad else TrialState.COMPLETE)
    child = study.trials[5]
    assert len(child.user_attrs["pbt_parents"]) == 2
    assert 1 not in child.user_attrs["pbt_parents"]


def test_asked_and_told_nan_ranks_last() -> None:
    study = study_with(n_slots=2, n_generations=2)
    study.tell(study.ask(), 1.0)
    with pytest.warns(UserWarning, match="nan is not acceptable"):
        study.tell(study.ask(), NAN)
    assert study.ask().user_attrs["pbt_parents"] == [0]
    assert study.ask().user_attrs["pbt_parents"] == [0]


def test_a_failing_slot_is_redone_and_then_ranks_last() -> None:
    def fragile(trial: Trial) -> float:
        if place(trial) == (0, 2):
            raise RuntimeError("out of memory")
        return width(trial)

    study = study_with(n_generations=2, max_attempts=3)
    study.optimize(fragile, catch=RuntimeError)
    assert [trial.state for trial in at(study, 0, 2)] == [TrialState.FAIL] * 3
    assert len(study.trials) == 4 + 2 + 4
    (child,) = at(study, 1, 2)
    assert len(child.user_attrs["pbt_parents"]) == 2
    assert len(read_lineage(study).living()) == 4


def test_a_failure_that_passes_changes_nothing() -> None:
    failed = []

    def fragile(trial: Trial) -> float:
        value = width(trial)
        if place(trial) == (1, 2) and not failed:
            failed.append(trial.number)
            raise RuntimeError("the network is down")
        return value

    study, whole = study_with(), study_with()
    study.optimize(fragile, catch=RuntimeError)
    whole.optimize(width)
    kept = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert [t.params for t in kept] == [t.params for t in whole.trials]


def test_a_pruned_slot_ranks_last_and_is_not_redone() -> None:
    def hopeless(trial: Trial) -> float:
        if place(trial) == (0, 3):
            raise optuna.TrialPruned
        return width(trial)

    study = study_with(n_generations=2)
    study.optimize(hopeless)
    assert len(study.trials) == 8
    assert len(at(study, 1, 3)[0].user_attrs["pbt_parents"]) == 2


def test_nobody_left_is_a_clear_error() -> None:
    study = study_with()
    with pytest.raises(RuntimeError, match="No member of generation 0 has a score"):
        study.optimize(lambda trial: NAN * width(trial), n_trials=9)
    assert study.trials[-1].state == TrialState.FAIL
    assert len(study.trials) == 5


def test_more_asks_than_slots_are_a_clear_error() -> None:
    study = study_with(n_slots=3)
    trials = [study.ask() for _ in range(3)]
    with pytest.raises(NoFreeSlotError, match=r"trials 0, 1, 2\) and not told"):
        study.ask()
    assert study.trials[-1].state == TrialState.FAIL
    for trial in trials:
        study.tell(trial, width(trial))
    assert place(study.ask()) == (1, 0)


def test_the_end_is_a_clear_error_for_those_who_ask_and_pruned_in_optimize() -> None:
    study = study_with(n_slots=2, n_generations=1)
    study.optimize(width, n_trials=9)
    assert len(study.trials) == 2
    with pytest.raises(NoFreeSlotError, match="All 1 generations of the population are done"):
        study.ask()
    study.optimize(width, n_trials=9)
    assert [t.state for t in study.trials[2:]] == [TrialState.FAIL, TrialState.PRUNED]
    longer = PBTNASSampler(2, 2, 1, seed=0)
    study.sampler = longer
    study.optimize(width)
    assert len(at(study, 1, 0)) == len(at(study, 1, 1)) == 1


def elsewhere(study: Study, trial: Trial) -> None:
    """Make a running trial one of a machine about which nothing is known."""
    own = Assignment.of(study._storage.get_trial(trial._trial_id))
    assert own is not None
    moved = replace(own, holder=Holder("another machine", 1, "7"), is_asked=False)
    study._storage.set_trial_system_attr(trial._trial_id, ASSIGNMENT_KEY, moved.dumps())


def test_a_silent_worker_is_left_alone_for_the_stated_time_and_its_late_result_ignored() -> None:
    study = study_with(n_slots=2, n_generations=2, slot_timeout_s=0.3, directions=["minimize"])
    silent = study.ask()
    width(silent)
    elsewhere(study, silent)
    begun = time.monotonic()
    study.optimize(width, n_trials=1)
    assert place(study.trials[1]) == (0, 1)  # something else was free
    study.optimize(width, n_trials=1)
    assert place(study.trials[2]) == (0, 0)
    assert time.monotonic() - begun >= 0.2
    assert study.trials[2].params == study.trials[0].params
    study.optimize(width, n_trials=1)  # the next generation has begun
    study.tell(silent, 1e9)
    counting = read_lineage(study).counting(0, 0)
    assert counting is not None
    assert counting.number == 2
    study.optimize(width)
    first = [at(study, 1, slot)[0].user_attrs["pbt_parents"] for slot in range(2)]
    assert all(0 not in parents for parents in first)
    assert any(2 in parents for parents in first)


def test_of_two_results_in_one_generation_the_lower_number_counts() -> None:
    study = study_with(n_slots=2, n_generations=2, slot_timeout_s=0.05)
    silent = study.ask()
    elsewhere(study, silent)
    time.sleep(0.1)
    again = study.ask()
    assert place(again) == place(silent) == (0, 0)
    study.tell(again, 1.0)
    study.tell(silent, 2.0)
    study.tell(study.ask(), 0.5)
    assert study.ask().user_attrs["pbt_parents"] == [0]  # it survives: the best of two


def test_a_clock_that_is_ahead_does_not_make_anybody_wait_longer() -> None:
    study = study_with(n_slots=2, n_generations=1, slot_timeout_s=0.2)
    silent = study.ask()
    own = Assignment.of(study._storage.get_trial(silent._trial_id))
    assert own is not None
    ahead = replace(own, holder=Holder("there", 1, "7"), since=time.time() + 3600, is_asked=False)
    study._storage.set_trial_system_attr(silent._trial_id, ASSIGNMENT_KEY, ahead.dumps())
    study.optimize(width)
    assert [place(t) for t in study.trials] == [(0, 0), (0, 1), (0, 0)]


def test_a_stopped_heartbeat_frees_the_slot_at_once_and_the_retry_gets_it(tmp_path: Path) -> None:
    storage = _heartbeat_storage(tmp_path)
    study = study_with(n_slots=2, n_generations=2, storage=storage)
    study.optimize(width, n_trials=2)
    silent = _ask_quietly(study)
    params = width(silent)
    elsewhere(study, silent)
    storage.record_heartbeat(silent._trial_id)
    time.sleep(2.1)
    study.optimize(width)
    kept = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert [place(t) for t in kept] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert study.trials[silent.number].state == TrialState.FAIL
    assert kept[2].params["width"] == params
    assert kept[2].system_attrs["failed_trial"] == silent.number


def _heartbeat_storage(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heartbeats are experimental
        return optuna.storages.RDBStorage(
            f"sqlite:///{folder}/study.db",
            heartbeat_interval=1,
            grace_period=1,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
        )


def _ask_quietly(study: Study) -> Trial:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heartbeats are meant for optimize
        return study.ask()


def test_enqueued_architectures_are_in_the_first_generation_only(tmp_path: Path) -> None:
    study = study_with(n_slots=3, n_generations=2)
    study.enqueue_trial({"width": 7})
    study.optimize(width, n_trials=3)
    assert study.trials[0].params == {"width": 7}
    study.enqueue_trial({"width": 8})
    study.optimize(with_weights(tmp_path), n_trials=1)
    assert study.trials[3].state == TrialState.PRUNED
    study.optimize(width)
    assert [place(t) for t in study.trials[4:]] == [(1, 0), (1, 1), (1, 2)]


def test_another_population_in_the_same_study_is_refused() -> None:
    study = study_with()
    study.optimize(width, n_trials=2)
    study.sampler = PBTNASSampler(5, 3, 1)
    with pytest.raises(ValueError, match="population_size=4, but this sampler has"):
        study.optimize(width, n_trials=1)


def test_added_trials_of_another_study_take_no_slot() -> None:
    other = study_with()
    other.optimize(width)
    study = study_with()
    study.add_trials(other.trials[5:8])
    study.optimize(width)
    assert len(study.trials) == 3 + 12


Objective = Callable[[Trial], float]


def with_weights(
    folder: Path, spoil: Callable[[PBTMember], None] = lambda member: None
) -> Objective:
    store = FileSystemArtifactStore(folder)

    def objective(trial: Trial) -> float:
        member = PBTMember(trial, store, {"op": "0"})
        value = width(trial)
        trial.suggest_categorical("op", ["a", "b"])
        spoil(member)
        model = nn.Sequential(nn.Linear(2, 2))
        member.restore(model)
        member.save(model)
        return value

    return objective


@pytest.mark.parametrize("how", ["missing", "truncated", "damaged"])
def test_a_lost_checkpoint_costs_one_member(how: str, tmp_path: Path) -> None:
    study = study_with(n_generations=3)

    def spoil(member: PBTMember) -> None:
        if (member.generation, member.slot) != (1, 0):
            return
        path = tmp_path / study.trials[0].user_attrs["pbt_checkpoint"]
        if how == "missing":
            path.unlink(missing_ok=True)
        elif how == "truncated":
            path.write_bytes(path.read_bytes()[:99])
        else:
            path.write_bytes(b"x" * 2000)

    study.optimize(with_weights(tmp_path, spoil))
    lost = at(study, 1, 0)
    assert [trial.state for trial in lost] == [TrialState.PRUNED] * 3
    # Everyone else went on, and the slot has a new member.
    assert all(len(at(study, 1, slot)) in (1, 3) for slot in range(4))
    (child,) = at(study, 2, 0)
    assert child.state == TrialState.COMPLETE
    assert len(child.user_attrs["pbt_parents"]) == 2


def test_a_lost_checkpoint_says_whose_it_is(tmp_path: Path) -> None:
    study = study_with(n_slots=2, n_generations=2)
    study.optimize(with_weights(tmp_path), n_trials=2)
    for path in tmp_path.iterdir():
        path.unlink()
    trial = study.ask()
    member = PBTMember(trial, FileSystemArtifactStore(tmp_path))
    with pytest.raises(CheckpointError, match=r"trial 1 \(slot 1 of generation 0\) is missing"):
        member.restore(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(CheckpointError, match="is missing"):
        make_soup(study, FileSystemArtifactStore(tmp_path), lambda params: nn.Linear(1, 1), id)


def test_a_member_that_saved_nothing_is_a_clear_error(tmp_path: Path) -> None:
    study = study_with(n_slots=2, n_generations=2)
    study.optimize(width, n_trials=2)
    member = PBTMember(study.ask(), FileSystemArtifactStore(tmp_path))
    with pytest.raises(CheckpointError, match=r"never saved: call PBTMember\.save"):
        member.restore(nn.Linear(2, 2))


def test_a_half_written_checkpoint_of_a_killed_worker_is_removed(tmp_path: Path) -> None:
    study = study_with(n_slots=2, n_generations=3)
    study.optimize(with_weights(tmp_path), n_trials=1)
    killed = study.ask()
    store = FileSystemArtifactStore(tmp_path)
    (tmp_path / "orphan").write_bytes(b"half")
    meta = {"artifact_id": "orphan", "filename": "pbt_member.pt", "mimetype": "", "encoding": None}
    key = "artifacts:orphan"
    study._storage.set_trial_system_attr(killed._trial_id, key, json.dumps(meta))
    own = Assignment.of(study._storage.get_trial(killed._trial_id))
    assert own is not None
    dead = replace(own, holder=replace(own.holder, started="long ago"))
    study._storage.set_trial_system_attr(killed._trial_id, ASSIGNMENT_KEY, dead.dumps())
    study.optimize(with_weights(tmp_path))
    assert [place(t) for t in study.trials[:3]] == [(0, 0), (0, 1), (0, 1)]
    assert not (tmp_path / "orphan").exists()
    collect_checkpoints(study, store)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_store_that_cannot_remove_does_not_stop_the_training(tmp_path: Path) -> None:
    class ReadOnly(FileSystemArtifactStore):
        def remove(self, artifact_id: str) -> None:
            raise PermissionError("no deletes here")

    study = study_with(n_slots=2, n_generations=4)
    store = ReadOnly(tmp_path)

    def objective(trial: Trial) -> float:
        member = PBTMember(trial, store)
        model = nn.Linear(1, 1)
        member.restore(model)
        member.save(model)
        return width(trial)

    study.optimize(objective)
    assert len(list(tmp_path.iterdir())) == len(study.trials) == 8


def test_wrong_uses_of_a_member_are_explained(tmp_path: Path) -> None:
    store = FileSystemArtifactStore(tmp_path)
    with pytest.raises(ValueError, match="has no place in a population"):
        PBTMember(optuna.create_study().ask(), store)
    with pytest.raises(TypeError, match="from a study"):
        PBTMember(optuna.trial.FixedTrial({}), store)  # type: ignore[arg-type]
    study = study_with()
    trial = study.ask()
    trial.suggest_categorical("op", ["a"])
    with pytest.raises(ValueError, match="buffers is one of"):
        PBTMember(trial, store, buffers="keep")  # type: ignore[arg-type]
    member = PBTMember(trial, store, {"op": "encodr.0", "inactive": "nowhere"})
    model = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(1, 1))})
    with pytest.raises(ValueError, match=r"no module of the model; near it are \['encoder.0'"):
        member.restore(model)
    member = PBTMember(trial, store, {"act": "encoder.0"})
    member.restore(model)
    trial.suggest_categorical("act", ["relu"])
    with pytest.raises(ValueError, match=r"\['act'\] was suggested after restore"):
        member.save(model)
    with pytest.raises(ValueError, match="No member of the population has a score"):
        best_member(study)
    with pytest.raises(ValueError, match="has no population"):
        best_member(optuna.create_study())


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"n_slots": 1}, ValueError, "population_size must be at least 2"),
        ({"quantile": 0.0}, ValueError, r"quantile must be in \(0, 0.5\], got 0"),
        ({"quantile": 0.6}, ValueError, "quantile"),
        ({"layer_replace_prob": 1.1}, ValueError, r"\[0, 1\]"),
        ({"shrink": "a lot"}, TypeError, "shrink is a number"),
        ({"variation": "blend"}, ValueError, "Choose one of mix"),
        ({"hyperparameters": "lr"}, TypeError, r"write \('lr',\)"),
        ({"slot_timeout_s": 0}, ValueError, "slot_timeout_s"),
        ({"max_attempts": 0}, ValueError, "max_attempts"),
        ({"seed": 0.5}, TypeError, "seed"),
        ({"objectives": [3]}, ValueError, "no objective 3"),
    ],
)
def test_bad_settings_are_explained(
    settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        study_with(**settings).ask()


def test_the_limit_follows_the_longest_training_without_the_waiting() -> None:
    now = [1000.0]
    study = study_with(n_slots=2, n_generations=2)
    slots = study.sampler._slots  # type: ignore[attr-defined]
    slots._clock = lambda: now[0]
    assert slots._limit_s(read_of(study, slots), 0) == 3600.0
    study.optimize(width, n_trials=2)
    lineage = read_lineage(study)
    trial = lineage.trials[0]
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=130)
    own = Assignment.of(trial)
    assert own is not None
    waited = replace(own, waited_s=100.0, n_epochs=3).dumps()
    trial._system_attrs[ASSIGNMENT_KEY] = waited
    # As a process reads it that has not seen it before: finished trials do not change.
    lineage = Lineage(lineage.trials, lineage.plan, lineage.closed)
    assert slots._limit_s(lineage, 1) == pytest.approx(60 + 2 * 30 / 3, abs=0.1)


def read_of(study: Study, slots: Any) -> Any:
    slots.plan.keep_with(study)
    return read_lineage(study)
