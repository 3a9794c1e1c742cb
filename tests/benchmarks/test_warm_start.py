import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import warm_start
from benchmarks.problems import make_problem
from optuna_linas.pareto import non_dominated


def test_a_search_is_compared_with_itself_on_the_front_of_another(table: Path) -> None:
    problem = make_problem(f"{table}:accuracy,latency", None)
    found = warm_start.warm_curves(
        problem, {"itself": problem}, n_source=12, n_evaluations=6, seeds=[0, 1, 2, 3]
    )
    assert [values.shape for values in found["nothing"]] == [(6, 2)] * 4
    everything = problem.losses(problem.evaluate(problem.architectures))
    best = {tuple(row) for row in everything[non_dominated(everything)]}
    # The first trial comes before the space is known. All twelve networks were measured by the
    # source, and its front of nine comes at once then.
    for values in found["itself"]:
        assert all(tuple(row) in best for row in problem.losses(values)[1:])


def test_from_end_to_end(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, out = f"{table}:accuracy,latency", table.parent / "warm.json"
    arguments = ["--target", name, "--sources", name, "--source-evaluations", "6", "--seeds", "2"]
    arguments += ["--evaluations", "10", "--cache", str(table.parent / "cache")]
    assert warm_start.main([*arguments, "--out", str(out)]) == 0
    curves = json.loads(out.read_text())["curves"]
    assert np.shape(curves["nothing"]) == (2, 10)
    assert "@10" in capsys.readouterr().out
    assert warm_start.main(["--target", "unknown"]) == 1
