"""Problems read from a table of measured networks, in the format of `table_file`.

An objective is maximised or minimised as the sign before its name says, else as its unit does
("%, maximize"); neither is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import digest
from benchmarks.problem import Direction, Goal, Problem
from benchmarks.table_file import TableFile
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.conditions import learn_conditions
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Option, Variable

__all__ = ["Measured", "read_table", "split_path", "table_problem"]


@dataclass(frozen=True)
class Measured:
    """Measured networks, as a table holds them; not all of their space.

    Attributes:
        space: Their search space.
        archs: The different networks, canonical rows, `int[n, d]`.
        values: What was measured of each, `float[n, m]`, in the goals' own direction and units;
            NaN where a network does not run.
        goals: The `m` objectives.
        version: Changes with the file.
    """

    space: SearchSpace
    archs: IntArray
    values: FloatArray
    goals: tuple[Goal, ...]
    version: str


def split_path(name: str) -> tuple[Path, list[str]] | None:
    """Split `FILE.npz:+accuracy,-latency` into the path and the objectives.

    None if it is not the path of a table. Without objectives there are none.
    """
    path, ending, objectives = name.rpartition(".npz")
    if not ending:
        return None
    return Path(path + ending), [each for each in objectives.lstrip(":").split(",") if each]


def read_table(
    path: Path,
    objectives: Sequence[str],
    conditions: Mapping[str, Mapping[str, Sequence[Option]]] | None = None,
) -> Measured:
    """Read a table, complete or not.

    Args:
        path: The .npz file.
        objectives: Names from `objective_names`, each optionally with a sign in front: `+` to
            maximise, `-` to minimise. Without one the unit decides. Empty: the first two.
        conditions: When a variable exists, for a table that does not mark it with -1: variable to
            parent to the parent's options. By default they are learned.

    Raises:
        MissingData: No such file.
        ValueError: A file in another format, an unknown objective, or one without a direction.
    """
    file = TableFile.read(path)
    known = file.objective_names
    goals, columns = [], []
    for each in list(objectives) or known[:2]:
        bare = each.lstrip("+-")
        if bare not in known:
            raise ValueError(f"{path.name} has no objective {bare!r}; it has {', '.join(known)}.")
        columns.append(known.index(bare))
        unit = file.objective_units[columns[-1]]
        goals.append(Goal(bare, _short(unit), _direction(each, unit, path)))

    if conditions is None:
        space = _space(file.rows, file.choices)
    else:
        space = SearchSpace.from_choices(file.choices, conditions)
    values = file.values[:, columns]
    # HW-NAS-Bench writes -1 where a network does not run on the device.
    failed = [j for j, c in enumerate(columns) if "edgetpu" in known[c]]
    values[:, failed] = np.where(values[:, failed] < 0, np.nan, values[:, failed])
    canonical, first = np.unique(
        space.canonical(np.maximum(file.rows, 0)), axis=0, return_index=True
    )
    return Measured(space, canonical, values[first], tuple(goals), digest(path))


def table_problem(
    path: Path, objectives: Sequence[str], *, name: str | None = None, source: str = ""
) -> Problem:
    """Build a problem from a complete table.

    Args:
        path: The .npz file.
        objectives: As `read_table` takes them.
        name: The problem's name; by default the file's and the objectives' names.
        source: Where the table comes from.

    Raises:
        MissingData: No such file.
        ValueError: As `read_table`, or a table that lacks architectures of its space.
    """
    table = read_table(path, objectives)
    found, expected = len(table.archs), table.space.size(effective=True)
    if found < expected:
        raise ValueError(
            f"{path.name} holds {found:,} of the {expected:,} architectures of its space. A search "
            "may propose any of them, so the benchmark needs complete tables."
        )
    names = list(objectives) or [goal.name for goal in table.goals]
    return Problem(
        name=name or f"{path.stem}:{','.join(names)}",
        space=table.space,
        goals=table.goals,
        evaluate=_Lookup(table.space, table.archs, table.values),
        source=source or f"the table {path.name}",
        version=table.version,
        architectures=table.archs,
    )


class _Lookup:
    """Values of rows by their canonical form."""

    def __init__(self, space: SearchSpace, archs: IntArray, values: FloatArray) -> None:
        self._space, self._values = space, values
        self._row = {arch.tobytes(): i for i, arch in enumerate(archs)}

    def __call__(self, archs: IntArray) -> FloatArray:
        rows = [self._row[arch.tobytes()] for arch in self._space.canonical(archs)]
        found: FloatArray = self._values[rows]
        return found


def _space(rows: IntArray, choices: dict[str, list[str | int]]) -> SearchSpace:
    names = list(choices)
    present, codes = rows >= 0, np.maximum(rows, 0)
    n_options = np.array([len(choices[name]) for name in names], dtype=np.int64)
    conditions: list[list[Condition]] = [[] for _ in names]
    for c in learn_conditions(present, codes, n_options, np.zeros(len(names), dtype=bool)):
        allowed = tuple(choices[names[c.parent]][i] for i in np.flatnonzero(c.allowed))
        conditions[c.child].append(Condition(names[c.parent], allowed))
    return SearchSpace(
        [Variable.categorical(n, choices[n], conditions[j]) for j, n in enumerate(names)]
    )


def _direction(objective: str, unit: str, path: Path) -> Direction:
    """Return the direction that the sign of an objective says, or else its unit."""
    if objective.startswith(("+", "-")):
        return "maximize" if objective.startswith("+") else "minimize"
    said = {kind.lower() for kind in re.findall(r"\b(maxi|mini)mi[sz]", unit, re.IGNORECASE)}
    if len(said) != 1:
        raise ValueError(
            f"{path.name} does not say whether more or less {objective} ({unit!r}) is better. "
            f"Write +{objective} to maximise it or -{objective} to minimise it, as in "
            f"{path.name}:+accuracy,-latency; or say maximize or minimize in objective_units."
        )
    return "maximize" if said == {"maxi"} else "minimize"


def _short(unit: str) -> str:
    """Drop the remarks: "percent, maximize (mean of 3)" is "%"."""
    first = unit.split(",")[0].split(" (")[0].split(" ")[0]
    return "%" if first == "percent" else first
