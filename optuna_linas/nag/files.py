"""A fitted generator as a file of arrays.

One .npz with plain arrays and a JSON header, read without pickle (see `array_files`): loading
runs no code of the file's. The measurements are in it, and the Gaussian process is fitted to them
again on loading, which takes a tenth of a second; what calibration has found is stored.

Version 4 may have networks to avoid, which readers of version 3 would ignore; files of version 3
are read as those that have none.

Shapes: `n` measured and `r` remembered architectures, `d` variables, `k` training budgets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from optuna_linas.array_files import read_arrays
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.hardware.devices import find_device
from optuna_linas.nag.avoided import Avoided
from optuna_linas.nag.calibration import Calibration
from optuna_linas.nag.examples import Examples
from optuna_linas.nag.model import BudgetModel
from optuna_linas.nag.predictions import ValueCostModel
from optuna_linas.nag.settings import Settings
from optuna_linas.space import SearchSpace
from optuna_linas.stored_json import explained, number, parsed, whole_number

__all__ = ["load_model", "read_header", "save_model"]

_FORMAT = "optuna-linas budget generator"
_VERSION = 4
_READ = (3, _VERSION)
_EARLIER = {
    1: "trusted predictions more than it should have",
    2: "forgot in which ranges trials had asked for a parameter",
}
"""What was wrong with answers from files of earlier versions."""
_PREFIX = "generator."
_MOST = 65_536
"""The largest size or count in a file's settings."""
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

    Raises:
        FileNotFoundError: The folder does not exist.
        IsADirectoryError: The path is a folder.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist: make it first.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file, such as {path / 'budgets.npz'}.")
    settings = {name: getattr(model.settings, name) for name in _KEPT_SETTINGS}
    calibration = model.model.calibration
    text = json.dumps(
        {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": settings,
            "kept": calibration.kept,
            **header,
        }
    )
    arrays = {
        "header": np.array(text),
        "archs": _compact(model.model.archs, model.space),
        "losses": model.model.losses,
        "remembered": _compact(model.remembered, model.space),
        "grid": model.grid,
        "calibrated_at": calibration.at,
        "value_scales": calibration.value_scales,
        "cost_margins": calibration.cost_margins,
    }
    examples = model.model.examples
    if len(examples.failed):
        arrays["failed"] = _compact(examples.failed, model.space)
        arrays["failed_losses"] = examples.failed_losses
    if examples.avoided is not None:
        arrays["avoided"] = _compact(examples.avoided.archs, model.space)
        arrays["avoided_tell"] = examples.avoided.tell
    for name, tensor in model.generator.state_dict().items():
        arrays[_PREFIX + name] = tensor.cpu().numpy()
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _compact(archs: IntArray, space: SearchSpace) -> np.ndarray[Any, Any]:
    """Rows in integers of two bytes, or of more where the space has options beyond these."""
    most = int(space.n_options.max(initial=1)) - 1
    kind = next(k for k in (np.int16, np.int32, np.int64) if most <= np.iinfo(k).max)
    return archs.astype(kind)


def read_header(path: Path) -> dict[str, Any]:
    """Return what `save_model` has written as JSON.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not a file of ours, or one of a later version.
    """
    header = _read(path, ["header"])["header"]
    found: dict[str, Any] = parsed(str(header), str(path), dict)
    if found.get("format") != _FORMAT:
        raise ValueError(f"{path} was not saved by BudgetGenerator.save.")
    version = found.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueError(f"{path} is damaged: it does not tell the version of its format.")
    if version in _EARLIER:
        raise ValueError(
            f"{path} was saved by an earlier version of optuna-linas, which {_EARLIER[version]}. "
            "Fit and save the generator again."
        )
    if version not in _READ:
        raise ValueError(
            f"{path} was saved by a later version of optuna-linas (format {version!r}, this "
            f"version reads {_VERSION}). Upgrade optuna-linas."
        )
    return found


def load_model(path: Path, space: SearchSpace, device: str | torch.device = "cpu") -> BudgetModel:
    """Return the model of a file.

    Args:
        path: A file whose header `read_header` has read.
        space: The space that it was saved with.
        device: Where torch computes.

    Raises:
        ValueError: The file is damaged.
        DeviceNotFoundError: The machine has no such device.
    """
    device = find_device(device)
    header, arrays = read_header(path), _read(path)
    weights = {
        name.removeprefix(_PREFIX): array
        for name, array in arrays.items()
        if name.startswith(_PREFIX)
    }
    with explained(str(path)):
        settings = replace(Settings(), **_checked_settings(header["settings"]))
        grid = _numbers(arrays["grid"], (settings.n_budgets,))
        examples = _examples(space, arrays)
        if not (np.diff(grid) > 0).all():
            raise ValueError("the budgets are no such array")
        # What the settings say of sizes is what is allocated: the file's own arrays must be so.
        for name, axis, wanted in (
            ("budget_embedding", 1, settings.embedding_size),
            ("head_weight", 1, settings.hidden_size),
        ):
            if weights[name].shape[axis] != wanted:
                raise ValueError(f"{name} has another size than the settings say")
        model = ValueCostModel(space, examples, _calibration(header, arrays))
        loaded = BudgetModel.untrained(model, grid, settings, rng=torch.Generator(), device=device)
        own = loaded.generator.state_dict()
        if weights.keys() != own.keys():
            raise ValueError("weights of the generator are missing or unknown")
        loaded.generator.load_state_dict(
            {
                name: torch.tensor(_numbers(array, tuple(own[name].shape)))
                for name, array in weights.items()
            }
        )
        loaded.remember(_rows(space, arrays["remembered"]))
    return loaded


def _read(path: Path, names: list[str] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    try:
        return read_arrays(path, names)
    except ValueError as error:
        raise ValueError(
            f"{path} is not a file that BudgetGenerator.save has written: {error}"
        ) from error


def _examples(space: SearchSpace, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Examples:
    """What was measured, and what failed or is to be avoided where anything is."""
    archs, losses = _rows(space, arrays["archs"]), arrays["losses"]
    failed = _rows(space, arrays["failed"]) if "failed" in arrays else archs[:0]
    failed_losses = arrays["failed_losses"] if "failed" in arrays else losses[:0]
    if len(archs) == 0:
        raise ValueError("it has no measurements")
    return Examples(
        archs,
        _numbers(losses, (len(archs), 2)),
        failed,
        _numbers(failed_losses, (len(failed), 2)),
        _avoided(space, arrays) if "avoided" in arrays else None,
    )


def _avoided(space: SearchSpace, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Avoided:
    archs, tell = _rows(space, arrays["avoided"]), arrays["avoided_tell"]
    if tell.shape != archs.shape[:1] or tell.dtype != bool:
        raise ValueError("it does not say what its networks to avoid tell")
    return Avoided(archs, tell)


def _calibration(
    header: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]
) -> Calibration:
    shape = arrays["calibrated_at"].shape[:1]
    found = Calibration(
        _numbers(arrays["calibrated_at"], shape),
        _numbers(arrays["value_scales"], shape),
        _numbers(arrays["cost_margins"], shape),
        _finite(header["kept"]),
    )
    corrections = np.concatenate([found.value_scales, found.cost_margins])
    is_ordered = len(found.at) > 0 and bool((np.diff(found.at) >= 0).all())
    if not is_ordered or (corrections < 0).any() or not 0.0 <= found.kept <= 1.0:
        raise ValueError("the calibration is none")
    return found


def _checked_settings(settings: Any) -> dict[str, Any]:
    """The settings of a file, counts that a request can afford."""
    if not isinstance(settings, dict) or settings.keys() != set(_KEPT_SETTINGS):
        raise ValueError("its settings are missing or unknown")
    for name, value in settings.items():
        if name != "caution" and not 0 <= whole_number(value) <= _MOST:
            raise ValueError(f"{name} is {value}")
    _finite(settings["caution"])
    return settings


def _finite(value: Any) -> float:
    if not np.isfinite(number(value)):
        raise ValueError(f"{value} is not finite")
    return float(value)


def _numbers(array: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Finite floats of a shape."""
    if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"an array is not of finite numbers, shape {shape}")
    return array


def _rows(space: SearchSpace, array: np.ndarray[Any, Any]) -> IntArray:
    """Rows of the space, `int[n, d]`."""
    if array.ndim != 2 or array.shape[1] != len(space) or array.dtype.kind != "i":
        raise ValueError("an array is not of architectures")
    archs = array.astype(np.int64)
    if ((archs < 0) | (archs >= space.n_options)).any():
        raise ValueError("an architecture is outside of the space")
    return archs
