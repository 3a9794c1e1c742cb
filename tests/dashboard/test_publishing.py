"""What `publish` and the callback leave in a study, read as the dashboard reads it."""

import io
import json
import pickle
import threading
import warnings

import numpy as np
import optuna
import plotly.graph_objects as go
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna_dashboard import get_note, save_note, save_plotly_graph_object
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from optuna_dashboard._note import get_note_from_system_attrs, save_note_with_version
from optuna_dashboard.artifact._backend import list_trial_artifacts

from optuna_linas import PBTNASSampler
from optuna_linas.cli.tables import front_table
from optuna_linas.dashboard import DashboardCallback, PublishingWarning, publish
from optuna_linas.dashboard.pages import MAX_BYTES
from optuna_linas.supernets import ElasticCNN
from optuna_linas.visualization import predictor_quality
from tests.dashboard.searches import searched, slow_network

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


FIGURES = {"search-progress", "hypervolume", "architecture", "network", "parallel"}


def attributes(study):
    return study._storage.get_study_system_attrs(study._study_id)


def figures(study):
    return {k: json.loads(v) for k, v in get_plotly_graph_objects(attributes(study)).items()}


def trial_notes(study):
    attrs = attributes(study)
    bodies = {
        trial.number: get_note_from_system_attrs(attrs, trial._trial_id)["body"]
        for trial in study.trials
    }
    return {number: body for number, body in bodies.items() if body}


def files(study):
    attrs = attributes(study)
    return {
        meta["filename"]: meta["artifact_id"]
        for trial in study.trials
        for meta in list_trial_artifacts(attrs, trial.system_attrs, trial)
    }


class BrokenStore:
    def write(self, artifact_id, content):
        raise OSError("the disk is full")

    def open_reader(self, artifact_id):
        return io.BytesIO()

    def remove(self, artifact_id):
        pass


@pytest.mark.parametrize("name", ["linas", "nag", "pymoo", "random"])
def test_every_sampler_has_a_page(name):
    study = searched(name)
    publish(study)
    learned = {"predictor-quality"} if name in ("linas", "nag") else set()
    assert set(figures(study)) == FIGURES | learned
    note = get_note(study)
    assert "30 complete" in note
    assert "Hypervolume" in note
    ours = {"linas": "LINASSampler", "nag": "NAGSampler", "pymoo": "PymooSampler"}
    assert (ours.get(name, "Sampler") in note) == (name in ours)
    assert ("Kendall" in note) == (name in ("linas", "nag"))
    predicted = [body for body in trial_notes(study).values() if "Predicted before" in body]
    assert bool(predicted) == (name in ("linas", "nag"))


def test_a_population_shows_its_lineage():
    sampler = PBTNASSampler(4, 3, [1, 2, 3], layer_replace_prob=1.0, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def objective(trial):
        trial.suggest_categorical("op", ["a", "b"])
        return float(trial.user_attrs["pbt_slot"])

    study.optimize(objective)
    publish(study)
    assert {"population", "lineage", "option-shares"} <= set(figures(study))
    assert "3 of 3 generations of 4 members" in get_note(study)
    notes = trial_notes(study)
    assert "A child of trial" in "".join(notes.values())
    assert "Goes on from trial" in "".join(notes.values())


@pytest.mark.parametrize(
    "n_trials", [0, pytest.param(1, id="one trial"), pytest.param(2, id="two trials")]
)
@pytest.mark.parametrize("directions", [["minimize"], ["maximize", "minimize"], ["minimize"] * 3])
def test_small_studies_and_any_number_of_objectives(n_trials, directions):
    study = optuna.create_study(directions=directions)
    study.optimize(lambda t: [t.suggest_int("n", 0, 9)] * len(directions), n_trials=n_trials)
    study.enqueue_trial({"n": 3})
    publish(study)
    assert study.study_name in get_note(study).replace("\\", "")


def test_the_note_has_what_was_measured_on_what():
    study = searched(n_trials=25)
    study.set_user_attr("platform", {"cpu": "Cortex-A78", "n_cpus": 8, "torch": "2.13"})
    publish(study)
    note = get_note(study)
    assert "Cortex-A78, 8 CPUs, torch 2.13" in note
    assert "12 variables" in note
    front = sorted(study.best_trials, key=lambda trial: trial.values[1])
    rows = [line for line in note.splitlines() if line.startswith(f"| {front[0].number}\u2003")]
    assert f"{front[0].values[1]:.4g}" in rows[0]
    assert f"{front[0].user_attrs['macs'] / 1e6:.4g} M" in rows[0]


def test_publishing_again_replaces():
    study = searched(n_trials=20)
    publish(study)
    first = attributes(study)
    publish(study)
    assert attributes(study) == first
    study.optimize(slow_network, n_trials=10)
    publish(study)
    assert set(figures(study)) == FIGURES
    assert "30 complete" in get_note(study)
    assert get_note(study).count("## phone") == 1


def test_what_the_dashboard_cut_in_pieces_is_replaced_whole():
    study = searched(n_trials=5)
    save_plotly_graph_object(
        study, go.Figure(go.Scatter(y=np.arange(9000.0))), graph_object_id="hypervolume"
    )
    save_note(study, "mine " * 2000)
    publish(study)
    assert len(figures(study)["hypervolume"]["data"][0]["y"]) == 5
    assert get_note(study).count("mine") == 2000


def test_what_a_user_writes_into_notes_stays():
    study = searched(n_trials=5)
    best = study.best_trials[0]
    save_note_with_version(study._storage, study._study_id, best._trial_id, 1, "ship **this** one")
    save_note(study, "for the *phone*")
    publish(study)
    save_note(study, "# Before\n\n" + get_note(study) + "\n\nafter")
    study.optimize(slow_network, n_trials=1)
    publish(study)
    note = get_note(study)
    assert note.startswith("# Before")
    assert note.endswith("after")
    assert "6 complete" in note
    assert "5 complete" not in note
    assert "for the *phone*" in note
    assert trial_notes(study)[best.number].endswith("ship **this** one")


def test_a_note_that_is_full_is_left_alone():
    study = searched(n_trials=5)
    save_note(study, "x" * MAX_BYTES)
    publish(study)
    assert get_note(study) == "x" * MAX_BYTES


def test_no_attribute_outgrows_a_storage():
    study = optuna.create_study(study_name="wide", directions=["maximize", "minimize"])
    rng = np.random.default_rng(0)
    names = [f"a_long_name_of_a_variable_{i}" for i in range(60)]
    distributions = {name: optuna.distributions.IntDistribution(0, 9) for name in names}
    for _ in range(1200):
        params = {name: int(rng.integers(10)) for name in names}
        values = rng.random(2).tolist()
        study.add_trial(
            optuna.create_trial(params=params, distributions=distributions, values=values)
        )
    publish(study, n_trial_notes=20)
    attrs = attributes(study)
    assert max(len(json.dumps(value)) for value in attrs.values()) <= MAX_BYTES
    trials, front = figures(study)["search-progress"]["data"]
    assert len(front["x"]) == len(study.best_trials)
    assert len(trials["x"]) >= 300
    assert "<br>" not in trials["text"][0]  # the architecture is told of the front only
    assert len(trials["marker"]["color"]) == len(trials["text"]) == len(trials["x"])


def test_notes_of_trials_are_bounded_and_the_front_comes_first():
    study = searched(n_trials=12)
    publish(study, n_trial_notes=8)
    front = {trial.number for trial in study.best_trials}
    assert len(front) < 8
    first = set(trial_notes(study))
    assert len(first) == 8
    assert front <= first
    study.optimize(slow_network, n_trials=12)
    publish(study, n_trial_notes=8)
    now = set(trial_notes(study))
    assert len(now) == 8
    assert {trial.number for trial in study.best_trials} <= now
    publish(study, n_trial_notes=0)
    assert trial_notes(study) == {}


@pytest.mark.parametrize(
    "storage_in",
    [
        lambda folder: InMemoryStorage(),
        lambda folder: RDBStorage(f"sqlite:///{folder}/study.db"),
        lambda folder: JournalStorage(JournalFileBackend(f"{folder}/study.log")),
    ],
    ids=["memory", "sqlite", "journal"],
)
def test_any_storage(storage_in, tmp_path):
    study = searched(n_trials=6, storage=storage_in(tmp_path))
    publish(study)
    publish(study)
    assert set(figures(study)) == FIGURES
    assert set(trial_notes(study)) == set(range(6))


def test_files_come_with_a_store(tmp_path):
    study = searched(n_trials=6)
    publish(study)
    assert files(study) == {}
    store = FileSystemArtifactStore(tmp_path)
    publish(study, artifact_store=store, n_artifacts=2)
    listed = files(study)
    assert len(listed) == 2
    for name, artifact_id in listed.items():
        with store.open_reader(artifact_id) as file:
            svg = file.read().decode()
        assert name.removesuffix(".svg").replace("-", " ") in svg
        assert "kernel_0" in svg
    publish(study, artifact_store=store, n_artifacts=2)
    assert files(study) == listed
    assert len(list(tmp_path.iterdir())) == 2


def test_a_supernet_gives_networks_in_onnx(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    supernet = ElasticCNN(n_classes=10, in_channels=1, image_size=8)

    def objective(trial):
        from optuna_linas.suggest import suggest

        params = suggest(trial, supernet.space)
        return sum(p.numel() for p in supernet.extract(params).parameters())

    study = optuna.create_study()
    study.optimize(objective, n_trials=2)
    store = FileSystemArtifactStore(tmp_path)
    publish(study, artifact_store=store, supernet=supernet)
    number = study.best_trial.number
    listed = files(study)
    assert set(listed) == {f"trial-{number}.svg", f"trial-{number}.onnx"}
    with store.open_reader(listed[f"trial-{number}.onnx"]) as file:
        session = onnxruntime.InferenceSession(file.read())
    name = session.get_inputs()[0].name
    (scores,) = session.run(None, {name: np.zeros((3, 1, 8, 8), dtype=np.float32)})
    assert scores.shape == (3, 10)


def test_a_part_that_fails_leaves_the_others():
    study = searched(n_trials=6)
    with pytest.warns(UserWarning, match=r"files could not be made.*OSError: the disk is full"):
        publish(study, artifact_store=BrokenStore())
    assert "6 complete" in get_note(study)
    assert set(figures(study)) == FIGURES


def test_wrong_arguments_are_errors():
    study = optuna.create_study()
    with pytest.raises(ValueError, match="n_trial_notes"):
        publish(study, n_trial_notes=-1)
    with pytest.raises(ValueError, match="letters, digits"):
        publish(study, figures={"a b": go.Figure()})
    with pytest.raises(ValueError, match="every"):
        DashboardCallback(every=0)
    with pytest.raises(TypeError, match="n_notes"):
        DashboardCallback(n_notes=3)


@pytest.mark.parametrize("n_objectives", [1, 3, 4])
def test_figures_that_cannot_be_are_no_problem(n_objectives):
    study = optuna.create_study(directions=["minimize"] * n_objectives)
    study.optimize(lambda t: [t.suggest_int(f"x_{i}", 0, 9) for i in range(n_objectives)], 12)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PublishingWarning)
        publish(study)
    assert ("search-progress" in figures(study)) == (n_objectives < 4)
    assert ("hypervolume" in figures(study)) == (n_objectives > 1)


def test_own_figures_are_shown():
    study = searched(n_trials=3)
    publish(study, figures={"budget-front": go.Figure(go.Scatter(y=[1, np.nan, np.inf]))})
    assert figures(study)["budget-front"]["data"][0]["y"] == [1.0, None, None]


def test_the_callback_publishes_every_so_often():
    study = searched(n_trials=9, callbacks=[DashboardCallback(every=5)])
    assert "5 complete" in get_note(study)
    study.optimize(slow_network, n_trials=1, callbacks=[DashboardCallback(every=5)])
    assert "10 complete" in get_note(study)


def test_a_callback_that_fails_warns_once_and_never_stops_the_search(monkeypatch):
    study = searched(n_trials=0)
    monkeypatch.setattr(
        study._storage, "set_study_system_attr", lambda *_: (_ for _ in ()).throw(OSError("gone"))
    )
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        study.optimize(slow_network, n_trials=6, callbacks=[DashboardCallback(every=2)])
    assert len(study.trials) == 6
    ours = [w for w in seen if w.category is PublishingWarning]
    assert len(ours) == 1
    assert "OSError: gone" in str(ours[0].message)


def test_an_older_publication_does_not_overwrite_a_newer_one():
    study = searched(n_trials=10)
    publish(study)
    study._storage.set_study_system_attr(study._study_id, "linas:published", 12)
    study.optimize(slow_network, n_trials=1, callbacks=[DashboardCallback(every=1)])
    assert "10 complete" in get_note(study)
    study.optimize(slow_network, n_trials=1, callbacks=[DashboardCallback(every=1)])
    assert "12 complete" in get_note(study)


def test_workers_that_publish_at_a_time_leave_a_whole_page(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="phone", storage=url, directions=["maximize", "minimize"])
    barrier = threading.Barrier(2)

    def work(seed):
        study = optuna.load_study(
            study_name="phone", storage=url, sampler=optuna.samplers.RandomSampler(seed)
        )
        barrier.wait()
        study.optimize(slow_network, n_trials=4, callbacks=[DashboardCallback(every=1)])

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = optuna.load_study(study_name="phone", storage=url)
    assert set(figures(study)) == FIGURES
    assert get_note(study).count("## phone") == 1
    publish(study)
    assert "8 complete" in get_note(study)


def test_threads_share_a_callback_and_it_can_be_pickled():
    callback = pickle.loads(pickle.dumps(DashboardCallback(every=2)))
    study = searched(n_trials=8, n_jobs=3, callbacks=[callback])
    assert "complete" in get_note(study)


def test_the_table_shows_first_what_differs():
    study = optuna.create_study(directions=["maximize", "minimize"])
    names = [f"an_option_that_is_the_same_in_all_{letter}" for letter in "abcdefgh"]
    same = {name: optuna.distributions.CategoricalDistribution(["one"]) for name in names}
    width = optuna.distributions.CategoricalDistribution([16, 32])
    for number, value in enumerate(width.choices):
        trial = optuna.create_trial(
            values=[number, number],
            params={**dict.fromkeys(names, "one"), "width": value},
            distributions={**same, "width": width},
        )
        study.add_trial(trial)
    publish(study)
    rows = [line for line in get_note(study).splitlines() if "an\\_option" in line]
    assert [f"width {value}" in row for row, value in zip(rows, (16, 32), strict=True)] == [
        True
    ] * 2
    assert [line for line in front_table(study).splitlines() if "width 16" in line]


def test_attributes_of_the_same_names_that_mean_something_else():
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.set_user_attr("platform", "note10")
    for number in range(3):
        attrs = {"device": "cuda"} | ({"latency_ms": "fast"} if number else {})
        study.add_trial(optuna.create_trial(values=[number, number], user_attrs=attrs))
    with warnings.catch_warnings():
        warnings.simplefilter("error", PublishingWarning)
        publish(study)
    assert "Best trade-offs" in get_note(study)


def test_the_note_trusts_predictions_by_more_trials_than_a_batch():
    study = searched("linas", 40)
    publish(study)
    note = get_note_from_system_attrs(attributes(study), None)["body"]
    for name, quality in predictor_quality(study).items():
        assert quality.n_trials > 10
        (row,) = [line for line in note.splitlines() if quality.predictor in line and name in line]
        assert f"| {quality.kendall_tau:.2f}" in row
    assert "last batch" not in note
