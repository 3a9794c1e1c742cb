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


def inputs_of(batch: Any, device: torch.device) -> Any:
    """Return the inputs of a batch: the batch itself, or the first of `(inputs, ...)`.

    Inputs are a tensor, or a tuple of tensors (source and target words, say).

    Raises:
        TypeError: The batch is neither.

    Example:
        >>> inputs_of((torch.zeros(4, 2), torch.zeros(4)), torch.device("cpu")).shape
        torch.Size([4, 2])
    """
    inputs = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
    if isinstance(inputs, Tensor):
        return inputs.to(device, non_blocking=True)
    if isinstance(inputs, (tuple, list)) and all(isinstance(part, Tensor) for part in inputs):
        return tuple(part.to(device, non_blocking=True) for part in inputs)
    raise TypeError(
        "The loader's batches must be tensors or (inputs, labels) pairs, got "
        f"{type(batch).__name__}. Wrap the loader in one that yields pairs."
    )


def labelled(batch: Any, device: torch.device) -> tuple[Any, Tensor]:
    """Return the inputs and the labels of a batch.

    Raises:
        TypeError: The batch is not a pair.

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
    return inputs_of(batch, device), batch[1].to(device, non_blocking=True)


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
