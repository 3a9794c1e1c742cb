from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.hardware import (
    OnnxNetwork,
    TimingPlan,
    count_file_bytes,
    export_onnx,
    measure_latency,
)
from optuna_linas.supernets import (
    ElasticCNN,
    MobileUnit,
    OFAMobileNetV3,
    accuracy,
    export_program,
    fine_tune,
    largest_arch,
    quantize_int8,
    recalibrate_batch_norm,
    smallest_arch,
    train_supernet,
)
from tests.supernets.test_supernet_contract import SUPERNETS, _random_like


def halves(n: int = 4, size: int = 8) -> list[tuple[Tensor, Tensor]]:
    """Two classes: a bright left half, a bright right half."""
    rng = torch.Generator().manual_seed(0)
    made = []
    for _ in range(n):
        labels = torch.arange(16) % 2
        x = 0.3 * torch.randn(16, 3, size, size, generator=rng)
        x[labels == 0, :, :, : size // 2] += 1
        x[labels == 1, :, :, size // 2 :] += 1
        made.append((x, labels))
    return made


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    torch.manual_seed(0)
    supernet = ElasticCNN(n_classes=2, image_size=8, widths=((8, 16),), depths=(1, 2))
    train_supernet(supernet, halves(), epochs=6, seed=0, progress=False)
    return recalibrate_batch_norm(supernet.extract(largest_arch(supernet.space)), halves())


# One of each kind; the exporter takes seconds for each.
@pytest.mark.parametrize("name", ["cnn-8", "ofa-mobilenet-one-unit", "hat", "ncf", "audio"])
def test_sub_networks_run_in_onnxruntime(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'optuna-linas[export]'")
    torch.manual_seed(0)
    supernet: Any = SUPERNETS[name].make().eval()
    network = supernet.extract(smallest_arch(supernet.space))
    exported = export_onnx(network, supernet.example_input(2), tmp_path / "n.onnx")
    x = _random_like(supernet.example_input(3), SUPERNETS[name].high)
    torch.testing.assert_close(exported(x), network(x).detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["cnn-8", "hat", "ncf"])
def test_sub_networks_are_exported_by_torch(name: str, tmp_path: Path) -> None:
    supernet: Any = SUPERNETS[name].make().eval()
    network = supernet.extract(smallest_arch(supernet.space))
    path = tmp_path / "new" / "n.pt2"
    export_program(network, supernet.example_input(1), path)
    x = _random_like(supernet.example_input(3), SUPERNETS[name].high)
    loaded = torch.export.load(path).module()
    torch.testing.assert_close(loaded(x), network(x), atol=1e-4, rtol=1e-4)


def test_a_super_network_is_not_shipped(tmp_path: Path) -> None:
    supernet = ElasticCNN(n_classes=2, image_size=8)
    x = supernet.example_input(2)
    with pytest.raises(TypeError, match=r"export_program works on one network"):
        export_program(supernet, x, tmp_path / "n.pt2")
    with pytest.raises(TypeError, match=r"fine_tune works on one network"):
        fine_tune(supernet, halves(), epochs=1, seed=0)
    with pytest.raises(TypeError, match=r"quantize_int8 works on one network"):
        quantize_int8(supernet, halves(), tmp_path / "n.onnx")


def test_fine_tuning_improves_a_sub_network(trained: nn.Module) -> None:
    torch.manual_seed(0)
    supernet = OFAMobileNetV3(
        n_classes=2, image_size=8, units=(MobileUnit(8, 1),), head_widths=(8, 16), dropout=0.0
    )
    network = supernet.extract(smallest_arch(supernet.space))
    before = network.state_dict()["first_conv.bn.running_mean"].clone()
    log = fine_tune(network, halves(), epochs=8, seed=0, lr=1e-2, progress=False)
    assert log.losses[-1] < 0.5 * log.losses[0]
    assert accuracy(network, halves()) > 0.9
    assert not network.training
    assert not torch.equal(network.state_dict()["first_conv.bn.running_mean"], before)


def test_an_int8_network_is_smaller_and_nearly_as_good(trained: nn.Module, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'optuna-linas[export]'")
    quantized = quantize_int8(trained, halves(), tmp_path / "int8.onnx")
    floats = export_onnx(trained, halves()[0][0], tmp_path / "float.onnx")
    assert count_file_bytes(quantized) < 0.75 * count_file_bytes(floats)
    assert accuracy(quantized, halves()) > accuracy(trained, halves()) - 0.05
    x = halves()[0][0]
    difference = (quantized(x) - trained(x).detach()).abs().max()
    assert 0 < difference < 0.2 * trained(x).abs().max()
    plan = TimingPlan(n_repeats=3, max_warmup=10, min_reading_ms=0.0, max_spread=float("inf"))
    assert measure_latency(quantized, x, plan=plan).backend == "onnxruntime"
    assert weight_types(quantized) == {"INT8"}


def weight_types(network: OnnxNetwork) -> set[str]:
    """The types of the tensors with more than one dimension."""
    import onnx

    tensors = onnx.load(network.path).graph.initializer
    names = onnx.TensorProto.DataType.Name
    return {names(t.data_type) for t in tensors if len(t.dims) > 1}


def test_layers_can_stay_in_floats(trained: nn.Module, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    mixed = quantize_int8(trained, halves(), tmp_path / "mixed.onnx", float_layers=["head"])
    assert weight_types(mixed) == {"INT8", "FLOAT"}
    with pytest.raises(ValueError, match=r"has no layers \['tail'\]"):
        quantize_int8(trained, halves(), tmp_path / "n.onnx", float_layers=["tail"])
    with pytest.raises(EmptyDataError, match="no calibration batch"):
        quantize_int8(trained, [], tmp_path / "n.onnx")
    with pytest.raises(ValueError, match="n_batches must be at least 1"):
        quantize_int8(trained, halves(), tmp_path / "n.onnx", n_batches=0)
