"""What a member is between two steps, as bytes.

A checkpoint is read with `weights_only=True`: tensors, numbers, strings, lists and dicts, and no
code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from optuna_linas.errors import CheckpointError
from optuna_linas.tensor_files import is_state_dict, read_tensors

__all__ = ["Checkpoint", "portable", "read_checkpoint", "write_checkpoint"]

_FORMAT = 1
_PLAIN = (type(None), bool, int, float, str, bytes, torch.Size, torch.dtype)


@dataclass(frozen=True)
class Checkpoint:
    """A trained member.

    Attributes:
        model: The model's state dict.
        optimizers: For each optimiser its state by parameter name.
        copies: State dicts of modules that are like the model (an average of its weights, a target
            network), by name.
        extra: Anything else that was saved: tensors and plain values.
        layers: For each variable its module paths.

    Example:
        >>> Checkpoint({"weight": torch.ones(1)}, extra={"epoch": 3}).extra["epoch"]
        3
    """

    model: dict[str, Any]
    optimizers: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    copies: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, list[str]] = field(default_factory=dict)


def write_checkpoint(checkpoint: Checkpoint, file: BinaryIO) -> None:
    """Write a checkpoint.

    Args:
        checkpoint: What to write.
        file: Open for writing bytes.

    Raises:
        TypeError: It holds something that cannot be read back without running code.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_checkpoint(Checkpoint({"weight": torch.ones(1)}), file)
        >>> len(file.getvalue()) > 0
        True
    """
    content = {
        "format": _FORMAT,
        "model": portable(checkpoint.model, "model"),
        "optimizers": portable(checkpoint.optimizers, "optimizer"),
        "copies": portable(checkpoint.copies, "extra"),
        "extra": portable(checkpoint.extra, "extra"),
        "layers": {name: list(paths) for name, paths in checkpoint.layers.items()},
    }
    torch.save(content, file)


def read_checkpoint(file: BinaryIO) -> Checkpoint:
    """Return the checkpoint in a file, on the CPU.

    Raises:
        CheckpointError: It is truncated, or no checkpoint at all.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_checkpoint(Checkpoint({"weight": torch.ones(1)}), file)
        >>> read_checkpoint(io.BytesIO(file.getvalue())).model
        {'weight': tensor([1.])}
        >>> read_checkpoint(io.BytesIO(file.getvalue()[:100]))
        Traceback (most recent call last):
        ...
        optuna_linas.errors.CheckpointError: it is truncated or damaged (...)
    """
    try:
        # All of it first: a reader of a remote store cannot seek.
        content = read_tensors(file.read())
    except (OSError, ValueError) as error:
        raise CheckpointError(str(error)) from error
    format_ = content.pop("format", None) if isinstance(content, dict) else None
    if not isinstance(format_, int) or format_ != _FORMAT:
        raise CheckpointError("it is not a checkpoint of a population's member")
    names = set(Checkpoint.__dataclass_fields__)
    if content.keys() != names or not all(isinstance(content[name], dict) for name in names):
        raise CheckpointError("parts of it are missing or unknown")
    if not all(map(is_state_dict, [content["model"], *content["copies"].values()])):
        raise CheckpointError("its weights are no tensors")
    if not all(isinstance(paths, list) for paths in content["layers"].values()):
        raise CheckpointError("its layers are no paths of modules")
    return Checkpoint(**content)


def portable(value: Any, where: str) -> Any:
    """Return `value` with every module turned into its state dict and tensors detached.

    Args:
        value: Nested dicts, lists and tuples of tensors, modules and plain values.
        where: What to call it in an error.

    Raises:
        TypeError: It holds anything else, such as a numpy array.

    Example:
        >>> sorted(portable({"average": nn.Linear(2, 1)}, "extra")["average"])
        ['bias', 'weight']
    """
    if isinstance(value, nn.Module):
        value = value.state_dict()
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, Mapping):
        return {key: portable(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(portable(item, f"{where}[{i}]") for i, item in enumerate(value))
    # Not isinstance: numpy.float64 is a float, and would not be read back.
    if type(value) in _PLAIN:
        return value
    raise TypeError(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}, which cannot be read "
        "back without running code. A checkpoint holds tensors, modules, numbers, strings, lists "
        "and dicts: turn an array into a tensor, and an object into its state_dict()."
    )
