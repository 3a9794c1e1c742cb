"""The size of a network: multiply-accumulates of a forward call, and parameters."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from optuna_linas.hardware.examples import copy_to

__all__ = ["count_macs", "count_params"]


def count_macs(module: nn.Module, example_input: Any) -> int:
    """Return the multiply-accumulates of one forward call in evaluation mode.

    Half of what torch's `FlopCounterMode` counts, which takes a multiply-accumulate for two
    operations: matrix products, convolutions and attention, not activations, norms or additions.

    Args:
        module: The network; it is left as it is.
        example_input: What it is called with, a tensor or a tuple, list or dict of them. The whole
            batch counts: give one example for the MACs per example.

    Example:
        >>> count_macs(nn.Linear(8, 2), torch.zeros(1, 8))
        16
    """
    first = next(itertools.chain(module.parameters(), module.buffers()), None)
    device = torch.device("cpu") if first is None else first.device
    # torch 2.13 counts attention on GPUs only.
    attention_on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counter = FlopCounterMode(display=False, custom_mapping={attention_on_cpu: _attention_flops})
    # With gradients: without them, torch runs a transformer layer as one operator that its counter
    # does not know, and inference mode hides what composite operators are made of.
    with torch.inference_mode(False), torch.enable_grad():
        network = copy.deepcopy(module).eval()
        for parameter in network.parameters():
            parameter.requires_grad_(parameter.is_floating_point())
        example = copy_to(example_input, device)
        with counter:
            network(example)
    n_flops: int = counter.get_total_flops()
    return n_flops // 2


def count_params(module: nn.Module) -> int:
    """Return the number of parameters; buffers do not count, and a shared parameter counts once.

    Example:
        >>> count_params(nn.Linear(8, 2))
        18
    """
    return sum(parameter.numel() for parameter in module.parameters())


def _attention_flops(
    query_shape: Sequence[int],
    key_shape: Sequence[int],
    value_shape: Sequence[int],
    *_: Any,
    **__: Any,
) -> int:
    """Two matrix products for each head; shapes are (batch, heads, length, width)."""
    batch, heads, n_queries, width = query_shape
    return 2 * batch * heads * n_queries * key_shape[2] * (width + value_shape[3])
