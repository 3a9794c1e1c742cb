"""What a super-network looks like it is fed: zeros of its input's shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optuna_linas.supernets.options import check_positive_integer

__all__ = ["example_batch"]


def example_batch(
    network: nn.Module, batch_size: int, *shape: int, dtype: torch.dtype | None = None
) -> Tensor:
    """Return zeros `[batch_size, *shape]` on the device of a network's parameters.

    Raises:
        TypeError: `batch_size` is not an integer.
        ValueError: `batch_size` below 1.

    Example:
        >>> example_batch(nn.Linear(3, 4), 2, 3).shape
        torch.Size([2, 3])
    """
    check_positive_integer("batch_size", batch_size)
    device = next(network.parameters()).device
    return torch.zeros(batch_size, *shape, dtype=dtype, device=device)
