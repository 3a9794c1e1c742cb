import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import warm_start
from benchmarks.problems import make_problem


def test_a_search_is_compared_with_itself_on_the_front_of_another(table: Path) -> None:
    problem = make_problem(f"{table}:accuracy,latency", None)
    found = warm_start.warm_curves(
        problem, {"itself": problem}, n_source=12, n_evaluations=8, seeds=[0, 1]
    )
    assert [values.shape for values in found["nothing"]] == [(8, 2)] * 2
    cold, warm = (
        np.mean([_share_of_front(problem.losses(values)) for values in found[name]])
        for name in ("nothing", "itself")
    )
    # All twelve networks were measured by the source: its front comes at once.
    assert warm > cold


def _share_of_front(losses: np.ndarray) -> float:
    """How many of the measured rows nothing measured dominates."""
    dominated = (losses[:, None] >= losses[None]).all(axis=2).sum(axis=1) > 1
    return float((~dominated).sum())


def test_from_end_to_end(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, out = f"{table}:accuracy,latency", table.parent / "warm.json"
    arguments = ["--target", name, "--sources", name, "--source-evaluations", "6", "--seeds", "2"]
    arguments += ["--evaluations", "10", "--cache", str(table.parent / "cache")]
    assert warm_start.main([*arguments, "--out", str(out)]) == 0
    curves = json.loads(out.read_text())["curves"]
    assert np.shape(curves["nothing"]) == (2, 10)
    assert "@10" in capsys.readouterr().out
    assert warm_start.main(["--target", "unknown"]) == 1
