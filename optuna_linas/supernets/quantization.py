"""INT8 networks: post-training static quantisation by onnxruntime.

Static: the ranges of activations are found on calibration data beforehand, so that convolutions and
matrix products run in 8 bits (Jacob et al.: "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", CVPR 2018). Needs the extra `export`.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.extras import require_extra
from optuna_linas.hardware.onnx_network import OnnxNetwork, export_onnx
from optuna_linas.supernets.batches import inputs_of, require_network

__all__ = ["Int8", "quantize_int8"]


class Int8:
    """Makes the INT8 form of a network: `deploy=` of `SupernetObjective`.

    A network's file lies in a temporary folder and goes with the network.

    Args:
        calibration: Training data in batches; can be iterated over repeatedly.
        n_batches: Batches that the ranges of activations are taken from.
        float_layers: See `quantize_int8`.

    Example:
        >>> batches = [(torch.rand(4, 3), torch.zeros(4))]
        >>> network = Int8(batches)(nn.Sequential(nn.Linear(3, 2)))
        >>> network(torch.rand(4, 3)).shape
        torch.Size([4, 2])
    """

    def __init__(
        self, calibration: Iterable[Any], *, n_batches: int = 8, float_layers: Sequence[str] = ()
    ) -> None:
        self.calibration = calibration
        self.n_batches = n_batches
        self.float_layers = tuple(float_layers)

    def __call__(self, network: nn.Module) -> OnnxNetwork:
        """Return the INT8 network; arguments and errors as `quantize_int8`."""
        folder = tempfile.mkdtemp(prefix="optuna-linas-int8-")
        quantized = quantize_int8(
            network,
            self.calibration,
            Path(folder) / "int8.onnx",
            n_batches=self.n_batches,
            float_layers=self.float_layers,
        )
        weakref.finalize(quantized, shutil.rmtree, folder, True)
        return quantized


def quantize_int8(
    network: nn.Module,
    calibration: Iterable[Any],
    path: str | Path,
    *,
    n_batches: int = 8,
    float_layers: Sequence[str] = (),
    per_channel: bool = True,
) -> OnnxNetwork:
    """Write a network as ONNX in INT8.

    Args:
        network: A plain network, batch norm re-calibrated; it is left as it is. Its input is one
            tensor of floats.
        calibration: Training data in batches, from which the ranges of activations are taken.
        path: The file; its folder is made.
        n_batches: Batches that are looked at.
        float_layers: Names of modules that stay in floats, as in `network.named_modules()`: those
            whose precision matters most. All that is inside them stays too.
        per_channel: Weights have a scale for each output channel instead of one for all.

    Returns:
        The file as a network: `evaluate` and `measure_latency` take it like any other.

    Raises:
        EmptyDataError: There is no calibration data.
        ImportError: onnx, onnxscript or onnxruntime is not installed.
        TypeError: `network` is a super-network.
        ValueError: `n_batches` below 1, or `float_layers` names what the network does not have.

    Example:
        >>> batches = [(torch.rand(4, 3), torch.zeros(4))]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "int8.onnx"
        ...     network = quantize_int8(nn.Sequential(nn.Linear(3, 2)), batches, path)
        ...     network(torch.rand(4, 3)).shape
        torch.Size([4, 2])
    """
    require_network(network, "quantize_int8")
    for module in ("onnx", "onnxscript", "onnxruntime"):
        require_extra(module, "export")
    if n_batches < 1:
        raise ValueError(f"n_batches must be at least 1, got {n_batches}.")
    known = dict(network.named_modules())
    if missing := [name for name in float_layers if name not in known]:
        raise ValueError(f"The network has no layers {missing}; see network.named_modules().")
    cpu = torch.device("cpu")
    batches = [inputs_of(batch, cpu) for batch in islice(calibration, n_batches)]
    if not batches:
        raise EmptyDataError("There is no calibration batch to find the ranges of activations on.")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        exported = export_onnx(network, batches[0], Path(folder) / "float.onnx")
        _quantize(exported, batches, path, float_layers, per_channel)
    return OnnxNetwork(path)


def _quantize(
    exported: OnnxNetwork,
    batches: Sequence[Any],
    path: Path,
    float_layers: Sequence[str],
    per_channel: bool,
) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._feeds: Iterator[Any] = (exported.feeds(batch) for batch in batches)

        def get_next(self) -> Any:
            return next(self._feeds, None)

    prepared = exported.path.with_name("prepared.onnx")
    root = logging.getLogger()
    level = root.level
    try:
        # The quantiser recommends its pre-processing in the root logger even after it was done.
        root.setLevel(logging.ERROR)
        # Folds batch norm into the convolutions, which then quantise as one.
        quant_pre_process(exported.path, prepared, skip_symbolic_shape=True)
        quantize_static(
            os.fspath(prepared),
            os.fspath(path),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
            nodes_to_exclude=_nodes_of(prepared, float_layers),
        )
    finally:
        root.setLevel(level)


def _nodes_of(path: Path, layers: Sequence[str]) -> list[str]:
    """Names of the ONNX nodes that torch's modules `layers` became."""
    import onnx

    if not layers:
        return []
    names = []
    for node in onnx.load(path).graph.node:
        scopes = next(
            (p.value for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"), ""
        )
        if any(f"'{layer}'" in scopes for layer in layers):
            names.append(node.name)
    return names
