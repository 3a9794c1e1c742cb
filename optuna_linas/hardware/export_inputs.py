"""What exporters are given: a copy of the network on the CPU, its input, and what may vary."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from optuna_linas.hardware.examples import copy_to

__all__ = ["export_inputs"]


def export_inputs(
    network: nn.Module, example_input: Any, *, dynamic_batch: bool
) -> tuple[nn.Module, Any, tuple[Any] | None]:
    """Return a copy in eval mode, the example on the CPU, and the shapes that may vary.

    Args:
        network: Left as it is.
        example_input: Its one argument, batch first.
        dynamic_batch: The exported network takes batches of any size.

    Returns:
        The network, the example, and `dynamic_shapes` of the one argument; `None` if none may vary.
    """
    plain = copy.deepcopy(network).cpu().eval()
    example = copy_to(example_input, torch.device("cpu"))
    if not dynamic_batch:
        return plain, example, None
    # A batch of one would be taken for a constant.
    example = pytree.tree_map(lambda x: torch.cat([x, x]) if len(x) == 1 else x, example)
    batch = torch.export.Dim("batch", min=1)
    return plain, example, (pytree.tree_map(lambda x: {0: batch}, example),)
