"""The published layout of OFA's checkpoints.

The reference package nests each elastic layer's tensors once more than a plain network has them
(`conv.conv.weight`, `bn.bn.weight`, `linear.linear.weight`), and older files call a block's `conv`
`mobile_inverted_conv`. Both layouts are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.tensor_files import is_state_dict, read_tensors

__all__ = ["load_published", "read_published"]


def read_published(source: str | Path | Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a published checkpoint under the names of a plain network.

    Args:
        source: A file, or a state dict; a dict that holds one as "state_dict" or "model" too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or something else.

    Example:
        >>> import torch
        >>> list(read_published({"module.blocks.1.mobile_inverted_conv.point_linear.bn.bn.bias":
        ...                      torch.zeros(8)}))
        ['blocks.1.conv.point_linear.bn.bias']
    """
    if isinstance(source, Mapping):
        state: Mapping[str, Any] = source
    else:
        try:
            state = read_tensors(Path(source), allow_old=True)
        except ValueError as error:
            raise ValueError(f"{source} is no checkpoint: {error}.") from error
    for key in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not is_state_dict(dict(state) if isinstance(state, Mapping) else state):
        what = "The mapping" if isinstance(source, Mapping) else source
        raise ValueError(f"{what} holds no tensors by name, as a state dict does.")
    return {_plain(name): tensor for name, tensor in state.items()}


def load_published(
    supernet: nn.Module, published: Mapping[str, Tensor], home: Callable[[str], str]
) -> None:
    """Copy published tensors into a super-network.

    Args:
        supernet: Changed in place, unless there is an error.
        published: Tensors by their plain names.
        home: From a published name to that in the super-network.

    Raises:
        SpaceMismatchError: A tensor is missing, unknown or of another shape.
    """
    own = supernet.state_dict()
    given = {home(name): (name, tensor) for name, tensor in published.items()}
    for name, tensor in own.items():
        if name not in given:
            # Counters that say nothing of the network; older files lack them.
            if name.endswith("num_batches_tracked"):
                continue
            raise SpaceMismatchError(_message(f"it has no tensor for {name!r}"))
        theirs, value = given[name]
        if value.shape != tensor.shape:
            raise SpaceMismatchError(
                _message(
                    f"{theirs!r} has shape {tuple(value.shape)}, the super-network's is "
                    f"{tuple(tensor.shape)}"
                )
            )
    if unknown := [theirs for name, (theirs, _) in given.items() if name not in own]:
        raise SpaceMismatchError(_message(f"{unknown[0]!r} has no place in the super-network"))
    supernet.load_state_dict({name: value for name, (_, value) in given.items()}, strict=False)


def _message(difference: str) -> str:
    return (
        f"The checkpoint is of another space: {difference}. Make the super-network with the "
        "checkpoint's widths, depths, kernels, expansions and number of classes."
    )


def _plain(name: str) -> str:
    name = name.removeprefix("module.").replace(".mobile_inverted_conv.", ".conv.")
    for layer in ("bn", "linear"):
        name = name.replace(f".{layer}.{layer}.", f".{layer}.")
    return name.replace(".conv.conv.weight", ".conv.weight")
