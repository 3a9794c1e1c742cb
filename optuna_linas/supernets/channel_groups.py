"""Which layers' channels are tied.

A network is traced with `torch.fx` and each node is given the group of channels that it carries,
and how many features each channel has become by flattening. An addition ties two groups together;
groups that reach the output, or come from the input, are not elastic. Nor are those of a layer that
is called more than once, or shares a weight with another: it would be cut, and its channels
sorted, for each of its calls.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from optuna_linas.supernets.residual_blocks import ADDITIONS

__all__ = ["ChannelGroup", "channel_groups"]

_MAKERS = (nn.Conv2d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_KEEPERS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.Tanh,
    nn.ELU,
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Flatten,
)


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


def channel_groups(network: nn.Module, example_input: Tensor) -> list[ChannelGroup]:
    """Return the groups of channels that are neither the input's nor the output's.

    Layers that are used more than once are in none of them.

    Raises:
        TypeError: A layer or an operation is not known here.
        ValueError: The network cannot be traced.
    """
    graph = _trace(network, example_input)
    carries: dict[fx.Node, tuple[int, int]] = {}  # node -> group, features per channel
    groups: dict[int, ChannelGroup] = {}
    tied: dict[int, int] = {}
    fixed: set[int] = set()

    def root(group: int) -> int:
        while group in tied:
            group = tied[group]
        return group

    def new(n: int) -> int:
        groups[len(groups)] = ChannelGroup(n)
        return len(groups) - 1

    for node in graph.graph.nodes:
        sources = [source for source in node.all_input_nodes if source in carries]
        if node.op == "placeholder":
            carries[node] = (new(_channels(node)), 1)
            fixed.add(carries[node][0])
        elif node.op == "output":
            fixed.update(root(carries[source][0]) for source in sources)
        elif node.op == "call_module":
            (source,) = sources
            layer = graph.get_submodule(node.target)
            carries[node] = _through(node, layer, carries[source], groups, root, new)
        elif node.target in ADDITIONS and len(sources) == 2:
            first, second = (carries[source] for source in sources)
            a, b = root(first[0]), root(second[0])
            if (groups[a].n, first[1]) == (groups[b].n, second[1]):
                if a != b:
                    tied[b] = a
                    if b in fixed:
                        fixed.add(a)
                carries[node] = first
            else:  # one channel is added to all, or features to those of flattened channels
                fixed.update((a, b))
                carries[node] = max(
                    (first, second), key=lambda c: (groups[root(c[0])].n * c[1], -c[1])
                )
        elif node.target in (torch.flatten, "flatten", "mean", torch.relu, nn.functional.relu):
            group, per_channel = carries[sources[0]]
            carries[node] = (group, _per_channel(node, groups[root(group)].n, per_channel))
        else:
            raise TypeError(
                f"make_elastic does not know the operation {node.target} ({node.name}). Write the "
                "super-network with SharedWeights, or use layers in the operation's place."
            )
    merged: dict[int, ChannelGroup] = {}
    for key, part in groups.items():
        into = merged.setdefault(root(key), ChannelGroup(groups[root(key)].n))
        into.makers += part.makers
        into.norms += part.norms
        into.takers += part.takers
    still = {root(key) for key in fixed}
    once = _used_once(network, graph)
    return [
        g
        for key, g in merged.items()
        if key not in still
        and g.makers
        and g.takers
        and once.issuperset([*g.makers, *g.norms, *(name for name, _ in g.takers)])
    ]


def _used_once(network: nn.Module, graph: fx.GraphModule) -> set[str]:
    """Names of layers that are called once and share no tensor with another module."""
    calls = Counter(str(node.target) for node in graph.graph.nodes if node.op == "call_module")
    homes = Counter(id(tensor) for module in network.modules() for tensor in _own_tensors(module))
    return {
        name
        for name, n in calls.items()
        if n == 1 and all(homes[id(t)] == 1 for t in _own_tensors(graph.get_submodule(name)))
    }


def _own_tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def _through(
    node: fx.Node,
    layer: nn.Module,
    carried: tuple[int, int],
    groups: dict[int, ChannelGroup],
    root: Any,
    new: Any,
) -> tuple[int, int]:
    """What a layer makes of the channels that it gets."""
    group, per_channel = carried
    name = str(node.target)
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        if layer.groups != layer.in_channels or layer.in_channels != layer.out_channels:
            raise TypeError(f"{name} has {layer.groups} groups; only depthwise ones are known.")
        groups[root(group)].norms.append(name)
        return carried
    if isinstance(layer, _MAKERS):
        groups[root(group)].takers.append((name, per_channel))
        made = new(layer.weight.shape[0])
        groups[made].makers.append(name)
        return made, 1
    if isinstance(layer, _NORMS):
        if per_channel != 1:
            raise TypeError(f"{name} normalises flattened channels; normalise before flattening.")
        groups[root(group)].norms.append(name)
        return carried
    if isinstance(layer, _KEEPERS):
        return group, _per_channel(node, groups[root(group)].n, per_channel)
    raise TypeError(
        f"make_elastic does not know the layer {name}, a {type(layer).__name__}. Known are Conv2d, "
        "Linear, BatchNorm, activations, pooling, Flatten and Dropout. Write the super-network "
        "with SharedWeights."
    )


def _per_channel(node: fx.Node, n: int, per_channel: int) -> int:
    """Features of a channel after a flattening: the second dimension has grown by that much."""
    return max(per_channel, _channels(node) // n)


def _channels(node: fx.Node) -> int:
    return int(node.meta["tensor_meta"].shape[1])


def _trace(network: nn.Module, example_input: Tensor) -> fx.GraphModule:
    try:
        graph = fx.symbolic_trace(network)
    except (fx.proxy.TraceError, TypeError) as error:
        raise ValueError(
            f"{type(network).__name__} cannot be traced: its forward depends on values "
            f"({error}). Write the super-network with SharedWeights."
        ) from error
    with torch.no_grad():
        ShapeProp(graph).propagate(example_input)
    return graph


def _resize(layer: nn.Module, *, n_out: int | None = None, n_in: int | None = None) -> None:
    """Give a layer other numbers of channels; its tensors become leading slices."""
    if isinstance(layer, _NORMS):
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
