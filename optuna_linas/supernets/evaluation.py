"""The accuracy of a network on labelled images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.supernets.batches import device_of, labelled, require_network

__all__ = ["accuracy"]


def accuracy(network: nn.Module, loader: Iterable[Any]) -> float:
    """Return the share of images whose highest logit is their label's (top-1), in [0, 1].

    The network is evaluated in eval mode on the device of its parameters; its mode is restored.

    Args:
        network: A plain network that gives logits `float[batch, n_classes]`.
        loader: Batches `(inputs, labels)`; labels are class indices `int[batch]`.

    Raises:
        EmptyDataError: The loader yielded no image.
        TypeError: `network` is a super-network, or the batches are not pairs of tensors.
        ValueError: The labels are not class indices, or the logits are not `[batch, n_classes]`.

    Example:
        >>> images, labels = torch.eye(3), torch.tensor([0, 1, 0])
        >>> round(accuracy(nn.Identity(), [(images, labels)]), 3)
        0.667
    """
    require_network(network, "accuracy")
    device = device_of(network)
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    n_correct = n_images = 0
    try:
        with torch.inference_mode():
            for batch in loader:
                inputs, labels = labelled(batch, device)
                logits = network(inputs)
                if logits.ndim != 2 or len(logits) != len(labels):
                    raise ValueError(
                        f"Expected logits of shape ({len(labels)}, n_classes), got "
                        f"{tuple(logits.shape)}. Flatten the network's output."
                    )
                n_correct += int((logits.argmax(dim=1) == labels).sum())
                n_images += len(labels)
    finally:
        for module, training in modes:
            module.training = training
    if n_images == 0:
        raise EmptyDataError(
            "The loader yielded no image to compute the accuracy on. Check that its dataset is not "
            "empty and that it is not an iterator that was used up."
        )
    return n_correct / n_images
