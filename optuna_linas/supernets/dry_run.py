"""Calls of a network that leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["dry_run"]


@contextmanager
def dry_run(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Within it a network is in eval mode, without gradients; all is restored behind it.

    That is the mode of each of its modules, its buffers, such as the statistics of batch norms or
    a count of its calls, and torch's global generators. So two dry runs draw the same numbers.

    Args:
        network: What is called within.
        device: Where it computes.

    Example:
        >>> network = nn.Dropout()
        >>> with dry_run(network, torch.device("cpu")):
        ...     network(torch.ones(1, 3))
        tensor([[1., 1., 1.]])
        >>> network.training
        True
    """
    modules = list(network.modules())
    modes = [module.training for module in modules]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    generators = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=generators), torch.no_grad():
            network.eval()
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for module, name, buffer, before in buffers:
            module._buffers[name] = buffer
            if not torch.equal(buffer, before):
                buffer.data.copy_(before)
