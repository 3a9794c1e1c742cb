"""A fitted generator as a file of arrays.

One .npz with plain arrays and a JSON header, read with `allow_pickle=False`: loading runs no code
of the file's. The measurements are in it, and the Gaussian process is fitted to them again on
loading, which takes a tenth of a second; what calibration has found is stored.

Shapes: `n` measured and `r` remembered architectures, `d` variables, `k` training budgets.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from optuna_linas.nag.model import BudgetModel
from optuna_linas.nag.predictions import ValueCostModel
from optuna_linas.nag.settings import Settings
from optuna_linas.space import SearchSpace

__all__ = ["load_model", "read_header", "save_model"]

_FORMAT = "optuna-linas budget generator"
_VERSION = 1
_PREFIX = "generator."
_KEPT_SETTINGS = (
    "n_budgets",
    "embedding_size",
    "hidden_size",
    "max_bins",
    "n_candidates",
    "n_rounds",
    "n_refinements",
    "caution",
)
"""What the generator's sizes and a request depend on; the rest is for fitting."""


def save_model(model: BudgetModel, path: Path, header: Mapping[str, Any]) -> None:
    """Write a model, all or nothing.

    Args:
        model: What to write.
        path: Where to; its folder must exist.
        header: What else to keep, as JSON has it.
    """
    settings = {name: getattr(model.settings, name) for name in _KEPT_SETTINGS}
    text = json.dumps(
        {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": settings,
            "value_scale": model.model.value_scale,
            "cost_margin": model.model.cost_margin,
            **header,
        }
    )
    arrays = {
        "header": np.array(text),
        "archs": model.model.archs.astype(np.int16),
        "losses": model.model.losses,
        "remembered": model.remembered.astype(np.int16),
        "grid": model.grid,
    }
    for name, tensor in model.generator.state_dict().items():
        arrays[_PREFIX + name] = tensor.cpu().numpy()
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub
    partial.replace(path)


def read_header(path: Path) -> dict[str, Any]:
    """Return what `save_model` has written as JSON.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not a file of ours, or one of a later version.
    """
    header = _read(path, ["header"])["header"]
    found: dict[str, Any] = json.loads(str(header))
    if found.get("format") != _FORMAT:
        raise ValueError(f"{path} was not saved by BudgetGenerator.save.")
    if found["version"] != _VERSION:
        raise ValueError(
            f"{path} was saved by a later version of optuna-linas (format {found['version']}, this "
            f"version reads {_VERSION}). Upgrade optuna-linas."
        )
    return found


def load_model(path: Path, space: SearchSpace, device: str | torch.device = "cpu") -> BudgetModel:
    """Return the model of a file.

    Args:
        path: A file whose header `read_header` has read.
        space: The space that it was saved with.
        device: Where torch computes.
    """
    header, arrays = read_header(path), _read(path)
    model = ValueCostModel(
        space,
        arrays["archs"].astype(np.int64),
        arrays["losses"],
        value_scale=header["value_scale"],
        cost_margin=header["cost_margin"],
    )
    loaded = BudgetModel.untrained(
        model,
        arrays["grid"],
        replace(Settings(), **header["settings"]),
        rng=torch.Generator(),
        device=device,
    )
    weights = {
        name.removeprefix(_PREFIX): torch.tensor(array)
        for name, array in arrays.items()
        if name.startswith(_PREFIX)
    }
    loaded.generator.load_state_dict(weights)
    loaded.remember(arrays["remembered"].astype(np.int64))
    return loaded


def _read(path: Path, names: list[str] | None = None) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names or arrays.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a file that BudgetGenerator.save has written.") from error
