"""Batch-norm re-calibration: a network's own running statistics after weight sharing.

Yu & Huang: "Universally Slimmable Networks and Improved Training Techniques", ICCV 2019, section
3.3 (post-statistics of batch normalisation): the statistics of one architecture are computed after
training, as exact averages over a few batches instead of a moving average.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from optuna_linas.errors import EmptyDataError
from optuna_linas.supernets.batches import device_of, inputs_of, require_network

__all__ = ["recalibrate_batch_norm"]

_Network = TypeVar("_Network", bound=nn.Module)


def recalibrate_batch_norm(
    network: _Network, loader: Iterable[Any], *, n_batches: int = 16
) -> _Network:
    """Recompute the running statistics of every batch norm as averages over batches.

    The network is changed in place, so give it an own copy (`supernet.extract(arch)`). Weights and
    the train or eval mode of every module stay as they are; a network without batch norm is left
    alone, and the loader is not read.

    Args:
        network: A plain network.
        loader: Batches of inputs, or of `(inputs, labels)` whose labels are not used: training
            images, shuffled, without augmentation.
        n_batches: Batches to average over; all of them where the loader has fewer.

    Returns:
        `network`.

    Raises:
        EmptyDataError: The loader yielded no batch; the network is unchanged.
        TypeError: `network` is a super-network, or the batches are not tensors.
        ValueError: `n_batches` below 1.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
        >>> images = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> network = recalibrate_batch_norm(network, images.split(16))
        >>> bool(network[1].running_mean.abs().sum() > 0)
        True
    """
    require_network(network, "recalibrate_batch_norm")
    if n_batches < 1:
        raise ValueError(f"n_batches must be at least 1, got {n_batches}.")
    norms = [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    ]
    if not norms:
        return network
    device = device_of(network)
    n_seen = 0
    with _averaging(network, norms), torch.no_grad():
        for batch in islice(loader, n_batches):
            inputs = inputs_of(batch, device)
            if n_seen == 0:
                # Only now: an empty loader must leave the old statistics.
                for norm in norms:
                    norm.reset_running_stats()
            network(inputs)
            n_seen += 1
    if n_seen == 0:
        raise EmptyDataError(
            "The loader yielded no batch to re-calibrate batch norm with. Check that its dataset "
            "is not empty, that drop_last does not drop the only batch, and that it is not an "
            "iterator that was used up."
        )
    return network


@contextmanager
def _averaging(network: nn.Module, norms: list[_BatchNorm]) -> Iterator[None]:
    """Batch norms collect plain averages, everything else is in eval mode; restored after."""
    modes = [(module, module.training) for module in network.modules()]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = None  # torch's word for a cumulative average
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, training in modes:
            module.training = training
