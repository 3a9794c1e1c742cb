"""A network as the graph of its operations, and what can be read in it.

`torch.fx` runs a network's own code on stand-ins without values. Its operations are layers of
torch, and the functions and methods that tensors are given to.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp, TensorMetadata

__all__ = [
    "argument",
    "called",
    "flattens_rows",
    "has_own_weights",
    "last_nodes",
    "reads_other_size",
    "shape_of",
    "trace",
    "used_once",
]


def trace(network: nn.Module, example_input: Tensor) -> fx.GraphModule:
    """Return a network's graph, with the shapes of the tensors that an example makes of it.

    Raises:
        ValueError: The network cannot be traced.
    """
    try:
        graph = fx.symbolic_trace(network)
    except Exception as error:  # whatever the network's own code raises without values
        raise ValueError(
            f"{type(network).__name__} cannot be traced: its forward depends on values "
            f"({error}). Write the super-network with SharedWeights."
        ) from error
    with torch.no_grad():
        ShapeProp(graph).propagate(example_input)
    return graph


def shape_of(node: fx.Node) -> tuple[int, ...] | None:
    """The shape of the one tensor that a node returns, None if it returns anything else."""
    meta = node.meta.get("tensor_meta")
    return tuple(meta.shape) if isinstance(meta, TensorMetadata) else None


def argument(node: fx.Node, place: int, names: Sequence[str], default: Any = None) -> Any:
    """A call's argument, by its place or by one of its names."""
    if len(node.args) > place:
        return node.args[place]
    return next((node.kwargs[name] for name in names if name in node.kwargs), default)


def called(node: fx.Node) -> str:
    """An operation as the network's author knows it, and the node's name in the graph."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return f"{name or node.target} ({node.name})"


def flattens_rows(node: fx.Node, shape: Sequence[int]) -> bool:
    """Whether a reshape of a tensor of that shape is `x.view(x.size(0), -1)` or the like."""
    sizes = node.args[1:]
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    if len(sizes) != 2 or not isinstance(sizes[1], int):
        return False
    return sizes[1] == -1 and (shape_of(node) or (0,))[0] == shape[0]


def reads_other_size(node: fx.Node, axis: int) -> bool:
    """Whether a node asks for the size of its tensor in other dimensions than `axis`."""
    n_dims = len(shape_of(node.all_input_nodes[0]) or ())
    if node.target == "size" and len(node.args) == 2:
        asked = [node.args[1]]
    elif node.target == "size" or (node.target is getattr and node.args[1] == "shape"):
        if any(user.target is not operator.getitem for user in node.users):
            return False
        asked = [user.args[1] for user in node.users]
    else:
        return False
    return all(isinstance(dim, int) and dim % n_dims != axis for dim in asked)


def has_own_weights(layer: nn.Module) -> bool:
    """Whether weight and bias are a layer's parameters, and not made of others at each call."""
    return layer._parameters.keys() == {"weight", "bias"}


def last_nodes(graph: fx.GraphModule) -> set[fx.Node]:
    """Nodes behind the last layers with weights, such as a softmax: what they get is the output."""
    last: set[fx.Node] = set()
    for node in reversed(graph.graph.nodes):
        layer = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        has_weights = layer is not None and any(True for _ in layer.parameters())
        if not has_weights and last.issuperset(node.users):
            last.add(node)
    return last


def used_once(network: nn.Module, graph: fx.GraphModule) -> set[str]:
    """Names of layers that are called once and share no tensor with another module.

    A layer whose tensor is read outside of it is used by that, too.
    """
    nodes = graph.graph.nodes
    calls = Counter(str(node.target) for node in nodes if node.op == "call_module")
    read = {str(node.target).rpartition(".")[0] for node in nodes if node.op == "get_attr"}
    homes = Counter(id(tensor) for module in network.modules() for tensor in _own_tensors(module))
    return {
        name
        for name, n in calls.items()
        if n == 1
        and name not in read
        and all(homes[id(t)] == 1 for t in _own_tensors(graph.get_submodule(name)))
    }


def _own_tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]
