"""Problems read from a table of measured networks, in the documented format.

An .npz file with `X` int[n, d] (option indices, -1 where a variable does not exist), `names` (d),
`choices` (JSON: name to list of options), `objective_names` and `objective_units` (m), and `Y`
float[n, m]. An objective is maximised where its unit says "maximize", or where its name is given
with a plus.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.data import digest, load
from benchmarks.problem import Goal, Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.conditions import learn_conditions
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = ["table_problem"]


def table_problem(
    path: Path, objectives: Sequence[str], *, name: str | None = None, source: str = ""
) -> Problem:
    """Build a problem from a complete table.

    Args:
        path: The .npz file.
        objectives: Names from `objective_names`, each optionally with a sign in front: `+` to
            maximise, `-` to minimise. Without one the unit decides. None: the first two.
        name: The problem's name; by default the file's and the objectives' names.
        source: Where the table comes from.

    Raises:
        MissingData: No such file.
        ValueError: An unknown objective, or a table that lacks architectures of its space.
    """
    arrays = load(path)
    known = [str(n) for n in arrays["objective_names"]]
    wanted = list(objectives) or known[:2]
    goals, columns = [], []
    for each in wanted:
        bare = each.lstrip("+-")
        if bare not in known:
            raise ValueError(f"{path.name} has no objective {bare!r}; it has {', '.join(known)}.")
        columns.append(known.index(bare))
        unit = str(arrays["objective_units"][columns[-1]])
        up = each.startswith("+") or (not each.startswith("-") and "maximize" in unit)
        goals.append(Goal(bare, _short(unit), "maximize" if up else "minimize"))

    rows = arrays["X"].astype(np.int64)
    space = _space(rows, [str(n) for n in arrays["names"]], json.loads(str(arrays["choices"])))
    values = arrays["Y"][:, columns].astype(float)
    # HW-NAS-Bench writes -1 where a network does not run on the device.
    failed = [j for j, c in enumerate(columns) if "edgetpu" in known[c]]
    values[:, failed] = np.where(values[:, failed] < 0, np.nan, values[:, failed])
    canonical = space.canonical(np.maximum(rows, 0))
    found, expected = len(np.unique(canonical, axis=0)), space.size(effective=True)
    if found < expected:
        raise ValueError(
            f"{path.name} holds {found:,} of the {expected:,} architectures of its space. A search "
            "may propose any of them, so the benchmark needs complete tables."
        )
    return Problem(
        name=name or f"{path.stem}:{','.join(wanted)}",
        space=space,
        goals=tuple(goals),
        evaluate=_Lookup(space, canonical, values),
        source=source or f"the table {path.name}",
        version=digest(path),
        architectures=canonical,
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


def _space(rows: IntArray, names: list[str], choices: dict[str, list[str | int]]) -> SearchSpace:
    present, codes = rows >= 0, np.maximum(rows, 0)
    n_options = np.array([len(choices[name]) for name in names], dtype=np.int64)
    conditions: list[list[Condition]] = [[] for _ in names]
    for c in learn_conditions(present, codes, n_options, np.zeros(len(names), dtype=bool)):
        allowed = tuple(choices[names[c.parent]][i] for i in np.flatnonzero(c.allowed))
        conditions[c.child].append(Condition(names[c.parent], allowed))
    return SearchSpace(
        [Variable.categorical(n, choices[n], conditions[j]) for j, n in enumerate(names)]
    )


def _short(unit: str) -> str:
    """Drop the remarks: "percent, maximize (mean of 3)" is "%"."""
    first = unit.split(",")[0].split(" (")[0].split(" ")[0]
    return "%" if first == "percent" else first
