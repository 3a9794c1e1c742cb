"""The file of a table of measured networks: its format, and reading it.

Shapes: `n` networks, `d` variables, `m` objectives.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import load
from optuna_linas.arrays import FloatArray, IntArray

__all__ = ["FORMAT", "TableFile"]

FORMAT = (
    "A table is an .npz file with X int[n, d] (option indices, -1 where a variable does not "
    "exist), names (d texts), choices (one JSON text: name to list of options), objective_names "
    "(m texts), objective_units (m texts) and Y float[n, m]. benchmarks/README.md has lines that "
    "write one."
)

_ARRAYS = ("X", "names", "choices", "objective_names", "objective_units", "Y")


@dataclass(frozen=True)
class TableFile:
    """What the file holds.

    Attributes:
        rows: Option indices, `int[n, d]`, -1 where a variable does not exist.
        choices: The `d` variables in the order of their columns, each with its options.
        objective_names: `m` names.
        objective_units: `m` units, which may say "maximize" or "minimize".
        values: `float[n, m]`.
    """

    rows: IntArray
    choices: dict[str, list[str | int]]
    objective_names: list[str]
    objective_units: list[str]
    values: FloatArray

    @classmethod
    def read(cls, path: Path) -> TableFile:
        """Read a file.

        Raises:
            MissingData: No such file.
            ValueError: It is not in the format; the message says where, and what the format is.
        """
        try:
            return cls._read(path)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error} {FORMAT}") from error

    @classmethod
    def _read(cls, path: Path) -> TableFile:
        arrays = load(path)
        missing = [name for name in _ARRAYS if name not in arrays]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}.")
        names, objectives, units = (
            [str(each) for each in np.atleast_1d(arrays[key])]
            for key in ("names", "objective_names", "objective_units")
        )
        for each in (names, objectives):
            if len(set(each)) < len(each):
                raise ValueError(f"it has a name twice: {', '.join(each)}.")
        n = len(np.atleast_1d(arrays["X"]))
        if n == 0:
            raise ValueError("it has no network.")
        for key, expected in {
            "X": (n, len(names)),
            "Y": (n, len(objectives)),
            "objective_units": (len(objectives),),
        }.items():
            if arrays[key].shape != expected:
                raise ValueError(f"{key} has shape {arrays[key].shape}, not {expected}.")
        choices = _choices(str(arrays["choices"]), names)
        rows = arrays["X"].astype(np.int64)
        if (rows != arrays["X"]).any():
            raise ValueError("X has fractions, where option indices belong.")
        for name, column in zip(names, rows.T, strict=True):
            if not -1 <= column.min() <= column.max() < len(choices[name]):
                raise ValueError(
                    f"X has {column.min()} to {column.max()} for {name}, which has "
                    f"{len(choices[name])} options, counted from 0."
                )
        return cls(rows, choices, objectives, units, arrays["Y"].astype(float))


def _choices(text: str, names: list[str]) -> dict[str, list[str | int]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"choices is not JSON ({error}): write choices=np.array(json.dumps(choices))."
        ) from error
    if not isinstance(found, dict) or not all(isinstance(found.get(n), list) for n in names):
        raise ValueError(f"choices must list the options of each of {', '.join(names)}.")
    return {name: found[name] for name in names}
