"""Layers that have channels in common, and how they are all cut to fewer.

Munoz, Lyalyushkin, Akhauri, Senina, Kozlov, Jain: "Enabling NAS with Automated Super-Network
Generation", 2022: channels are sorted by importance, and a narrower network keeps the leading ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

__all__ = ["NORMS", "ChannelGroup"]

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
"""What normalises channels one by one, and is cut with them."""


@dataclass
class ChannelGroup:
    """Layers that have the same number of channels between them.

    Attributes:
        n: How many channels.
        makers: Layers whose outputs they are.
        norms: Batch norms and depthwise convolutions on them.
        takers: Layers whose inputs they are, each with the features that a channel has there.
    """

    n: int
    makers: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    takers: list[tuple[str, int]] = field(default_factory=list)

    def narrow(self, network: nn.Module, n: int) -> None:
        """Cut all layers to the `n` leading channels, in place."""
        for name in self.makers:
            _resize(network.get_submodule(name), n_out=n)
        for name in self.norms:
            _resize(network.get_submodule(name), n_out=n, n_in=n)
        for name, per_channel in self.takers:
            _resize(network.get_submodule(name), n_in=n * per_channel)

    def sort_by_importance(self, network: nn.Module) -> None:
        """Order the channels by the absolute weights that make them, the largest first."""
        importance = torch.zeros(self.n)
        for name in self.makers:
            weight = network.get_submodule(name).get_parameter("weight")
            importance += weight.detach().abs().flatten(1).sum(dim=1).cpu()
        order = importance.argsort(descending=True, stable=True)
        for name in [*self.makers, *self.norms]:
            layer = network.get_submodule(name)
            for tensor in [*layer.parameters(), *layer.buffers()]:
                if tensor.ndim > 0:
                    tensor.data = tensor.data[order.to(tensor.device)]
        for name, per_channel in self.takers:
            weight = network.get_submodule(name).get_parameter("weight")
            columns = (order[:, None] * per_channel + torch.arange(per_channel)).flatten()
            weight.data = weight.data[:, columns.to(weight.device)]


def _resize(layer: nn.Module, *, n_out: int | None = None, n_in: int | None = None) -> None:
    """Give a layer other numbers of channels; its tensors become leading slices."""
    if isinstance(layer, NORMS):
        assert n_out is not None
        layer.num_features = n_out
        for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
            if tensor.ndim:
                _cut(layer, name, tensor[:n_out])
        return
    depthwise = isinstance(layer, nn.Conv2d) and layer.groups > 1
    weight: Tensor = layer.get_parameter("weight")
    if n_out is not None:
        weight = weight[:n_out]
        if getattr(layer, "bias", None) is not None:
            _cut(layer, "bias", layer.get_parameter("bias")[:n_out])
    if n_in is not None and not depthwise:
        weight = weight[:, :n_in]
    _cut(layer, "weight", weight)
    if isinstance(layer, nn.Conv2d):
        layer.out_channels = len(weight)
        layer.in_channels = len(weight) if depthwise else weight.shape[1]
        layer.groups = len(weight) if depthwise else 1
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = weight.shape


def _cut(layer: nn.Module, name: str, tensor: Tensor) -> None:
    data = tensor.detach()
    setattr(layer, name, nn.Parameter(data) if name in layer._parameters else data)
