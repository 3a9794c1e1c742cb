import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import BaseSampler, RandomSampler

from benchmarks import markdown, samplers, tasks
from benchmarks.contenders import CONTENDERS, Contender


class Broken(RandomSampler):
    def sample_relative(self, *args: object, **kwargs: object) -> dict[str, object]:
        raise ArithmeticError("no such thing")


def command(table: Path, *more: str) -> list[str]:
    return [
        *("--problems", f"{table}:accuracy,latency", "--seeds", "2", "--evaluations", "20"),
        *("--cache", str(table.parent / "cache"), "--no-targets", *more),
    ]


def test_a_benchmark_from_end_to_end(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = table.parent / "results.json", table.parent / "picture.html"
    arguments = command(table, "--samplers", "linas", "random", "nsga2", "tpe-multivariate")
    assert samplers.main([*arguments, "--out", str(out), "--picture", str(picture)]) == 0

    results = json.loads(out.read_text())
    (problem,) = results["problems"].values()
    assert list(problem["samplers"]) == ["linas", "random", "nsga2", "tpe-multivariate"]
    for figures in problem["samplers"].values():
        assert figures["seeds"] == [0, 1]
        at_20 = figures["hypervolume"]["20"]
        assert at_20["mean"] == pytest.approx(np.mean(at_20["by_seed"]), abs=1e-4)
        assert 0 < at_20["mean"] <= 1
        assert len(figures["curve"]["mean"]) == 20
        assert figures["seconds_per_trial"]["mean"] > 0
    # Twelve networks, and LINAS measures none of them twice.
    assert problem["samplers"]["linas"]["hypervolume"]["20"]["by_seed"] == [1.0, 1.0]
    assert results["asks"]["nsga2"] == "all"
    page = picture.read_text()
    assert "plotly" in page
    assert '"width":1200' not in page  # as wide as the window
    printed = " ".join(capsys.readouterr().out.split())
    assert "tpe-multivariate" in printed
    assert "accuracy (%, maximised) × latency (ms, minimised)" in printed


def test_one_objective_will_do_but_for_a_sampler_that_needs_two(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--problems", f"{table}:+accuracy", "--seeds", "1", "--evaluations", "15"]
    words += ["--samplers", "linas", "nag", "--cache", str(table.parent / "cache"), "--no-targets"]
    assert samplers.main(words) == 0
    printed = capsys.readouterr().out
    assert "Left out: nag on tiny:+accuracy: needs 2 objectives" in printed
    assert "│ linas   │ 1.000 │" in printed


def test_targets_are_reached_or_bounded(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "REFERENCES", {"random@12": ("random", 12)})
    out = table.parent / "results.json"
    arguments = [a for a in command(table, "--samplers", "linas") if a != "--no-targets"]
    assert samplers.main([*arguments, "--out", str(out)]) == 0
    (problem,) = json.loads(out.read_text())["problems"].values()
    assert list(problem["samplers"]) == ["linas"]
    reached = problem["samplers"]["linas"]["evaluations_to"]["random@12"]
    assert reached["n_reached"] == 2
    assert not reached["is_lower_bound"]
    assert 0 < reached["mean"] <= 20


def test_baselines_are_cached_and_ours_are_not(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def counting(name: str) -> Contender:
        def make(seed: int) -> BaseSampler:
            made.append(name)
            return RandomSampler(seed=seed)

        return Contender(make, ours=name == "linas")

    names = ("linas", "random")
    monkeypatch.setattr(tasks, "CONTENDERS", {name: counting(name) for name in names})
    for _ in range(2):
        assert samplers.main(command(table, "--samplers", *names)) == 0
    assert made == ["linas", "linas", "random", "random", "linas", "linas"]
    assert "2 of 4 searches are cached" in capsys.readouterr().out
    assert samplers.main(command(table, "--samplers", "random", "--fresh")) == 0
    assert made[6:] == ["random", "random"]


def test_slow_samplers_may_be_taken_from_the_cache_only(table: Path) -> None:
    out = table.parent / "results.json"
    assert samplers.main(command(table, "--samplers", "tpe", "--seeds", "1")) == 0
    arguments = command(table, "--samplers", "random", "tpe", "nsga2", "--out", str(out))
    assert samplers.main([*arguments, "--if-cached", "tpe", "nsga2"]) == 0
    results = json.loads(out.read_text())
    (problem,) = results["problems"].values()
    assert {name: found["seeds"] for name, found in problem["samplers"].items()} == {
        "random": [0, 1],
        "tpe": [0],
    }
    left_out = [each["name"].split(" on ")[0] for each in results["skipped"]]
    assert left_out == ["tpe", "nsga2", "nsga2"]
    assert {each["reason"] for each in results["skipped"]} == {"not in the cache"}


def test_a_cached_search_serves_shorter_ones(table: Path) -> None:
    settings = tasks.Settings(None, table.parent / "cache")
    task = tasks.Task(str(table), "random", 0, 12, "active")
    (done,) = tasks.run_all(
        [task], settings, jobs=1, on_start=lambda _: None, on_trial=lambda: None
    )
    shorter = tasks.from_cache(tasks.Task(str(table), "random", 0, 5, "active"), settings)
    assert shorter is not None
    np.testing.assert_array_equal(shorter.values, done[1].values[:5])
    longer = tasks.Task(str(table), "random", 0, 13, "active")
    assert tasks.from_cache(longer, settings) is None


def test_a_failing_sampler_is_named(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {**CONTENDERS, "random": Contender(lambda seed: Broken(seed=seed))}
    monkeypatch.setattr(tasks, "CONTENDERS", broken)
    assert samplers.main(command(table, "--samplers", "random")) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "random on" in printed
    assert "seed 0: ArithmeticError: no such thing" in printed


def test_missing_data_ends_with_an_explanation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert samplers.main(["--problems", "nasbench-macro", "--data", str(tmp_path)]) == 1
    assert "nasbench_macro.npz" in capsys.readouterr().out


def test_a_sampler_that_is_not_installed_is_left_out_with_the_reason(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Contender(lambda seed: RandomSampler(seed=seed), packages=("no-such-package",))
    monkeypatch.setattr(samplers, "CONTENDERS", {**CONTENDERS, "botorch": absent})
    assert samplers.main(command(table, "--samplers", "random", "botorch")) == 0
    assert "no-such-package is not installed" in capsys.readouterr().out


def test_several_processes_measure_the_same(table: Path) -> None:
    found = {}
    for jobs in ("1", "2"):
        out = table.parent / f"{jobs}.json"
        arguments = command(table, "--samplers", "random", "--fresh", "--jobs", jobs)
        assert samplers.main([*arguments, "--out", str(out)]) == 0
        (problem,) = json.loads(out.read_text())["problems"].values()
        found[jobs] = problem["samplers"]["random"]["hypervolume"]
    assert found["1"] == found["2"]


def test_results_become_markdown(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.parent / "results.json"
    arguments = command(table, "--samplers", "linas", "random", "tpe", "--out", str(out))
    assert samplers.main(arguments) == 0
    capsys.readouterr()
    assert (
        markdown.main([str(out), "--checkpoints", "20", "250", "--samplers", "tpe", "linas"]) == 0
    )
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "| problem | sampler | @20 | @250 | ms a trial |"
    assert printed[2].split(" | ")[1] == "tpe"
    linas = printed[3].strip("| ").split(" | ")
    # Twelve networks: after twenty evaluations ours has all of them.
    assert linas[:3] == ["linas", "**1.000 ± .000**", "–"]
    assert "| hypervolume at 50 not below tpe's |" in "\n".join(printed)
    # By default, what a short run has; and its command runs where it was given.
    assert markdown.main([str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "| problem | sampler | @20 | ms a trial |"
    words = shlex.split(printed[-2])
    assert words[:3] == ["python", "-m", "benchmarks.samplers"]
    again = [*words[3:], "--cache", str(table.parent / "cache"), "--out", str(out)]
    before = json.loads(out.read_text())
    assert samplers.main(again) == 0
    after = json.loads(out.read_text())
    assert after["command"] == before["command"] == printed[-2]
    assert "--no-targets" in after["command"]


@pytest.mark.parametrize(
    ("measured", "shown"),
    [((20, 40), [20, 40]), ((20, 50, 60), [50, 60]), ((20, 50, 100, 200, 250), [50, 100, 250])],
)
def test_columns_are_of_what_was_measured(measured: tuple[int, ...], shown: list[int]) -> None:
    figures = {
        "hypervolume": {str(c): {"mean": 0.5, "standard_error": None} for c in measured},
        "evaluations_to": {},
        "seconds_per_trial": {"mean": 0.1},
    }
    results = {"problems": {"p": {"targets": {}, "samplers": {"linas": figures}}}}
    columns = markdown.figures(results).splitlines()[0].strip("| ").split(" | ")[2:-1]
    assert columns == [f"@{c}" for c in shown]
