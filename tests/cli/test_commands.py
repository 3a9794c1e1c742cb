"""report, generate, measure and export."""

import json

import onnxruntime
import pytest

from optuna_linas.cli import main
from optuna_linas.hardware import LatencyTable

SMALL = ["elastic-cnn", "--size", "n_classes=3", "--size", "widths=[[4,8]]", "--size", "depths=[1]"]


def test_the_report_is_one_file_with_everything(searched, folder):
    result = searched("report", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["file"] == "named.html"
    assert {"search-progress", "hypervolume"} <= set(found["figures"])
    page = (folder / "named.html").read_text()
    assert "24 complete" in page
    assert "<th" in page
    assert "plotly.js v" in page  # not fetched from elsewhere
    assert 'src="http' not in page
    assert "Search progress of named" in page


def test_names_in_a_report_are_text(run, folder):
    run("search", "train.py:named", "--trials", 2, "--study", "<script>alert(1)</script>")
    result = run("report", "--out", "pages/all.html")
    assert result.exit_code == 0, result.output
    page = (folder / "pages" / "all.html").read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


def test_architectures_for_budgets(searched, folder):
    result = searched(
        "generate", "--cost", "latency_ms", "--budget", 1, "--budget", 2, "-n", 2, "--json",
        "--save", "phone.npz",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [each["budget"] for each in found["architectures"]] == [1, 1, 2, 2]
    assert all(each["is_within"] for each in found["architectures"])
    again = searched("generate", "--generator", "phone.npz", "--budget", 1, "-n", 2, "--json")
    assert json.loads(again.stdout)["architectures"] == found["architectures"][:2]
    shown = searched("generate", "--generator", "phone.npz", "--budget", 2)
    assert "depth" in shown.stdout
    assert "yes" in shown.stdout


def test_a_cost_may_be_an_objective_by_name_or_index(searched):
    answers = [
        searched("generate", "--cost", cost, "--budget", 2, "--json").stdout
        for cost in ("latency", "1")
    ]
    assert json.loads(answers[0]) == json.loads(answers[1])


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--cost", "latency_ms"], 2, "--budget 37"),
        (["--budget", "2"], 2, "--cost"),
        (["--budget", "2", "--cost", "energy"], 2, "'energy', which no trial has"),
        (["--budget", "0.0001", "--cost", "latency_ms"], 1, "is below every architecture"),
        (["--budget", "2", "--generator", "nothing.npz"], 2, "There is no file nothing.npz"),
        (["--budget", "2", "--generator", "train.py"], 2, "train.py"),
    ],
)
def test_what_generate_cannot_do(searched, args, code, words):
    result = searched("generate", *args)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_latency_table_is_made_and_extended(run, folder):
    result = run("measure", *SMALL, "--networks", 2, "--check", 2, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["file"] == "elastic-cnn.latency.json"
    assert found["n_blocks"] == found["n_new_blocks"] > 2
    assert found["check"]["n"] == 2
    assert 0 < found["smallest_ms"] < found["largest_ms"]
    assert len(LatencyTable.load(folder / found["file"])) == found["n_blocks"]
    again = json.loads(run("measure", *SMALL, "--networks", 2, "--check", 0, "--json").stdout)
    assert again["n_new_blocks"] == 0
    assert again["check"] is None
    (folder / "other.json").write_text("{}")
    assert run("measure", *SMALL, "--out", "other.json").exit_code == 2
    assert run("measure", *SMALL, "--device", "abacus").exit_code == 2


def test_any_network_is_exported(searched, folder):
    args = ["--network", "train.py:build", "--input", "4", "--out", "net.onnx", "--json"]
    result = searched("export", "--trial", 3, *args)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    session = onnxruntime.InferenceSession(folder / "net.onnx")
    assert session.get_outputs()[0].shape[-1] == found["params"]["width"]
    assert found["trial"] == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--trial", "99"], "has the trials 0 to 23"),
        (["--trial", "worst"], "has the trials 0 to 23"),
        (["--trial", "best"], "does not say what its networks are"),
        (["--trial", "1", "--network", "train.py:build"], "needs --input"),
        (["--trial", "1", "--network", "train.py:objective", "--input", "4"], "suggest_int"),
        (["--trial", "1", "--supernet", "elastic-cnn", "--size", "n_classes=3"], "--weights"),
    ],
)
def test_what_export_cannot_do(searched, args, words):
    result = searched("export", *args)
    assert result.exit_code in (1, 2)
    assert words in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["report", "export", "generate"])
def test_a_study_must_be_there(run, folder, command):
    more = {"export": ["--trial", "0"], "generate": ["--cost", "0", "--budget", "1"], "report": []}
    result = run(command, *more[command])
    assert result.exit_code == 2
    assert "There is no file study.db" in result.stderr
    assert not (folder / "study.db").exists()
    for name in ("one", "two"):
        run("search", "train.py:named", "--trials", 1, "--study", name)
    assert "choose with --study: one, two" in run(command, *more[command]).stderr
    assert "has no study 'x'" in run(command, "--study", "x", *more[command]).stderr


def test_every_command_teaches_by_examples(run):
    assert "Exit codes" in run("--help").stdout
    for name in main.commands:
        shown = run(name, "--help").stdout
        assert f"optuna-linas {name}" in shown, name
