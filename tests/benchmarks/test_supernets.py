from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import supernet_checks, supernet_rows, supernets
from benchmarks.data import MissingData
from benchmarks.supernet_rows import ROWS, Row, Settings
from optuna_linas.hardware import Measurement, TimingPlan, count_macs
from optuna_linas.objectives import SupernetObjective
from optuna_linas.supernets import ElasticCNN, accuracy


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = TimingPlan(n_repeats=2, max_warmup=10, min_reading_ms=0.0, max_spread=float("inf"))
    for module in (supernet_rows, supernet_checks):
        monkeypatch.setattr(module, "PLAN", plan)


def tiny_row(settings: Settings) -> Row:
    """Learns noise, on a device where a multiply-accumulate takes a microsecond."""
    supernet = ElasticCNN(n_classes=2, in_channels=1, image_size=8, widths=((4, 8),), depths=(1, 2))
    data = [(torch.rand(8, 1, 8, 8), torch.arange(8) % 2)]

    def latency(network: Any, example: Any) -> Measurement:
        return Measurement(count_macs(network, example) / 1e3, 0.0, 1, 0, "abacus", 1, 1)

    return Row(
        supernet,
        {"train_loader": data, "epochs": settings.epochs(1)},
        lambda: SupernetObjective(supernet, data, calibration=data, latency=latency),
        lambda network: {"test_accuracy": accuracy(network, data)},
        n_evaluations=6,
    )


def test_a_row_shows_front_curves_and_where_the_time_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supernets, "ROWS", {"tiny": tiny_row})
    monkeypatch.setitem(ROWS, "tiny", tiny_row)  # type: ignore[index]
    out, picture = tmp_path / "r.json", tmp_path / "r.html"
    argv = ["--rows", "tiny", "--checks", "--out", str(out), "--picture", str(picture)]
    results = supernets.main(argv)
    row = results["rows"]["tiny"]
    assert row["n_evaluations"] == 6
    for curve in row["hypervolume"].values():
        assert len(curve) == 6
        assert (np.diff(curve) >= 0).all()
        assert max(curve) <= 1 + 1e-6
    seen = {}
    for name, values in row["values"].items():
        assert len(values) == 6
        for accuracy_, latency_ms in values:
            seen.setdefault(latency_ms, set()).add((name, accuracy_))
    assert row["n_measured"] <= 18
    assert set(row["seconds"]) >= {"training", "evaluation", "search", "final", "all", "cpu"}
    assert all("test_accuracy" in network for network in row["front"])
    assert json.loads(out.read_text())["rows"]["tiny"]["n_variables"] == row["n_variables"]
    assert "plotly" in picture.read_text()[:20_000]


def test_a_row_without_its_data_is_left_out_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--rows", "audio-digits", "--checks", "--data", str(tmp_path)]
    assert supernets.main(argv)["rows"] == {}
    # On one line, however long the path: it is there to be copied.
    assert f"{tmp_path / 'fsdd_logmel.npz'} is missing" in capsys.readouterr().out
    with pytest.raises(MissingData, match="--data"):
        Settings(None).data()


@pytest.mark.parametrize("name", ["ncf-generated", "mobilenet-digits", "int8-digits"])
def test_rows_that_need_no_files_are_made(name: str) -> None:
    row = ROWS[name](Settings(None, scale=0.01))
    assert row.train["epochs"] == 1
    arch = row.supernet.space.n_options - 1
    assert row.supernet.extract(arch)(row.supernet.example_input(2)) is not None


def test_the_rows_have_the_spaces_of_the_papers() -> None:
    sizes = {
        "mobilenet-cifar10": (45, 2.2e19),
        "resnet-cifar10": (29, None),
        "ncf-generated": (10, 3.7e7),
    }
    folder = supernets.data_folder(None)
    for name, (n_variables, size) in sizes.items():
        try:
            space = ROWS[name](Settings(folder)).supernet.space
        except MissingData as missing:
            pytest.skip(str(missing))
        assert len(space) == n_variables
        assert size is None or space.size(effective=True) == pytest.approx(size, rel=0.03)


def test_the_checks_on_a_device_whose_latency_is_the_macs(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(network: Any, example: Any, **_: Any) -> Measurement:
        return Measurement(count_macs(network, example) / 1e3, 0.0, 1, 0, "abacus", 1, 1)

    def compare(networks: Any, example: Any, **_: Any) -> list[Measurement]:
        return [measure(network, example) for network in networks]

    monkeypatch.setattr(supernet_checks, "compare_latency", compare)
    monkeypatch.setattr(supernet_checks, "LatencyMeter", lambda **_: measure)
    trained = supernet_checks.Trained(Settings(None, scale=0.01))
    assert trained.sample(5)[0].tolist() == [0] * len(trained.supernet.space)
    result = supernet_checks.macs(trained)
    assert result["n"] == 10
    assert result["hypervolume_share_of_macs_front"] == pytest.approx(1)
    assert result["of_them_on_latency_front"] == result["n_on_macs_front"]
    assert result["kendall_tau_macs_latency"] == pytest.approx(1)
    result = supernet_checks.exchange(trained)
    assert list(result["hypervolume_share"].values()) == pytest.approx([1] * 4)
    assert result["latency_spearman"] == pytest.approx(1)
