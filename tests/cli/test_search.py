import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from optuna_linas import LINASSampler
from tests.cli.conftest import TRADE_OFF


def study_in(folder, name="objective"):
    return optuna.load_study(study_name=name, storage=f"sqlite:///{folder}/study.db")


def test_an_objective_function_is_searched(run, folder):
    names = ["--name", "accuracy", "--name", "latency"]
    result = run("search", "train.py:objective", *TRADE_OFF, *names, "--trials", 20, "--seed", 0)
    assert result.exit_code == 0, result.output
    study = study_in(folder)
    assert len(study.trials) == 20
    assert study.metric_names == ["accuracy", "latency"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert "objective 20/20 front of" in result.stderr
    assert "20 trials measured" in result.stdout
    assert "optuna-dashboard sqlite:///study.db" in result.stdout
    best = min(study.best_trials, key=lambda trial: trial.values[1])
    row = [str(best.number), f"{best.values[0]:.5g}", f"{best.values[1]:.5g}"]
    assert row in [line.split()[:3] for line in result.stdout.splitlines()]
    attrs = study._storage.get_study_system_attrs(study._study_id)
    assert "dashboard:plot_data:search-progress:0" in attrs


def test_json_is_all_there_is_on_standard_output(run):
    result = run("search", "train.py:named", "--trials", 8, "--sampler", "random", "--json")
    found = json.loads(result.stdout)
    assert found["study"] == "named"
    assert found["n_measured"] == 8
    assert found["interrupted"] is False
    assert found["metric_names"] == ["accuracy", "latency"]
    assert {"depth", "width"} == set(found["front"][0]["params"])
    assert found["front"][0]["user_attrs"]["latency_ms"] == found["front"][0]["values"][1]


def test_the_same_seed_is_the_same_search(run, folder):
    for name in ("one", "two"):
        run("search", "train.py:named", "--study", name, "--trials", 6, "--seed", 3)
    one, two = study_in(folder, "one"), study_in(folder, "two")
    assert [t.params for t in one.trials] == [t.params for t in two.trials]


def test_a_study_goes_on_only_when_asked_to(searched, folder):
    result = searched("search", "train.py:named", "--trials", 30)
    assert result.exit_code == 2
    assert "--resume" in result.stderr
    result = searched("search", "train.py:named", "--trials", 30, "--resume", "--no-dashboard")
    assert result.exit_code == 0, result.output
    assert "24 trials already" in result.stderr
    assert len(study_in(folder, "named").trials) == 30
    result = searched("search", "train.py:named", "--trials", 30, "--resume")
    assert result.exit_code == 0
    assert len(study_in(folder, "named").trials) == 30
    result = searched(
        "search", "train.py:objective", "--study", "named", "--resume", *TRADE_OFF[2:]
    )
    assert result.exit_code == 2
    assert "directions maximize, minimize" in result.stderr


def test_a_failing_objective_is_one_line(run, folder):
    result = run("search", "train.py:fails_in_between", *TRADE_OFF, "--trials", 5)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: Trial 2 failed: ZeroDivisionError: no such network (")
    assert "train.py, line" in last
    assert (
        "Traceback"
        in run(
            "--traceback", "search", "train.py:fails_in_between", *TRADE_OFF, "--study", "again"
        ).stderr
    )


@pytest.mark.parametrize("more", [[], ["--keep-going"], ["--jobs", 2]])
def test_a_wrong_number_of_directions_ends_the_search_at_once(run, folder, more):
    search = ["search", "train.py:objective", "--trials", 4, *more]
    wrong = run(*search)
    assert wrong.exit_code == 2
    last = wrong.stderr.strip().splitlines()[-1]
    assert "returned 2 values, but the study 'objective' has 1 direction (minimize)" in last
    assert "--direction (maximize or minimize) 2 times" in last
    assert wrong.stderr.count("did not match") <= 2  # one trial a thread
    # Nothing is left of it that the corrected command would have to go around.
    assert run(*search, *TRADE_OFF).exit_code == 0
    assert len(study_in(folder).directions) == 2


def test_a_study_with_earlier_trials_is_not_removed(searched, folder):
    count = ["--study", "named", "--resume", "--trials", 30]
    wrong = searched("search", "train.py:one_value", *count)
    assert wrong.exit_code == 2
    assert "returned 1 value, but the study 'named' has 2 directions" in wrong.stderr
    assert "name another --study, and give --direction (maximize or minimize) once" in wrong.stderr
    assert len(study_in(folder, "named").trials) == 26  # one alone might be an odd one


def test_one_trial_with_another_number_of_values_fails_alone(run, folder):
    (folder / "odd.py").write_text(
        "def objective(trial):\n"
        "    x = trial.suggest_int('x', 0, 99)\n"
        "    if trial.number in (3, 4, 8):\n"
        "        return [] if trial.number == 4 else 1e9\n"
        "    return x, -x\n"
    )
    search = ["search", "odd.py:objective", *TRADE_OFF, "--keep-going"]
    for args in (["--trials", 6], ["--trials", 10, "--resume"]):  # the odd one first or later
        result = run(*search, *args)
        assert result.exit_code == 0, result.output
    trials = study_in(folder, "objective").trials
    assert [t.number for t in trials if t.state == TrialState.FAIL] == [3, 4, 8]


def test_a_lone_nan_is_a_failed_trial_and_no_wrong_number_of_values(run, folder):
    result = run("search", "train.py:sometimes_nan", *TRADE_OFF, "--trials", 5)
    assert result.exit_code == 0, result.output
    states = [trial.state for trial in study_in(folder, "sometimes_nan").trials]
    assert states == [TrialState.FAIL if n == 2 else TrialState.COMPLETE for n in range(5)]


@pytest.mark.parametrize(
    "args",
    [["nothing.py:named"], ["--supernet", "elastic-cnn", "--data", "nothing.py:data"]],
    ids=["objective", "data"],
)
def test_a_missing_file_is_said_before_a_study_that_is_there(searched, args):
    result = searched("search", *args, "--study", "named")
    assert result.exit_code == 2
    assert "There is no file nothing.py." in result.stderr


def test_a_busy_machine_is_summed_up(run):
    result = run("search", "train.py:unsteady", *TRADE_OFF, "--trials", 4, "--sampler", "random")
    assert "busy while 2 of 4 latencies were measured" in result.stderr
    calm = run("search", "train.py:objective", *TRADE_OFF, "--trials", 2, "--sampler", "random")
    assert "busy" not in calm.stderr


def test_with_threads_the_trial_that_failed_is_named(run, folder):
    result = run("search", "train.py:first_fails_last", *TRADE_OFF, "--trials", 60, "--jobs", 3)
    assert result.exit_code == 1
    assert "Error: Trial 0 failed: ZeroDivisionError" in result.stderr
    assert study_in(folder, "first_fails_last").trials[-1].number > 2


def test_no_trial_is_blamed_for_what_fails_elsewhere(run):
    args = ["--trials", 5, "--sampler", "train.py:breaks"]
    result = run("search", "train.py:objective", *TRADE_OFF, *args)
    assert result.exit_code == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: The search failed outside of the objective: RuntimeError: out")
    assert "--keep-going" not in last


def test_a_failing_trial_need_not_end_the_search(run, folder):
    args = ["train.py:fails_in_between", *TRADE_OFF, "--trials", "5"]
    result = run("search", *args, "--keep-going")
    assert result.exit_code == 0
    assert "1 trials failed or are another worker's" in result.stderr
    assert run("search", *args, "--keep-going", "--resume").exit_code == 0
    states = [trial.state for trial in study_in(folder, "fails_in_between").trials]
    assert states.count(TrialState.COMPLETE) == 5
    assert len(states) == 6


def test_threads_and_journal_files(run, folder):
    args = ["--storage", "runs/search.log", "--trials", 9, "--jobs", 3, "--sampler", "random"]
    result = run("search", "train.py:named", *args)
    assert result.exit_code == 0, result.output
    assert "optuna-dashboard runs/search.log" in result.stdout
    assert "9 trials measured" in result.stdout


@pytest.mark.parametrize("name", ["linas-image", "nag", "agemoea", "tpe", "nsga2", "random"])
def test_samplers_by_name(run, name):
    result = run("search", "train.py:named", "--trials", 3, "--sampler", name, "--cost", "1")
    assert result.exit_code == 0, result.output


def test_a_sampler_is_made_once(run, monkeypatch):
    assert (
        run("search", "train.py:named", "--trials", 2, "--sampler", "train.py:counted").exit_code
        == 0
    )
    assert len(sys.modules["train"].made) == 1
    made = []
    make = LINASSampler.__init__

    def init(self, *args, **settings):
        made.append(self)
        make(self, *args, **settings)

    monkeypatch.setattr(LINASSampler, "__init__", init)
    result = run("search", "train.py:named", "--trials", 2, "--study", "again")
    assert result.exit_code == 0, result.output
    assert len(made) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sampler", "nagg"], "Unknown sampler 'nagg'. Choose one of linas"),
        (["--sampler", "nag"], "NAG needs what its budgets limit"),
        (["--sampler", "nag", "--cost", "0"], "--cost 0 is the objective that NAG"),
        (["--sampler", "train.py:objective"], "objective() missing 1 required"),
        (["--sampler", "train.py:not_callable"], "is no Optuna sampler but int"),
    ],
)
def test_a_sampler_that_cannot_be_made_is_said_first(run, folder, options, said):
    result = run("search", "train.py:named", "--trials", 2, *options)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not (folder / "study.db").exists()


def test_a_cost_that_is_the_value_itself_is_said(run):
    named = ["--sampler", "nag", "--cost", "accuracy"]
    result = run("search", "train.py:named", "--trials", 2, *named)
    assert result.exit_code == 2, result.output
    assert "value and cost are the same" in result.stderr


def test_own_sampler(run, folder):
    run("search", "train.py:named", "--trials", 4, "--sampler", "train.py:sampler")
    same = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=5))
    trial = same.ask()
    trial.suggest_int("depth", 1, 8)
    trial.suggest_categorical("width", [8, 16, 32, 64])
    assert study_in(folder, "named").trials[0].params == trial.params


def test_a_supernet_is_trained_searched_and_searched_on(run, folder):
    small = ["--size", "widths=[[4,8]]", "--size", "depths=[1,2]", "--epochs", 1]
    args = ["--supernet", "elastic-cnn", "--data", "digits", *small, "--no-dashboard"]
    measured = ["--measure", "accuracy", "--measure", "macs"]
    result = run("search", *args, *measured, "--trials", 3)
    assert result.exit_code == 0, result.output
    assert "trained, weights in elastic-cnn.weights.pt" in result.stderr
    assert not list(folder.glob("*.training"))
    result = run("search", *args, *measured, "--trials", 4, "--resume")
    assert result.exit_code == 0, result.output
    assert "weights read from elastic-cnn.weights.pt" in result.stderr
    study = study_in(folder, "elastic-cnn")
    assert study.metric_names == ["accuracy", "macs"]
    assert 0.05 < max(trial.values[0] for trial in study.trials) <= 1
    other = ["--supernet", "elastic-cnn", "--data", "digits", "--resume", "--size", "depths=[1,2]"]
    result = run("search", *other, "--weights", "other.pt", "--epochs", 1, *measured)
    assert result.exit_code == 2
    assert "sizes" in result.stderr
    result = run("export", "--trial", "best")
    assert result.exit_code == 0, result.output
    assert "checked" in result.stdout
    assert list(folder.glob("elastic-cnn-trial-*.onnx"))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Say what to search"),
        (["train.py:objective", "--supernet", "elastic-cnn"], "Say what to search"),
        (["train.py:nothing"], "defines no 'nothing'; it has Named, breaks, build"),
        (["train.py:not_callable"], "is no function of a trial but int"),
        (["missing.py:objective"], "There is no file missing.py"),
        (["train"], "Expected FILE.py:NAME"),
        (["broken.py:objective"], "broken.py cannot be run: NameError"),
        (["train.py:objective", "--sampler", "best"], "Unknown sampler 'best'. Choose one of"),
        (["train.py:objective", "--sampler", "nag"], "--cost"),
        (["train.py:objective", "--name", "a", "--name", "b"], "1 directions and 2 names"),
        (["train.py:objective", "--storage", "nothing://here"], "cannot be opened"),
        (["--supernet", "elastic-cnn"], "needs data"),
        (["--supernet", "vgg", "--data", "digits"], "Unknown super-network 'vgg'. Choose one of"),
        (["--supernet", "elastic-cnn", "--data", "mnist"], "Unknown data 'mnist'"),
        (["--supernet", "elastic-cnn", "--data", "digits", "--size", "7"], "Expected NAME=VALUE"),
        (["--supernet", "elastic-cnn", "--data", "digits", "--size", "depth=3"], "depth"),
        (["train.py:objective", "--trials", "0"], "--trials"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(run, folder, args, words):
    (folder / "broken.py").write_text("objective = something")
    result = run("search", *args)
    assert result.exit_code == (1 if "broken.py:objective" in args else 2), result.output
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert words in lines[0]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_search_says_how_to_go_on_and_goes_on(folder, jobs):
    program = [sys.executable, "-m", "optuna_linas.cli"]
    args = ["search", "train.py:slow", *TRADE_OFF, "--trials", "12", "--sampler", "random"]
    args += ["--jobs", str(jobs), "--no-dashboard", "--json"]
    here = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": here}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell lets its background jobs ignore Ctrl-C, and so would a child of these tests.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        worker = subprocess.Popen([*program, *args], env=environment, **pipes)
    finally:
        signal.signal(signal.SIGINT, former)
    assert worker.stderr is not None
    seen = ""
    while "slow 2/12" not in seen:  # the search is under way
        line = worker.stderr.readline()
        assert line, seen
        seen += line
    worker.send_signal(signal.SIGINT)
    stdout, stderr = worker.communicate(timeout=600)
    assert worker.returncode == 130, stderr
    assert "Traceback" not in stderr
    found = json.loads(stdout)
    assert found["interrupted"] is True
    assert 2 <= found["n_measured"] < 12
    again = shlex.split(stderr.strip().splitlines()[-1])
    assert again == ["optuna-linas", *args, "--resume"]
    if jobs > 1:
        return
    done = subprocess.run([*program, *again[1:]], env=environment, timeout=600, **pipes)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_measured"] == 12
    assert study_in(folder, "slow").user_attrs == {}


def test_help_is_there_at_once_and_needs_no_torch():
    code = (
        "import sys\n"
        "from optuna_linas.cli import main\n"
        "main(['search', '--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'optuna', 'plotly', 'sklearn', 'scipy', 'numpy', 'rich'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    here = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert "HEAVY []" in done.stdout
    assert "Examples:" in done.stdout


def test_a_search_that_measures_nothing_fails_and_says_why(run):
    result = run("search", "train.py:returns_nan", "--trials", 3)
    assert result.exit_code == 1
    assert "Nothing was measured: No complete trial yet: 3 failed" in result.stderr


def test_a_sampler_that_cannot_be_made_leaves_no_study(run, folder):
    result = run("search", "train.py:objective", *TRADE_OFF, "--sampler", "lina", "--trials", 3)
    assert result.exit_code == 2
    assert "Unknown sampler 'lina'" in result.stderr
    assert run("search", "train.py:objective", *TRADE_OFF, "--trials", 3).exit_code == 0


def test_the_cost_of_nag_may_be_an_objective_by_its_name(run, folder):
    names = ["--name", "accuracy", "--name", "latency"]
    arguments = [*TRADE_OFF, *names, "--sampler", "nag", "--cost", "latency", "--seed", 0]
    result = run("search", "train.py:objective", *arguments, "--trials", 22)
    assert result.exit_code == 0, result.output
    assert any("nag_budget" in trial.user_attrs for trial in study_in(folder).trials)


def test_a_journal_may_be_named_as_workers_name_it(run, folder):
    storage = f"journal:{folder}/search.journal"
    result = run("search", "train.py:named", "--storage", storage, "--trials", 3)
    assert result.exit_code == 0, result.output
    opened = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(folder / "search.journal"))
    )
    assert [study.study_name for study in opened.get_all_studies()] == ["named"]
