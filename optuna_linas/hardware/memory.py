"""Memory and disk that a network needs."""

from __future__ import annotations

import copy
import io
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from optuna_linas.hardware.examples import copy_to
from optuna_linas.hardware.onnx_network import OnnxNetwork

__all__ = ["count_file_bytes", "count_peak_bytes"]


def count_peak_bytes(module: nn.Module, example_input: Any) -> int:
    """Return the most memory that tensors take at any moment of a forward call.

    Parameters, buffers, the input and everything that torch's operators return, without what an
    operator uses inside. It is counted, not measured: the same on every machine and every time.

    Args:
        module: The network; it is left as it is.
        example_input: What it is called with.

    Example:
        >>> layers = nn.Sequential(nn.Linear(10, 100, bias=False), nn.ReLU())
        >>> count_peak_bytes(layers, torch.zeros(1, 10))  # 10 + 1000 + 100 + 100 numbers
        4840
    """
    network = copy.deepcopy(module).eval()
    first = next(network.parameters(), None)
    example = copy_to(example_input, torch.device("cpu") if first is None else first.device)
    tracker = _LiveBytes()
    tracker.add([*network.parameters(), *network.buffers(), example])
    with torch.no_grad(), tracker:
        network(example)
    return tracker.peak


def count_file_bytes(module: nn.Module) -> int:
    """Return the size of the network's file: of an `OnnxNetwork` its own, else of its state dict.

    Example:
        >>> count_file_bytes(nn.Linear(1000, 10)) > 4 * 10_010
        True
    """
    if isinstance(module, OnnxNetwork):
        return module.path.stat().st_size
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.tell()


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch
    """Follows the storages that are alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch
        self.live: dict[int, int] = {}
        self.peak = 0

    def add(self, tree: Any) -> None:
        for leaf in pytree.tree_leaves(tree):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                key = storage._cdata
                if key not in self.live:
                    self.live[key] = storage.nbytes()
                    weakref.finalize(storage, self.live.pop, key, None)
        self.peak = max(self.peak, sum(self.live.values()))

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.add(out)
        return out
