"""The benchmark of populations, in a size that takes a second."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from benchmarks.image_population import TASKS, CellNetwork, evaluate, layers_of
from benchmarks.population import main
from benchmarks.population_overhead import measure_overhead
from benchmarks.population_report import paired_p, print_overhead, print_report, summarise
from benchmarks.population_searches import METHODS, Setting, search


def test_the_parts_of_the_images_do_not_overlap() -> None:
    images = TASKS["digits"](None, 0, torch.device("cpu"))
    parts = (images.train, images.validation, images.test)
    assert [len(x) for x, _ in parts] == [600, 500, 697]
    other = TASKS["digits"](None, 1, torch.device("cpu"))
    assert not torch.equal(images.train[0], other.train[0])


def test_every_option_builds_and_every_layer_is_where_it_is_said_to_be() -> None:
    images = TASKS["digits"](None, 0, torch.device("cpu"))
    for op in ("identity", "conv3", "conv5", "conv7", "residual", "separable"):
        for norm in ("batch", "group", "none"):
            cells = range(images.n_cells)
            params = {f"op_{i}": op for i in cells} | {f"norm_{i}": norm for i in cells}
            network = CellNetwork(params | {f"act_{i}": "gelu" for i in cells}, images)
            assert evaluate(network, images.test)[1] < 50
            for path in layers_of(images).values():
                network.get_submodule(path)


@pytest.mark.parametrize("method", METHODS)
def test_a_search_tells_what_is_reported(method: str) -> None:
    images = TASKS["digits"](None, 0, torch.device("cpu"))
    result = search(images, Setting("digits", 4, 2, 1), method, seed=0)
    assert len(result["best_by_generation"]) == 2
    assert result["best_by_generation"][1] == result["validation_loss"]
    assert 0 < result["test_accuracy"] <= 100
    if method == "pbt-nas":
        again = search(images, Setting("digits", 4, 2, 1), method, seed=0)
        assert again | {"seconds": 0} == result | {"seconds": 0}


def fake(accuracy: float) -> dict[str, Any]:
    names = ("validation_loss", "validation_accuracy", "test_loss", "seconds")
    soup = {"soup_test_accuracy": accuracy + 1, "soup_members": 2, "soup_candidates": 3}
    return {**dict.fromkeys(names, 1.0), "test_accuracy": accuracy, **soup}


def test_means_spread_and_paired_ranks() -> None:
    methods = {
        "pbt-nas": {seed: fake(90.0 + seed) for seed in range(8)},
        "copy": {seed: fake(89.0 + seed - seed / 10) for seed in range(8)},
    }
    summary = summarise(methods)
    assert summary["pbt-nas"]["test_accuracy"]["mean"] == 93.5
    assert summary["copy"]["p_test_accuracy"] == pytest.approx(2 / 2**8)
    assert "p_test_accuracy" not in summary["pbt-nas"]
    assert paired_p([1.0] * 9, [1.0] * 9) is None
    console = Console(file=io.StringIO(), width=200)
    print_report({"task": "digits", "settings": {"8 members": summary}}, console)
    assert "93.50 ± 0.87 (2.45)" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_overhead_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.population_overhead.SIZES", {"tiny": 2})
    (row,) = measure_overhead("sqlite:///:memory:")
    assert 0 < row["save_s"] < row["all_s"]
    console = Console(file=io.StringIO(), width=200)
    print_overhead([row], console)
    assert "tiny" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_command_runs_and_a_second_run_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["population", "--seeds", "1", "--population", "2", "--generations", "1"]
    command += ["--epochs", "1", "--methods", "pbt-nas", "random search", "--device", "cpu"]
    command += ["--cache", str(tmp_path), "--out", str(tmp_path / "out.json")]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 0
    assert "seed 0, 2 members, pbt-nas" in capsys.readouterr().out
    assert main() == 0
    assert "seed 0" not in capsys.readouterr().out
    found = json.loads((tmp_path / "out.json").read_text())["settings"]
    assert list(found["2 members x 1 generations x 1 epochs"]) == ["pbt-nas", "random search"]
    monkeypatch.setattr(sys, "argv", [*command, "--task", "cifar10", "--data", str(tmp_path)])
    assert main() == 1
    assert "cifar10_small_train.npz is missing" in capsys.readouterr().out.replace("\n", "")
