"""Which layers' channels are tied.

A network is traced with `torch.fx`, and for each tensor it is known in which dimension it carries
the channels of which group. An addition or a product ties two groups together; groups that reach
the output are not elastic. Nor are those of a layer that is called more than once, or shares a
weight with another: it would be cut, and its channels sorted, for each of its calls.

What cannot be followed, such as a layer that is not known here or a mean over channels, is given
all the channels that it always had: the groups that reach it keep their number, and what it returns
carries none. So does the network's input. Therefore such parts may be anything.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from optuna_linas.supernets.channel_groups import NORMS, ChannelGroup
from optuna_linas.supernets.channels import Channels, flattened, reduced, with_dimensions
from optuna_linas.supernets.residual_blocks import ADDITIONS
from optuna_linas.supernets.traced import (
    argument,
    called,
    flattens_rows,
    has_own_weights,
    last_nodes,
    reads_other_size,
    shape_of,
    trace,
    used_once,
)

__all__ = ["KNOWN", "FollowedChannels", "follow_channels"]

KNOWN = "Conv2d, Linear, BatchNorm, activations, pooling, Flatten and Dropout"
"""The layers whose channels can be followed, in words."""

_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
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
)
_KEEPING = (
    *(torch.relu, torch.sigmoid, torch.tanh, "relu", "relu_", "sigmoid", "tanh", "contiguous"),
    *(functional.relu, functional.relu6, functional.leaky_relu, functional.elu, functional.dropout),
    *(functional.gelu, functional.silu, functional.hardswish, functional.hardsigmoid),
)
_TIES = (
    *ADDITIONS,
    *(operator.sub, operator.isub, torch.sub, "sub", "sub_"),
    *(operator.mul, operator.imul, torch.mul, "mul", "mul_"),
)
_RESHAPES = (torch.reshape, "reshape", "view")


@dataclass(frozen=True)
class FollowedChannels:
    """What is elastic, and what is not although it might have been.

    Attributes:
        groups: Channels that are neither the input's nor the output's, of layers used once.
        kept: What else keeps channels, in words: layers and operations that cannot be followed.
    """

    groups: list[ChannelGroup]
    kept: list[str]


def follow_channels(network: nn.Module, example_input: Tensor) -> FollowedChannels:
    """Return the groups of channels of a network, and what cannot be followed in it.

    Args:
        network: It can be called with the example.
        example_input: What it is called with.

    Raises:
        ValueError: The network cannot be traced.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 4), nn.Linear(4, 2))
        >>> followed = follow_channels(net, torch.zeros(1, 2))
        >>> [group.n for group in followed.groups], followed.kept
        ([4], ['1, a Softplus'])
    """
    flow = _Flow(trace(network, example_input))
    for node in flow.graph.graph.nodes:
        flow.carried[node] = flow.through(node)
    once = used_once(network, flow.graph)
    merged: dict[int, ChannelGroup] = {}
    for key, part in enumerate(flow.groups):
        into = merged.setdefault(flow.root(key), ChannelGroup(part.n))
        into.makers += part.makers
        into.norms += part.norms
        into.takers += part.takers
    fixed = {flow.root(key) for key in flow.fixed}
    free = {
        key: group
        for key, group in merged.items()
        if key not in fixed
        and once.issuperset([*group.makers, *group.norms, *(name for name, _ in group.takers)])
    }
    kept = [(None if key is None else flow.root(key), what) for key, what in flow.kept]
    stopped = {key for key, _ in kept}
    return FollowedChannels(
        groups=[group for key, group in free.items() if key not in stopped and group.takers],
        kept=list(dict.fromkeys(what for key, what in kept if key is None or key in free)),
    )


class _Flow:
    """The channels that each node of a graph returns, from its first node to its last.

    Attributes:
        graph: The traced network, with the shapes of a run.
        carried: Where what a node returns has channels; None if it has none that may change.
        groups: The groups, each made by one layer.
        fixed: Groups that keep their number: the output's, and those of unlike additions.
        kept: Groups that keep theirs at what cannot be followed, and what that is; without a group
            a layer whose own channels are not known.
    """

    def __init__(self, graph: fx.GraphModule) -> None:
        self.graph = graph
        self.carried: dict[fx.Node, Channels | None] = {}
        self.groups: list[ChannelGroup] = []
        self.fixed: set[int] = set()
        self.kept: list[tuple[int | None, str]] = []
        self._tied: dict[int, int] = {}
        self._last = last_nodes(graph)

    def root(self, group: int) -> int:
        """The group that stands for all which are tied to this one."""
        while group in self._tied:
            group = self._tied[group]
        return group

    def through(self, node: fx.Node) -> Channels | None:
        """What a node makes of the channels that it gets."""
        if node.op == "output":
            self.fixed.update(channels.group for channels in self._given(node))
            return None
        if node.op == "call_module":
            return self._layer(node, str(node.target), self.graph.get_submodule(str(node.target)))
        given = self._given(node)
        if not given or reads_other_size(node, given[0].axis):
            return None
        if node.target in _TIES:
            return self._tie(node)
        (first, *others) = node.all_input_nodes
        channels, shape = self.carried[first], shape_of(first)
        if channels is None or shape is None or shape_of(node) is None:
            return self._keep(node, f"the operation {called(node)}")
        if node.target in _KEEPING and not others:
            return channels
        if node.target in (torch.flatten, "flatten"):
            ends = argument(node, 1, ["start_dim"], 0), argument(node, 2, ["end_dim"], -1)
            after = flattened(channels, shape, *ends)
            return after or self._keep(node, f"{called(node)}, of channels that do not come first")
        if node.target in _RESHAPES and flattens_rows(node, shape):
            after = flattened(channels, shape, 1, -1)
            return after or self._keep(node, f"{called(node)}, of channels that do not come first")
        if node.target in (torch.mean, "mean"):
            dims = argument(node, 1, ["dim", "axis"])
            after = reduced(channels, len(shape), dims, argument(node, 2, ["keepdim"], False))
            return after or self._keep(node, f"{called(node)}, over channels")
        return self._keep(node, f"the operation {called(node)}")

    def _layer(self, node: fx.Node, name: str, layer: nn.Module) -> Channels | None:
        kind = type(layer).__name__
        inputs = node.all_input_nodes
        shape = shape_of(inputs[0]) if len(inputs) == 1 else None
        unknown = f"{name}, {'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
        if shape is None or shape_of(node) is None:
            return self._keep(node, unknown, layer)
        channels = self.carried[inputs[0]]
        if isinstance(layer, (nn.Conv2d, nn.Linear, *NORMS)) and not has_own_weights(layer):
            return self._keep(node, f"{unknown} whose weights are computed from others", layer)
        if isinstance(layer, nn.Conv2d):
            if len(shape) == 3:
                return self._keep(node, f"{unknown} that is called without a batch", layer)
            if layer.groups > 1 and not layer.groups == layer.in_channels == layer.out_channels:
                return self._keep(node, f"{unknown} of {layer.groups} groups", layer)
            if layer.groups > 1 and channels is not None and channels.axis != 1:
                return self._keep(node, f"{unknown} over another dimension than the channels")
            if layer.groups > 1:
                return self._norm(node, name, channels)
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            return self._maker(node, name, layer, channels, len(shape))
        if isinstance(layer, NORMS):
            # Over tokens, say, it leaves the channels behind them alone.
            return channels if channels and channels.axis != 1 else self._norm(node, name, channels)
        if not isinstance(layer, (*_KEEPERS, *_POOLS, nn.Flatten)):
            return self._keep(node, unknown, layer)
        if channels is None or isinstance(layer, _KEEPERS):
            return channels
        if isinstance(layer, nn.Flatten):
            after = flattened(channels, shape, layer.start_dim, layer.end_dim)
            return after or self._keep(node, f"{unknown} of channels that do not come first")
        pools_channels = channels.axis >= len(shape) - 2
        return self._keep(node, f"{unknown} over channels") if pools_channels else channels

    def _maker(
        self,
        node: fx.Node,
        name: str,
        layer: nn.Conv2d | nn.Linear,
        channels: Channels | None,
        n_dims: int,
    ) -> Channels | None:
        """A layer that makes channels of those that it gets."""
        axis = n_dims - 1 if isinstance(layer, nn.Linear) else 1
        if channels is not None and channels.axis != axis:
            what = f"{name}, a {type(layer).__name__} over another dimension than the channels"
            if isinstance(layer, nn.Linear):  # for each channel, and they stay where they are
                self.kept.append((None, what))
                return channels
            self._keep(node, what)
        elif channels is not None:
            self.groups[self.root(channels.group)].takers.append((name, channels.per_channel))
        n = layer.weight.shape[0]
        if n == 1:  # it is never less, whatever it is added to
            return None
        self.groups.append(ChannelGroup(n, makers=[name]))
        return Channels(len(self.groups) - 1, axis)

    def _norm(self, node: fx.Node, name: str, channels: Channels | None) -> Channels | None:
        """A layer that does something to each channel, with tensors of as many entries."""
        if channels is None:
            return None
        if channels.per_channel != 1:
            kind = type(self.graph.get_submodule(name)).__name__
            return self._keep(node, f"{name}, a {kind} over flattened channels")
        self.groups[self.root(channels.group)].norms.append(name)
        return channels

    def _tie(self, node: fx.Node) -> Channels | None:
        """An addition or a product: of channels and channels, or of channels and something."""
        shape = shape_of(node)
        sides = [argument(node, 0, ["input"]), argument(node, 1, ["other"])]
        if shape is None or any(source not in sides for source in node.all_input_nodes):
            return self._keep(node, f"the operation {called(node)}")
        aligned: list[Channels] = []
        for side in sides:
            channels = self.carried[side] if isinstance(side, fx.Node) else None
            if channels is not None:
                n_dims = len(shape_of(side) or ())
                aligned.append(with_dimensions(channels, n_dims, len(shape)))
        first, last = aligned[0], aligned[-1]
        if len(aligned) == 2:
            a, b = self.root(first.group), self.root(last.group)
            alike = (first.axis, first.per_channel) == (last.axis, last.per_channel)
            if alike and self.groups[a].n == self.groups[b].n:
                if a != b:
                    self._tied[b] = a
                return first
        else:
            (other,) = [side for side in sides if not self._is_carrier(side)]
            sizes = (shape_of(other) or ()) if isinstance(other, fx.Node) else ()
            place = first.axis - len(shape)  # counted from the end, as broadcasting does
            if len(sizes) < -place or sizes[place] == 1:
                return first  # the same for all channels
        # Features are added to those of flattened channels, or channels to as many of the input's.
        self.fixed.update(channels.group for channels in aligned)
        return None

    def _keep(self, node: fx.Node, what: str, layer: nn.Module | None = None) -> Channels | None:
        """All channels that a node gets keep their number, and it returns none that may change."""
        given = self._given(node)
        if node in self._last:
            self.fixed.update(channels.group for channels in given)
            return None
        self.kept += [(channels.group, what) for channels in given]
        if layer is not None and any(weight.ndim > 1 for weight in layer.parameters()):
            self.kept.append((None, what))
        return None

    def _given(self, node: fx.Node) -> list[Channels]:
        given = (self.carried[source] for source in node.all_input_nodes)
        return [channels for channels in given if channels is not None]

    def _is_carrier(self, side: object) -> bool:
        return isinstance(side, fx.Node) and self.carried[side] is not None
