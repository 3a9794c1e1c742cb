"""An ordinary network as a super-network with elastic width and depth.

Munoz, Lyalyushkin, Akhauri, Senina, Kozlov, Jain: "Enabling NAS with Automated Super-Network
Generation", 2022 (BootstrapNAS): layers whose channels are tied by additions share one width; a
residual block whose input and output have the same shape may be left out.

How it works: the network is traced (`torch.fx`). Channels are followed from layer to layer; what is
added together must have the same number, so those layers form one group with one width variable.
Trained weights are kept: the largest architecture computes what the network did, up to the order of
its channels, which are sorted by importance (the sum of absolute weights of those that make them),
so that a narrower one keeps the most important.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from optuna_linas.given import check_given
from optuna_linas.space import SearchSpace
from optuna_linas.supernets.channel_flow import KNOWN, follow_channels
from optuna_linas.supernets.channel_groups import ChannelGroup
from optuna_linas.supernets.dry_run import dry_run
from optuna_linas.supernets.elastic_check import check_elastic, probe
from optuna_linas.supernets.example_batch import example_batch
from optuna_linas.supernets.options import ascending, check_positive_integer
from optuna_linas.supernets.residual_blocks import has_additions, replace_module, skippable_blocks
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["ElasticNetwork", "make_elastic"]


def make_elastic(
    model: nn.Module,
    example_input: Tensor,
    *,
    widths: Sequence[float] = (0.5, 0.75, 1.0),
    elastic_depth: bool = True,
    divisor: int = 1,
) -> ElasticNetwork:
    """Return the super-network of an ordinary CNN or MLP.

    Elastic are the channels of Conv2d and Linear layers as far as they can be followed: through
    BatchNorm, depthwise Conv2d, activations, pooling, flattening, dropout, additions and products.
    At any other layer or operation they keep their number, and so do channels that it makes; a
    warning names it. Its outputs keep their number too, and so do the channels of a layer that is
    called more than once or shares its weights with another.

    Args:
        model: The network, trained or not; it is left as it is.
        example_input: What it is called with, batch first.
        widths: The options of every `width_i`: shares of the channels of group `i` of layers.
        elastic_depth: Residual blocks that can be left out get a variable `block_i` of 0 and 1: a
            block is a module of its own that is called with one tensor and ends by adding it to a
            result of the same shape. If there are additions and no such block, a warning says so.
        divisor: Widths are multiples of it.

    Raises:
        TypeError: `model` is no `nn.Module`, or the example is no tensor, or nothing is elastic
            for layers or operations that cannot be followed.
        ValueError: Nothing of it is elastic, `widths` lacks 1, it cannot be called with the
            example, or it cannot be traced: its `forward` depends on values. Or its largest
            architecture computes something else, or others fail, which is tried with the example
            (with noise, if that is constant): its code depends on channels in an unseen way.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(),
        ...                       nn.Linear(8, 3))
        >>> supernet = make_elastic(model, torch.zeros(2, 4))
        >>> supernet.space.choices
        ((0.5, 0.75, 1.0), (0.5, 0.75, 1.0))
        >>> supernet.extract({"width_0": 0.5, "width_1": 0.75})[2]
        Linear(in_features=8, out_features=6, bias=True)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"A network to make elastic is an nn.Module, got {type(model).__name__}.")
    check_given(
        example_input, Tensor, "as example_input the tensor that the network is called with"
    )
    if example_input.ndim < 2:
        raise ValueError(
            "example_input is a batch of what the network is called with, batch first; got the "
            f"shape {tuple(example_input.shape)}."
        )
    shares = ascending("widths", widths, integer=False)
    if shares[-1] != 1.0:
        raise ValueError(f"widths are shares of the network's own, 1 the largest, got {shares}.")
    check_positive_integer("divisor", divisor)
    network = _own_copy(model)
    x, device = probe(example_input), example_input.device
    with dry_run(network, device):
        _check_call(network, example_input)
        followed = follow_channels(network, example_input)
        groups = followed.groups
        blocks = skippable_blocks(network, example_input) if elastic_depth else []
        adds_only = elastic_depth and not blocks and has_additions(network)
    with dry_run(network, device):
        expected = network(x)
    if not groups and not blocks:
        _refuse(network, followed.kept)
    if followed.kept:
        warnings.warn(
            f"Some widths of {type(model).__name__} stay as they are, because channels cannot be "
            f"followed through {_some(followed.kept)}. Known are {KNOWN}. To search these widths "
            "too use such layers in their place, or write the super-network with SharedWeights.",
            UserWarning,
            stacklevel=2,
        )
    if adds_only:
        warnings.warn(
            f"No residual block of {type(model).__name__} can be left out, so its depth is fixed. "
            "A block is a module of its own that is called with one tensor and ends by adding it "
            "to a result of the same shape. Write additions that are to be left out as such "
            "modules, or pass elastic_depth=False.",
            UserWarning,
            stacklevel=2,
        )
    for group in groups:
        group.sort_by_importance(network)
    supernet = ElasticNetwork(network, example_input, groups, blocks, shares, divisor)
    check_elastic(supernet, x, expected)
    return supernet


class ElasticNetwork(SharedWeights):
    """What `make_elastic` returns; see there.

    Args:
        network: The largest network.
        example_input: What it is called with.
        groups: Layers whose channels are tied.
        blocks: Names of modules that can be left out.
        shares: The options of each group's width.
        divisor: Widths are multiples of it.
    """

    def __init__(
        self,
        network: nn.Module,
        example_input: Tensor,
        groups: Sequence[ChannelGroup],
        blocks: Sequence[str],
        shares: Sequence[float],
        divisor: int,
    ) -> None:
        self.groups = tuple(groups)
        self.blocks = tuple(blocks)
        self.divisor = divisor
        choices: dict[str, Sequence[float]] = {f"block_{i}": (0, 1) for i in range(len(blocks))}
        choices |= {f"width_{i}": shares for i in range(len(groups))}
        conditions = {
            f"width_{i}": {f"block_{k}": [1]}
            for i, group in enumerate(groups)
            for k, block in enumerate(blocks)
            if all(layer.startswith(f"{block}.") for layer in group.makers)
        }
        super().__init__(SearchSpace.from_choices(choices, conditions), network)
        self.example_shape = tuple(example_input.shape[1:])
        self.example_dtype = example_input.dtype

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture; see `SharedWeights.build`."""
        network = _structure(self.network)
        for i, group in enumerate(self.groups):
            share = params.get(f"width_{i}", 1.0)
            n = round(group.n * share / self.divisor) * self.divisor
            group.narrow(network, min(max(n, self.divisor), group.n))
        for k, block in enumerate(self.blocks):
            if not params[f"block_{k}"]:
                replace_module(network, network.get_submodule(block), nn.Identity())
        return network

    def example_input(self, batch_size: int = 1) -> Tensor:
        """Return zeros of the shape and type of the example, with another batch, on its device.

        Raises:
            TypeError: `batch_size` is not an integer.
            ValueError: `batch_size` below 1.
        """
        return example_batch(self, batch_size, *self.example_shape, dtype=self.example_dtype)


def _own_copy(model: nn.Module) -> nn.Module:
    if any(is_lazy(tensor) for tensor in [*model.parameters(), *model.buffers()]):
        raise ValueError(
            f"{type(model).__name__} has lazy layers, whose sizes are not known before the first "
            "call. Call it once, model(example_input), and then make it elastic."
        )
    try:
        return copy.deepcopy(model).eval()
    except RuntimeError as error:  # a tensor that a hook has computed
        raise ValueError(
            f"{type(model).__name__} cannot be copied ({error}). Where torch.nn.utils.weight_norm "
            "or a hook of yours computes a weight, use torch.nn.utils.parametrizations instead."
        ) from error


def _refuse(network: nn.Module, kept: Sequence[str]) -> NoReturn:
    nothing = f"Nothing of {type(network).__name__} is elastic: "
    if kept:
        raise TypeError(
            f"{nothing}channels cannot be followed through {_some(kept)}. Known are {KNOWN}. Use "
            "such layers in their place, or write the super-network with SharedWeights."
        )
    raise ValueError(
        f"{nothing}it has no hidden layer that is called once, and no residual block that keeps "
        "the shape of its input."
    )


def _some(parts: Sequence[str], at_most: int = 4) -> str:
    """The first of some parts of a network, and how many more there are."""
    rest = len(parts) - at_most
    return "; ".join(parts[:at_most]) + (f"; and {rest} more" if rest > 0 else "")


def _check_call(network: nn.Module, example_input: Tensor) -> None:
    try:
        network(example_input)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{type(network).__name__} cannot be called with the example input, of shape "
            f"{tuple(example_input.shape)}: {error}. Pass what it is called with, batch first."
        ) from error


def _structure(network: nn.Module) -> nn.Module:
    """A copy of a network without its tensors' data: they are on the meta device."""
    memo: dict[int, Any] = {}
    for parameter in network.parameters():
        memo[id(parameter)] = nn.Parameter(
            torch.empty_like(parameter, device="meta"), parameter.requires_grad
        )
    for buffer in network.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(network, memo)
