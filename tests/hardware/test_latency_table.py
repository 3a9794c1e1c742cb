from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.hardware import (
    LatencyError,
    LatencyPredictor,
    LatencyTable,
    Measurement,
    count_macs,
    normalized_latency,
)
from optuna_linas.space import SearchSpace
from optuna_linas.supernets import (
    ElasticCNN,
    HATTransformer,
    OFAMobileNetV3,
    largest_arch,
    smallest_arch,
)
from tests.supernets.test_supernet_contract import SUPERNETS


class MacsMeter:
    """A device on which a multiply-accumulate takes a microsecond, and every call 1 ms."""

    def __init__(self) -> None:
        self.n_measured = 0

    def __call__(self, module: nn.Module, example_input: Any) -> Measurement:
        self.n_measured += 1
        latency_ms = 1 + count_macs(module, example_input) / 1e3
        return Measurement(latency_ms, 0.25, 5, 10, "abacus", 2, 1)


def cnn() -> ElasticCNN:
    torch.manual_seed(0)
    return ElasticCNN(n_classes=3, in_channels=1, image_size=8, depths=(1, 2))


def test_a_network_is_the_sum_of_its_blocks_each_measured_once() -> None:
    meter = MacsMeter()
    table = LatencyTable(meter)
    layers = [nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 4)), nn.Linear(4, 8)]
    measurement = table(nn.Sequential(*layers), torch.zeros(2, 4))
    # Three layers, of which two alike, and the ReLU: 1 ms each and 2 x (16 + 16 + 32) us.
    assert measurement.latency_ms == pytest.approx(4 + 0.128)
    assert measurement.latency_ms_iqr == 1.0
    assert measurement.device == "abacus"
    assert (len(table), meter.n_measured) == (3, 3)
    table(nn.Sequential(*layers), torch.zeros(2, 4))
    assert meter.n_measured == 3
    table(nn.Sequential(*layers), torch.zeros(3, 4))  # other shapes are other blocks
    assert meter.n_measured == 6


@pytest.mark.parametrize("name", SUPERNETS)
def test_it_predicts_sub_networks_of_every_super_network(name: str) -> None:
    supernet = SUPERNETS[name].make().eval()
    meter = MacsMeter()
    table = LatencyTable(meter)
    x = supernet.example_input(2)  # type: ignore[operator]
    for arch in supernet.space.sample(3, np.random.default_rng(0)):  # type: ignore[union-attr]
        network = supernet.extract(arch)  # type: ignore[operator]
        macs_ms = count_macs(network, x) / 1e3
        predicted = table(network, x).latency_ms
        n_calls = round(predicted - macs_ms)
        # On this device sums are exact, but for HAT's logits, which are between the blocks.
        if isinstance(supernet, HATTransformer):
            assert 0.5 * macs_ms < predicted - n_calls + 1
        else:
            assert predicted == pytest.approx(macs_ms + n_calls)
    assert meter.n_measured == len(table)


def test_blocks_that_differ_only_in_their_residual_are_two() -> None:
    supernet = OFAMobileNetV3(n_classes=2, image_size=32)
    network = supernet.extract(supernet.space.n_options - 1)
    block = network.blocks[1]
    other = type(block)(
        16, 96, 24, kernel=7, stride=2, activation="relu", squeeze=False, residual=False
    )
    assert repr(other) == repr(block)
    assert "residual=True" in repr(network.blocks[2])
    assert "residual=False" in repr(block)


def test_the_error_against_whole_networks() -> None:
    supernet = cnn()
    table = LatencyTable(MacsMeter())
    x = supernet.example_input(2)
    networks = [supernet.extract(a) for a in supernet.space.sample(6, np.random.default_rng(0))]
    measured = [2 * table(network, x).latency_ms for network in networks]
    error = table.error(networks, x, measured)
    assert error.mean_absolute_percentage == pytest.approx(50)
    assert error.bias_percentage == pytest.approx(-50)
    assert error.kendall_tau == pytest.approx(1.0)
    assert error.n == 6
    with pytest.raises(ValueError, match="2 predicted and 1 measured"):
        LatencyError.of([1.0, 2.0], [1.0])


def test_a_table_is_saved_and_loaded(tmp_path: Path) -> None:
    supernet = cnn()
    table = LatencyTable(MacsMeter())
    x = supernet.example_input(2)
    small, large = (
        supernet.extract(arch(supernet.space)) for arch in (smallest_arch, largest_arch)
    )
    expected = table(small, x)
    path = tmp_path / "table.json"
    table.save(path)
    loaded = LatencyTable.load(path)
    assert loaded(small, x) == expected
    with pytest.raises(ValueError, match=r"(?s)no latency of FusedBlock .*LatencyMeter"):
        loaded(large, x)
    extended = LatencyTable.load(path, MacsMeter())
    assert extended(large, x) == table(large, x)
    assert len(extended) == len(table)
    for text in ("{", json.dumps({"format": "other"}), "[]"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="no latency table"):
            LatencyTable.load(path)


class Empty(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def test_a_network_without_modules_is_refused() -> None:
    with pytest.raises(ValueError, match="Empty calls no module"):
        LatencyTable(MacsMeter())(Empty(), torch.zeros(1, 2))


def test_the_callers_network_is_as_before() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    LatencyTable(MacsMeter())(network, torch.rand(2, 4))
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


SPACE = SearchSpace.from_choices(
    {"depth": [1, 2], "width_0": [8, 16, 32], "width_1": [8, 16, 32]},
    conditions={"width_1": {"depth": [2]}},
)


@pytest.mark.parametrize("predictor", ["ridge", "svr_linear"])
def test_a_predictor_learns_latencies(predictor: str) -> None:
    archs = SPACE.sample(60, np.random.default_rng(0))
    rows = SPACE.canonical(archs)
    latency_ms = 1 + 2.0 * rows[:, 1] + rows[:, 0] * (1 + 2.0 * rows[:, 2])
    fitted = LatencyPredictor(SPACE, predictor).fit(archs[:40], latency_ms[:40])
    assert fitted.predict(archs[40:]).shape == (20,)
    error = fitted.error(archs[40:], latency_ms[40:].tolist())
    assert error.mean_absolute_percentage < 10
    assert error.kendall_tau > 0.9


def test_what_it_cannot_learn_from_is_refused() -> None:
    archs = SPACE.sample(4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="4 positive latencies"):
        LatencyPredictor(SPACE).fit(archs, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="4 positive latencies"):
        LatencyPredictor(SPACE).fit(archs, [1.0, 2.0, 3.0, 0.0])
    with pytest.raises(SpaceMismatchError):
        LatencyPredictor(SPACE).fit(archs[:, :2], [1.0] * 4)


def test_normalized_latency_is_for_display() -> None:
    assert normalized_latency([4.0, 2.0, 3.0]).tolist() == [0.5, 0.0, 0.25]
    assert normalized_latency([]).tolist() == []
