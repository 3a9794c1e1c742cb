"""What runs a network that is measured: torch, torch.compile or onnxruntime."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn

from optuna_linas.hardware.devices import synchronize
from optuna_linas.hardware.examples import copy_to
from optuna_linas.hardware.onnx_network import OnnxNetwork, export_onnx

__all__ = ["Backend", "check_backend", "runnable"]

Backend = Literal["torch", "torch.compile", "onnxruntime"]


def check_backend(backend: str, device: torch.device) -> None:
    """Check that a backend exists and runs on a device.

    Raises:
        ValueError: It does not.
    """
    known = get_args(Backend)
    if backend not in known:
        raise ValueError(f"Unknown backend {backend!r}; choose from {', '.join(known)}.")
    if backend == "onnxruntime" and device.type != "cpu":
        raise ValueError(f"The onnxruntime backend measures on the CPU, not on {device}.")


@contextmanager
def runnable(
    network: nn.Module,
    example_input: Any,
    *,
    device: torch.device,
    n_threads: int,
    backend: Backend,
    wait: bool,
) -> Iterator[Callable[[], object]]:
    """Give a function that runs the network once, on a copy.

    Args:
        network: The network.
        example_input: Its one argument.
        device: Where to run it.
        n_threads: Threads of onnxruntime; torch's are the process's.
        backend: What runs it. An `OnnxNetwork` is run by onnxruntime whatever is asked for.
        wait: Return only when the device is done; otherwise when the work is queued.
    """
    example = copy_to(example_input, device)
    if backend == "onnxruntime" or isinstance(network, OnnxNetwork):
        with tempfile.TemporaryDirectory() as folder:
            path = network.path if isinstance(network, OnnxNetwork) else Path(folder) / "n.onnx"
            if not isinstance(network, OnnxNetwork):
                export_onnx(network, example, path, dynamic_batch=False)
            session = OnnxNetwork(path, n_threads=n_threads)
            feeds = session.feeds(example)
            yield lambda: session.run(feeds)
        return
    copied: Any = copy.deepcopy(network).to(device).eval()
    if backend == "torch.compile":
        copied = torch.compile(copied)

    def call() -> None:
        copied(example)
        if wait:
            synchronize(device)

    yield call
