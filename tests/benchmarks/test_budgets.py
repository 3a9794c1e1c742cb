"""The budget benchmark on a tiny table, from end to end."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.budget_cases import PenalisedLoss, evolve, make_cases
from benchmarks.budget_methods import Choices
from benchmarks.budgets import main, parser, true_losses, variants
from benchmarks.cache import Cache
from benchmarks.problems import GROUPS, make_problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag import PAPER, REWARDS, Settings

NAMES = [f"op_{i}" for i in range(4)]
CHOICES = {name: ["none", "skip", "conv", "pool"] for name in NAMES}


@pytest.fixture
def larger_table(tmp_path: Path) -> str:
    archs = np.array(list(product(range(4), repeat=4)), dtype=np.int8)
    cost = 1.0 + archs @ np.array([4.0, 3.0, 2.0, 1.0])
    accuracy = 50 + 10 * np.sqrt(cost) + archs[:, 3]
    path = tmp_path / "larger.npz"
    np.savez(
        path,
        X=archs,
        names=np.array(NAMES),
        choices=np.array(json.dumps(CHOICES)),
        objective_names=np.array(["accuracy", "latency"]),
        objective_units=np.array(["percent, maximize (made up)", "ms, minimize"]),
        Y=np.stack([accuracy, cost], axis=1).astype(np.float32),
    )
    return f"{path}:accuracy,latency"


def test_the_best_known_of_a_table_is_exact(larger_table: str, tmp_path: Path) -> None:
    problem = make_problem(larger_table, None)
    cases = make_cases(problem, Cache(tmp_path / "cache"))
    assert problem.architectures is not None
    losses = problem.losses(problem.evaluate(problem.architectures))
    for budget, best in zip(cases.budgets, cases.best, strict=True):
        assert best == losses[losses[:, 1] <= budget, 0].min()
    assert len(np.unique(cases.budgets)) == 20
    assert cases.fallback == losses[np.argmin(losses[:, 1]), 0]


def test_the_search_for_one_budget_finds_its_best(larger_table: str) -> None:
    problem = make_problem(larger_table, None)
    penalised = PenalisedLoss(lambda archs: problem.losses(problem.evaluate(archs)), 17.3)
    found = evolve(problem, penalised, np.random.default_rng(0), population=40, generations=30)
    assert problem.architectures is not None
    assert penalised(found[None])[0] == penalised(problem.architectures).min()


def test_what_is_beyond_its_budget_counts_with_the_cheapest(
    larger_table: str, tmp_path: Path
) -> None:
    problem = make_problem(larger_table, None)
    cases = make_cases(problem, Cache(tmp_path / "cache"))
    largest, smallest = np.full((20, 4), 3), np.zeros((20, 4), dtype=np.int64)
    nothing = Choices(smallest, np.zeros(20, dtype=bool), 0.0, 0.0)
    for choices in (Choices(largest, np.ones(20, dtype=bool), 0.0, 0.0), nothing):
        true = true_losses(problem, cases, choices)
        assert not any(true["within"])
        assert set(true["loss"]) == {cases.fallback}
    everywhere = true_losses(problem, cases, Choices(smallest, np.ones(20, dtype=bool), 0.0, 0.0))
    assert all(everywhere["within"])


def test_what_could_not_be_measured_is_not_within_a_budget(
    larger_table: str, tmp_path: Path
) -> None:
    problem = make_problem(larger_table, None)
    cases = make_cases(problem, Cache(tmp_path / "cache"))

    def unmeasured(archs: IntArray) -> FloatArray:
        return problem.evaluate(archs) * [np.nan, 1.0]

    cheapest = Choices(np.zeros((20, 4), dtype=np.int64), np.ones(20, dtype=bool), 0.0, 0.0)
    true = true_losses(replace(problem, evaluate=unmeasured), cases, cheapest)
    assert not any(true["within"])
    assert set(true["loss"]) == {cases.fallback}


def test_a_table_with_networks_that_do_not_run_has_figures_and_pictures(
    larger_table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.budget_methods.OFA_GENERATIONS", 5)
    path = Path(larger_table.partition(":")[0])
    arrays = dict(np.load(path))
    arrays["Y"][::3] = np.nan
    np.savez(path, **arrays)
    out, pictures = tmp_path / "out.json", tmp_path / "out.html"
    words = f"--problems {larger_table} --seeds 1 --evaluations 40 --samplers linas"
    words += f" --paper-steps 0 --out {out} --pictures {pictures} --cache {tmp_path / 'cache'}"
    assert main(words.split()) == 0
    (problem,) = json.loads(out.read_text())["problems"].values()
    for method in problem["runs"][0]["methods"].values():
        assert np.isfinite(method["loss"]).all()
    assert pictures.is_file()


def test_a_search_for_one_budget_never_returns_what_could_not_be_measured(
    larger_table: str,
) -> None:
    problem = make_problem(larger_table, None)

    def losses(archs: IntArray) -> FloatArray:
        found = problem.losses(problem.evaluate(archs))
        found[archs[:, 0] == 1, 0] = np.nan
        return found

    penalised = PenalisedLoss(losses, 1_000.0)
    found = evolve(problem, penalised, np.random.default_rng(0), population=40, generations=10)
    assert found[0] != 1


@pytest.mark.parametrize(
    ("objectives", "words"),
    [
        ("+accuracy", "Budgets need two objectives, first the value, then the cost"),
        ("+accuracy,-latency,-size", "has accuracy, latency, size. Of a table"),
        ("-latency,+accuracy", "To swap them, write FILE.npz:+accuracy,-latency"),
    ],
)
def test_a_problem_without_a_value_and_a_cost_is_refused(
    objectives: str, words: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--problems", f"{table}:{objectives}", "--cache", str(table.parent)]) == 1
    assert words in capsys.readouterr().out


def test_the_help_offers_problems_of_two_objectives_only() -> None:
    offered = "".join(parser().format_help().split())  # lines are broken at hyphens, too
    assert "ofa-mbv3-note10," in offered
    for name in ("three", *GROUPS["three"]):
        assert f",{name}," not in offered


def test_the_command_measures_everything_and_writes_it_down(
    larger_table: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.budget_methods.OFA_GENERATIONS", 10)
    out, pictures = tmp_path / "out.json", tmp_path / "out.html"
    words = f"--problems {larger_table} --seeds 1 --evaluations 40 --samplers linas random"
    words += f" --paper-steps 0 --out {out} --pictures {pictures} --cache {tmp_path / 'cache'}"
    assert main(words.split()) == 0
    printed = capsys.readouterr().out
    assert "accuracy, maximised, within 20 budgets of latency (ms), minimised" in printed
    (problem,) = json.loads(out.read_text())["problems"].values()
    methods = problem["runs"][0]["methods"]
    assert set(methods) == {
        "generator",
        "best trial of the study",
        "single-budget searches",
        "OFA's evolution",
        "best trial, random",
        "generator on random",
    }
    best = np.array(problem["best_known_loss"])
    for name, method in methods.items():
        assert name in printed
        assert (np.array(method["loss"]) >= best - 1e-6).all()
        assert len(method["within"]) == 20
    assert methods["generator"]["file_bytes"] < 2_000_000
    assert [len(costs) for costs in problem["runs"][0]["histogram"].values()] == [1_000] * 4
    assert "1,000 draws" in pictures.read_text()


def test_the_ablations_change_one_thing_each() -> None:
    words = "--ablations --paper-steps 7 --steps 3"
    found = variants(parser().parse_args(words.split()))
    assert found["paper's settings"] == replace(PAPER, n_steps=7)
    alone = found["draws alone, predicted_dominance"]
    assert (alone.n_elites, alone.n_refinements, alone.n_steps) == (0, 0, 3)
    assert replace(alone, reward=REWARDS["tunas"]) == found["draws alone, tunas"]
    assert {f"K = {k}" for k in (2, 5, 10, 20)} <= set(found)
    assert found["K = 5"] == replace(Settings(), n_steps=3, n_budgets=5)
    assert variants(parser().parse_args(["--paper-steps", "0"])) == {}


def test_a_missing_folder_is_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTUNA_LINAS_DATA", raising=False)
    assert main(["--problems", "budgets"]) == 1
    assert "OPTUNA_LINAS_DATA" in capsys.readouterr().out
