"""What training, calibration and evaluation ask of a data loader's batches and of a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from optuna_linas.supernets.protocol import Supernet

__all__ = ["device_of", "inputs_of", "labelled", "require_network"]


def device_of(network: nn.Module) -> torch.device:
    """Return the device of the network's parameters; the CPU for one that has none.

    Example:
        >>> device_of(nn.Linear(2, 2))
        device(type='cpu')
    """
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def inputs_of(batch: Any, device: torch.device) -> Tensor:
    """Return the inputs of a batch: the batch itself, or the first of `(inputs, ...)`.

    Raises:
        TypeError: The batch is neither.

    Example:
        >>> inputs_of((torch.zeros(4, 2), torch.zeros(4)), torch.device("cpu")).shape
        torch.Size([4, 2])
    """
    inputs = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
    if not isinstance(inputs, Tensor):
        raise TypeError(
            "The loader's batches must be tensors or (inputs, labels) pairs, got "
            f"{type(batch).__name__}. Wrap the loader in one that yields pairs."
        )
    return inputs.to(device, non_blocking=True)


def labelled(batch: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the inputs and the class labels `int[batch]` of a batch.

    Raises:
        TypeError: The batch is not a pair of tensors.
        ValueError: The labels are not one class index per input.

    Example:
        >>> images, labels = labelled(
        ...     (torch.zeros(4, 2), torch.tensor([0, 1, 1, 0])), torch.device("cpu")
        ... )
    """
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2 and isinstance(batch[1], Tensor)):
        raise TypeError(
            "The loader's batches must be (inputs, labels) pairs of tensors, got "
            f"{type(batch).__name__}. Wrap the loader in one that yields pairs."
        )
    inputs, labels = inputs_of(batch, device), batch[1]
    if labels.shape != inputs.shape[:1] or labels.is_floating_point():
        raise ValueError(
            f"Labels must be class indices, integers of shape ({len(inputs)},), got "
            f"{labels.dtype} of shape {tuple(labels.shape)}. For one-hot labels use .argmax(1)."
        )
    return inputs, labels.to(device, torch.int64, non_blocking=True)


def require_network(network: nn.Module, what: str) -> None:
    """Check that `network` is one network, not a super-network that threads share.

    Args:
        network: What the caller was given.
        what: The caller's name, for the message.

    Raises:
        TypeError: It is a super-network.

    Example:
        >>> require_network(nn.Linear(2, 2), "accuracy")
    """
    if isinstance(network, Supernet):
        raise TypeError(
            f"{what} works on one network, got the super-network {type(network).__name__}. "
            f"Pass one architecture's own copy: {what}(supernet.extract(arch), ...)."
        )
