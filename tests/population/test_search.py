"""A population from end to end on real images: what is bred from whom, and how it resumes."""

import signal
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.trial import TrialState

from optuna_linas import best_member, make_soup
from optuna_linas.lineage import read_lineage
from tests.population.search import (
    N_GENERATIONS,
    N_SLOTS,
    build,
    make_objective,
    open_study,
    start_workers,
    storage_of,
    story,
    train,
)

N_TRIALS = N_SLOTS * N_GENERATIONS


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[optuna.Study, str]:
    folder = str(tmp_path_factory.mktemp("whole"))
    study = open_study(None)
    study.optimize(make_objective(folder))
    return study, folder


def test_the_study_stops_after_the_last_generation(whole: tuple[optuna.Study, str]) -> None:
    study, _ = whole
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * N_TRIALS
    places = [(t.user_attrs["pbt_generation"], t.user_attrs["pbt_slot"]) for t in study.trials]
    assert places == [(g, s) for g in range(N_GENERATIONS) for s in range(N_SLOTS)]


def test_the_first_population_is_stratified(whole: tuple[optuna.Study, str]) -> None:
    first = whole[0].trials[:N_SLOTS]
    for name, option in (("first", "bias"), ("norm", "batch"), ("second", "deep")):
        assert sum(trial.params[name] == option for trial in first) == N_SLOTS // 2
    assert all(trial.user_attrs["pbt_parents"] == [] for trial in first)


def test_the_worst_is_replaced_by_a_mix_of_the_two_best(whole: tuple[optuna.Study, str]) -> None:
    trials = whole[0].trials
    for generation in range(1, N_GENERATIONS):
        start = generation * N_SLOTS
        before, now = trials[start - N_SLOTS : start], trials[start : start + N_SLOTS]
        ranked = sorted(range(N_SLOTS), key=lambda i: (-before[i].value, i))
        for slot, trial in enumerate(now):
            parents = trial.user_attrs["pbt_parents"]
            if slot != ranked[-1]:
                assert parents == [before[slot].number]
                assert trial.params == before[slot].params
                assert trial.user_attrs["pbt_donated"] == []
                continue
            assert parents == [before[ranked[0]].number, before[ranked[1]].number]
            base, donor = (trials[number].params for number in parents)
            donated = trial.user_attrs["pbt_donated"]
            assert "lr" not in donated
            for name, value in trial.params.items():
                if name != "lr":
                    assert value == (donor if name in donated else base)[name]
            assert trial.params["lr"] != base["lr"]


@pytest.mark.parametrize("stop", [1, 6, 11])
def test_a_resumed_search_equals_an_uninterrupted_one(
    stop: int, whole: tuple[optuna.Study, str], tmp_path: Path
) -> None:
    for n in (stop, None):
        study = open_study(storage_of("journal", str(tmp_path)))
        study.optimize(make_objective(str(tmp_path)), n_trials=n)
    assert story(study, str(tmp_path)) == story(*whole)


@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(
    storage: str, whole: tuple[optuna.Study, str], tmp_path: Path
) -> None:
    for kill_at in (5, 9):
        (killed,) = start_workers(1, storage, str(tmp_path), kill_at)
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
    (last,) = start_workers(1, storage, str(tmp_path))
    last.join()
    study = open_study(storage_of(storage, str(tmp_path)))
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.RUNNING) == 2
    assert len(states) == N_TRIALS + 2
    assert story(study, str(tmp_path)) == story(*whole)


@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_four_workers_make_the_same_population_and_one_may_die(
    storage: str, whole: tuple[optuna.Study, str], tmp_path: Path
) -> None:
    open_study(storage_of(storage, str(tmp_path)))
    workers = start_workers(3, storage, str(tmp_path))
    workers += start_workers(1, storage, str(tmp_path), 0)  # dies in its first trial
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, -signal.SIGKILL]
    study = open_study(storage_of(storage, str(tmp_path)))
    complete = [t for t in study.trials if t.state == TrialState.COMPLETE]
    places = {(t.user_attrs["pbt_generation"], t.user_attrs["pbt_slot"]) for t in complete}
    assert len(places) == len(complete) == N_TRIALS
    assert story(study, str(tmp_path)) == story(*whole)


def test_another_seed_is_another_search(whole: tuple[optuna.Study, str], tmp_path: Path) -> None:
    study = open_study(None, seed=1)
    study.optimize(make_objective(str(tmp_path)))
    assert story(study, str(tmp_path)) != story(*whole)


def test_the_best_member_and_a_soup(whole: tuple[optuna.Study, str]) -> None:
    study, folder = whole
    winner = best_member(study)
    last = study.trials[-N_SLOTS:]
    assert winner.trial.value == max(trial.value for trial in last)
    assert winner.generation == N_GENERATIONS - 1
    store = FileSystemArtifactStore(folder)

    def evaluate(model: object) -> float:
        return train(model, None, 0, 0)  # type: ignore[arg-type]

    soup = make_soup(study, store, build, evaluate)
    assert soup.best_score == winner.trial.value
    assert soup.score >= soup.best_score
    assert evaluate(soup.model) == soup.score
    assert soup.members[0].number == winner.number
    architecture = {k: v for k, v in winner.params.items() if k != "lr"}
    for member in soup.candidates:
        assert {k: v for k, v in member.params.items() if k != "lr"} == architecture
    part = make_soup(study, store, build, evaluate, module="2")
    assert part.score >= part.best_score
    assert len(part.candidates) >= len(soup.candidates)
    with pytest.raises(ValueError, match="no weights under 'head'"):
        make_soup(study, store, build, evaluate, module="head")


def test_disk_use_is_bounded_by_the_population(tmp_path: Path) -> None:
    counts = []
    study = open_study(None)
    study.optimize(
        make_objective(str(tmp_path)),
        callbacks=[lambda study, trial: counts.append(len(list(tmp_path.iterdir())))],
    )
    assert len(counts) == N_TRIALS
    assert max(counts) <= 2 * N_SLOTS
    from optuna_linas.checkpoints import collect_checkpoints

    assert collect_checkpoints(study, FileSystemArtifactStore(str(tmp_path))) > 0
    kept = {trial.user_attrs["pbt_checkpoint"] for trial in study.trials[-N_SLOTS:]}
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert len(read_lineage(study).living()) == N_SLOTS
