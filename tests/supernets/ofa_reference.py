"""The authors' own package `ofa`, imported without torchvision.

It imports torchvision and `torch._six` for its data loaders only. Stand-ins take their place while
it is imported.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn

__all__ = ["fill", "reference_module"]

_STAND_INS = {
    "torchvision": {},
    "torchvision.transforms": {"RandomResizedCrop": object, "Resize": object},
    "torchvision.transforms.functional": {},
    "torchvision.datasets": {},
    "torch._six": {"string_classes": (str, bytes), "int_classes": int},
}


def reference_module(name: str) -> Any:
    """Return a module of `ofa`, or skip the test where the package is not installed."""
    if importlib.util.find_spec("ofa") is None:
        pytest.skip("the reference package is not installed: pip install --no-deps ofa")
    with _stand_ins(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def fill(network: nn.Module, seed: int) -> None:
    """Give every tensor random values of a trained network's size, statistics included."""
    rng = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        noise = torch.rand(tensor.shape, generator=rng)
        if name.endswith("_matrix"):
            tensor.copy_(torch.eye(len(tensor)) + 0.2 * (noise - 0.5))
        elif tensor.ndim > 1:
            tensor.copy_((noise - 0.5) * (12 / tensor[0].numel()) ** 0.5 * 1.4)
        else:
            tensor.copy_(0.5 + noise)


@contextmanager
def _stand_ins() -> Iterator[None]:
    made = [name for name in _STAND_INS if name not in sys.modules]
    for name in made:
        module = types.ModuleType(name)
        vars(module).update(_STAND_INS[name])
        sys.modules[name] = module
        home, _, leaf = name.rpartition(".")
        if home in made:
            setattr(sys.modules[home], leaf, module)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]
