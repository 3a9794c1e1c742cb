"""Example inputs: a tensor, or a tuple, list or dict of them, nested at will.

The first dimension of every tensor is the batch. Whatever the container, it is what the network's
`forward` takes as its one argument, just as a data loader yields it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from optuna_linas.errors import EmptyDataError

__all__ = ["batch_size_of", "copy_to", "tensors_in", "with_batch_size"]


def batch_size_of(example_input: Any) -> int:
    """Return the size of the first dimension of the first tensor that has one.

    Raises:
        EmptyDataError: The batch has no examples.
        TypeError: There is no tensor with a batch dimension.

    Example:
        >>> batch_size_of({"image": torch.zeros(4, 3, 8, 8), "scale": torch.tensor(1.0)})
        4
    """
    for tensor in tensors_in(example_input):
        if tensor.dim() > 0 and len(tensor) == 0:
            raise EmptyDataError(
                f"The example input has no examples (shape {tuple(tensor.shape)}); one is needed."
            )
        if tensor.dim() > 0:
            return len(tensor)
    raise TypeError(
        "An example input is a tensor of shape (batch, ...), or a tuple, list or dict of them; got "
        f"{type(example_input).__name__} without such a tensor."
    )


def with_batch_size(example_input: Any, batch_size: int) -> Any:
    """Return the input cut, or repeated from its start, to `batch_size` examples.

    Tensors without a batch dimension, and whatever is no tensor, stay as they are.

    Raises:
        EmptyDataError: The batch has no examples.
        TypeError: There is no tensor with a batch dimension.
        ValueError: `batch_size < 1`.

    Example:
        >>> with_batch_size(torch.zeros(4, 3), 1).shape
        torch.Size([1, 3])
    """
    if batch_size < 1:
        raise ValueError(f"batch_size counts examples, at least 1, got {batch_size}.")

    batch_size_of(example_input)

    def resize(tensor: Tensor) -> Tensor:
        if tensor.dim() == 0:
            return tensor
        rows = torch.arange(batch_size, device=tensor.device) % len(tensor)
        return tensor[rows]

    return _map(resize, example_input)


def copy_to(example_input: Any, device: torch.device) -> Any:
    """Return the input's copy on `device`: an in-place operator must not change the caller's."""
    return _map(lambda tensor: tensor.detach().to(device, copy=True), example_input)


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: _map(function, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple
        return type(value)(*(_map(function, item) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_map(function, item) for item in value)
    return value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of an argument or of what a network returns: in tuples, lists and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
