"""A super-network's input against an example of it: an error instead of a silent slice."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["check_input"]


def check_input(x: Any, example: Any) -> None:
    """Check that `x` is of the form of `example`.

    Images and features have as many dimensions and channels as the example's, of any size and
    batch; indices have as many columns.

    Args:
        x: What a network is called with.
        example: A right one, such as `supernet.example_input()`.

    Raises:
        TypeError: It is no tensor, or not as many, or its numbers are of the wrong kind.
        ValueError: Its shape does not fit.

    Example:
        >>> import torch
        >>> check_input(torch.zeros(8, 1, 32, 32), torch.zeros(1, 3, 32, 32))
        Traceback (most recent call last):
        ...
        ValueError: Expected an input of shape (batch, 3, 32, 32), got (8, 1, 32, 32).
    """
    if isinstance(example, tuple):
        if not isinstance(x, (tuple, list)) or len(x) != len(example):
            raise TypeError(f"Expected {len(example)} tensors in a tuple, got {type(x).__name__}.")
        for part, like in zip(x, example, strict=True):
            check_input(part, like)
        return
    if not isinstance(x, Tensor):
        raise TypeError(f"Expected a tensor, got {type(x).__name__}.")
    if x.is_floating_point() != example.is_floating_point():
        kind = "floats" if example.is_floating_point() else "indices (integers)"
        raise TypeError(f"Expected {kind}, got {x.dtype}.")
    if x.is_floating_point():
        fits = x.ndim == example.ndim and x.shape[1] == example.shape[1]
    else:  # rows of indices: columns are fixed where there are two, a length is free
        fits = x.ndim >= 2 and (example.shape[-1] != 2 or x.shape[-1] == 2)
    if not fits:
        wanted = ", ".join(["batch", *map(str, example.shape[1:])])
        raise ValueError(f"Expected an input of shape ({wanted}), got {tuple(x.shape)}.")
