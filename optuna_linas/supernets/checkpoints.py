"""Weights and trainings on disk: written in one piece, read with a check of the space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.space import SearchSpace
from optuna_linas.supernets.protocol import Supernet
from optuna_linas.tensor_files import is_state_dict, read_tensors

__all__ = ["check_space", "describe_space", "load_weights", "read", "save_weights", "write"]

_FORMAT = "optuna-linas supernet 1"


def save_weights(supernet: Supernet, path: str | Path) -> None:
    """Write a super-network's weights and its space's description.

    The file is complete or not there: a killed process leaves the old one.

    Args:
        supernet: An `nn.Module` that follows `Supernet`.
        path: The file; its folder is made.

    Example:
        >>> import tempfile
        >>> from optuna_linas.supernets import ElasticCNN
        >>> supernet = ElasticCNN(n_classes=2, in_channels=1, image_size=8)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(supernet, f"{folder}/weights.pt")
        ...     load_weights(supernet, f"{folder}/weights.pt")
    """
    assert isinstance(supernet, nn.Module)
    write(Path(path), {"space": describe_space(supernet.space), "model": supernet.state_dict()})


def load_weights(supernet: Supernet, path: str | Path) -> None:
    """Read weights that `save_weights` or a training's checkpoint has written; to eval mode.

    Args:
        supernet: Changed in place, unless there is an error.
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        SpaceMismatchError: The file is of another space or of other sizes; the message names the
            first variable or tensor that differs.
        ValueError: The file is no checkpoint of this package.

    Example:
        >>> from optuna_linas.supernets import ElasticCNN
        >>> load_weights(ElasticCNN(n_classes=2, in_channels=1, image_size=8), "missing.pt")
        Traceback (most recent call last):
        FileNotFoundError: ...
    """
    assert isinstance(supernet, nn.Module)
    saved = read(Path(path))
    check_space(supernet.space, saved["space"], path)
    load_tensors(supernet, saved["model"], path)
    supernet.eval()


def load_tensors(supernet: nn.Module, tensors: Mapping[str, Any], path: str | Path) -> None:
    """Copy tensors into a super-network of the same sizes.

    Raises:
        SpaceMismatchError: A tensor is missing, unknown or of another shape.
    """
    own = supernet.state_dict()
    for name in [*own, *(name for name in tensors if name not in own)]:
        given = tuple(tensors[name].shape) if name in tensors else "not in the checkpoint"
        wanted = tuple(own[name].shape) if name in own else "not in the super-network"
        if given != wanted:
            raise SpaceMismatchError(
                f"{path} holds a super-network of other sizes: {name!r} is {given} there, "
                f"{wanted} here. Make the super-network with the arguments it was trained with."
            )
    supernet.load_state_dict(dict(tensors))


def describe_space(space: SearchSpace) -> list[list[Any]]:
    """Return a space as plain data: for each variable its name, options and conditions.

    Example:
        >>> describe_space(SearchSpace.from_choices({"width": [2, 4]}))
        [['width', [2, 4], []]]
    """
    return [
        [v.name, list(v.options), [[c.parent, list(c.options)] for c in v.conditions]]
        for v in space.variables
    ]


def check_space(space: SearchSpace, saved: list[list[Any]], path: str | Path) -> None:
    """Check that a checkpoint is of this space.

    Raises:
        SpaceMismatchError: It is not; the message names the first variable that differs.
    """
    own = describe_space(space)
    for k in range(max(len(own), len(saved))):
        here = own[k] if k < len(own) else None
        there = saved[k] if k < len(saved) else None
        if here != there:
            raise SpaceMismatchError(
                f"{path} is of another space: variable {k} is {_variable(there)} there, "
                f"{_variable(here)} here. Make the super-network with the arguments it was "
                "trained with."
            )


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write plain data and tensors; the file is replaced in one piece."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        torch.save({"format": _FORMAT, **data}, file)
        # Before the rename: otherwise a power cut may leave an empty file under the name.
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Read what `write` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is something else, or damaged.
    """
    try:
        data: dict[str, Any] = read_tensors(path)
    except ValueError as error:
        raise ValueError(f"{path} is no checkpoint of optuna-linas: {error}.") from error
    format_ = data.get("format") if isinstance(data, dict) else None
    if not isinstance(format_, str) or format_ != _FORMAT:
        raise ValueError(
            f"{path} is no checkpoint of optuna-linas. OFA's checkpoints are read by "
            "load_ofa_state_dict, a plain state dict by supernet.load_state_dict."
        )
    if not is_state_dict(data.get("model")) or not isinstance(data.get("space"), list):
        raise ValueError(f"{path} is damaged: it has no weights, or no space.")
    return data


def _variable(variable: list[Any] | None) -> str:
    if variable is None:
        return "missing"
    name, options = variable[:2] if isinstance(variable, list) and len(variable) > 1 else ("?", "?")
    return f"{name!r} with options {options}"
