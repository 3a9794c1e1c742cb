"""Which residual blocks of a network can be left out.

Munoz et al.: "Enabling NAS with Automated Super-Network Generation", 2022: a block that adds what
it computes to its input, both of one shape, may become the identity. What is left out is a module,
wherever it is called: in an `nn.Sequential`, or one attribute after the other in a `forward`.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn

__all__ = ["ADDITIONS", "has_additions", "replace_module", "skippable_blocks"]

ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
"""What adds two tensors, as a traced graph names it."""


def skippable_blocks(network: nn.Module, example_input: Tensor) -> list[str]:
    """Return the modules that end by adding to an input of their own shape: residual blocks.

    Of blocks within blocks the outermost; only those that the network does work without.

    Args:
        network: It can be called with the example.
        example_input: What it is called with.

    Example:
        >>> class Block(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = nn.Linear(4, 4)
        ...     def forward(self, x):
        ...         return x + self.layer(x)
        >>> skippable_blocks(nn.Sequential(nn.Linear(3, 4), Block()), torch.zeros(1, 3))
        ['1']
    """
    keeps_shape: dict[str, bool] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            tensors = (*inputs, output)
            is_kept = len(tensors) == 2 and all(isinstance(each, Tensor) for each in tensors)
            is_kept = is_kept and tensors[0].shape == tensors[1].shape
            keeps_shape[name] = is_kept and keeps_shape.get(name, True)

        return hook

    handles = [m.register_forward_hook(note(name)) for name, m in network.named_modules() if name]
    with torch.no_grad():
        network(example_input)
    for handle in handles:
        handle.remove()
    found: list[str] = []
    for name, module in network.named_modules():
        if (
            keeps_shape.get(name)
            and not any(name.startswith(f"{other}.") for other in found)
            and _adds_its_input(module)
            and _works_without(network, name, example_input)
        ):
            found.append(name)
    return found


def has_additions(network: nn.Module) -> bool:
    """Return whether a network that can be traced adds anything."""
    return any(_is_addition(node) for node in fx.symbolic_trace(network).graph.nodes)


def replace_module(network: nn.Module, module: nn.Module, by: nn.Module) -> None:
    """Put another module in the place of one, under every name that it is registered under."""
    names = [n for n, each in network.named_modules(remove_duplicate=False) if each is module]
    for name in names:
        home, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(home), leaf, by)


def _adds_its_input(module: nn.Module) -> bool:
    """Whether a module ends in an addition that has its very input as one side.

    In a stage of several blocks it is what the last but one has returned. Behind the addition
    there may be what keeps the channels, such as an activation, and no layer that makes its own.
    """
    if not list(module.children()) or isinstance(module, nn.Sequential):
        return False
    try:
        graph = fx.symbolic_trace(module).graph
    except Exception:  # whatever the module's own code raises without values
        return False
    (entry,) = [node for node in graph.nodes if node.op == "placeholder"][:1]
    (node,) = [node for node in graph.nodes if node.op == "output"]
    while not _is_addition(node):
        if len(node.all_input_nodes) != 1 or _makes_channels(module, node):
            return False
        (node,) = node.all_input_nodes
    return entry in node.all_input_nodes


def _is_addition(node: fx.Node) -> bool:
    """Whether a node adds, and is not merely a module of that name."""
    return node.op in ("call_function", "call_method") and node.target in ADDITIONS


def _makes_channels(module: nn.Module, node: fx.Node) -> bool:
    """Whether a node is a layer whose output channels are not its input's."""
    if node.op != "call_module":
        return False
    layer = module.get_submodule(str(node.target))
    if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels == layer.out_channels:
        return False
    return any(weight.ndim > 1 for weight in layer.parameters())


def _works_without(network: nn.Module, name: str, example_input: Tensor) -> bool:
    """Whether nothing else of a block is used, such as an attribute that the identity lacks."""
    block, identity = network.get_submodule(name), nn.Identity()
    calls: list[nn.Module] = []  # through a reference that is no registered name
    handle = block.register_forward_hook(lambda module, *_: calls.append(module))
    replace_module(network, block, identity)
    try:
        with torch.no_grad():
            network(example_input)
    except Exception:  # whatever the network's own code raises
        return False
    finally:
        replace_module(network, identity, block)
        handle.remove()
    return not calls
