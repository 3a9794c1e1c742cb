import sys

import optuna
import pytest
from click.testing import CliRunner

from optuna_linas.cli import main

OBJECTIVE = """
import threading
import time

class Named:
    directions = ["maximize", "minimize"]
    metric_names = ["accuracy", "latency"]

    def __call__(self, trial):
        return objective(trial)

named = Named()
not_callable = 3

def objective(trial):
    depth = trial.suggest_int("depth", 1, 8)
    width = trial.suggest_categorical("width", [8, 16, 32, 64])
    trial.set_user_attr("latency_ms", 0.01 * depth * width)
    return 1 - 1 / (depth * width), 0.01 * depth * width

def slow(trial):
    time.sleep(0.2)
    return objective(trial)

def fails_in_between(trial):
    values = objective(trial)
    if trial.number == 2:
        raise ZeroDivisionError("no such network")
    return values

def sometimes_nan(trial):
    values = objective(trial)
    return float("nan") if trial.number == 2 else values

def returns_nan(trial):
    return float("nan")

def one_value(trial):
    return objective(trial)[0]

def unsteady(trial):
    trial.set_user_attr("steady", trial.number % 3 > 0)
    return objective(trial)

later = threading.Event()

def first_fails_last(trial):
    values = objective(trial)
    if trial.number == 0:
        assert later.wait(60)
        raise ZeroDivisionError("no such network")
    if trial.number == 5:
        later.set()
    return values

def breaks():
    import optuna

    class Breaking(optuna.samplers.RandomSampler):
        def after_trial(self, study, trial, state, values):
            if trial.number == 1:
                raise RuntimeError("out of order")

    return Breaking()

def sampler():
    import optuna
    return optuna.samplers.RandomSampler(seed=5)

made = []

def counted():
    made.append(sampler())
    return made[-1]

def build(params):
    import torch
    return torch.nn.Sequential(torch.nn.Linear(4, params["width"]), torch.nn.ReLU())
"""
TRADE_OFF = ["--direction", "maximize", "--direction", "minimize"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with train.py, to work in."""
    (tmp_path / "train.py").write_text(OBJECTIVE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "train", raising=False)
    yield tmp_path
    sys.modules.pop("train", None)
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def run(folder):
    """Runs the program in the folder."""

    def run(*args):
        return CliRunner().invoke(main, [str(arg) for arg in args])

    return run


@pytest.fixture(scope="session")
def study_file(tmp_path_factory):
    """A SQLite file with a study of 24 trials, as a search makes it."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "train.py").write_text(OBJECTIVE)
    named = ["search", f"{folder}/train.py:named", "--storage", f"{folder}/study.db"]
    more = ["--trials", "24", "--sampler", "random", "--seed", "0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.path", [*sys.path])
        result = CliRunner().invoke(main, [*named, *more])
        sys.modules.pop("train", None)
    assert result.exit_code == 0, result.output
    return (folder / "study.db").read_bytes()


@pytest.fixture
def searched(run, folder, study_file):
    """Runs the program in a folder that has this study."""
    (folder / "study.db").write_bytes(study_file)
    return run
