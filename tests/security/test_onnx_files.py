"""ONNX files that are damaged, or that name weights outside of their folder."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from optuna_linas.hardware.onnx_network import OnnxNetwork
from tests.security.damage import damaged


def network(external: str | None) -> bytes:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    if external is None:
        weight.float_data.extend([1.0, 2.0, 3.0, 4.0])
    else:
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=external)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [x], [y], [weight])
    opset = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "ABSOLUTE"])
def test_weights_outside_of_the_folder_are_not_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    path = tmp_path / "folder" / "network.onnx"
    path.write_bytes(network(str(tmp_path / "secret") if name == "ABSOLUTE" else name))
    with pytest.raises(ValueError, match=r"network\.onnx is no network that onnxruntime can run"):
        OnnxNetwork(path)(torch.zeros(4))


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    path = tmp_path / "network.onnx"
    path.write_bytes(network("weights"))
    assert OnnxNetwork(path)(torch.zeros(4)).tolist() == [0.0, 1.0, 2.0, 3.0]


@given(data=st.data())
@settings(
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_file(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(data.draw(damaged(network(None))))
    made = OnnxNetwork(path)
    try:
        inputs = [node.shape for node in made.session.get_inputs()]
    except ValueError as error:
        assert "network.onnx" in str(error)
    else:
        # A format without checksums: another network may be a network too.
        assert len(inputs) <= 1
