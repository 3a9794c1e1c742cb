"""An architecture as a row of a plan: one value per variable, as JSON can hold it.

A row has the index of a categorical option, the value of a number, and `None` where the variable is
inactive: it says what is to be measured also in a space that has grown since.

Shapes: `n` rows, `d` variables of a space.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option, Variable

__all__ = ["Row", "names_key", "row_of", "row_to_params", "rows_to_archs", "with_fixed"]

Row = tuple[int | float | None, ...]


@lru_cache(maxsize=16)
def names_key(names: tuple[str, ...]) -> str:
    """Return a short fingerprint of variable names, which tells whether two rows compare."""
    return hashlib.blake2b("\x1f".join(names).encode(), digest_size=6).hexdigest()


def row_of(space: SearchSpace, arch: IntArray, rng: np.random.Generator) -> Row:
    """Return the row of an architecture `int[d]`; a coarse number is drawn from its cell."""
    params = space.decode(arch, rng)
    row: list[int | float | None] = []
    for j, variable in enumerate(space.variables):
        if variable.name not in params:
            row.append(None)
        elif variable.is_number:
            value = params[variable.name]
            assert isinstance(value, (int, float))
            row.append(value)
        else:
            row.append(int(arch[j]))
    return tuple(row)


def row_to_params(space: SearchSpace, names: Sequence[str], row: Row) -> dict[str, Option]:
    """Return the parameters of a row; variables that the space no longer has are left out."""
    params: dict[str, Option] = {}
    for name, value in zip(names, row, strict=False):
        if value is None or name not in space:
            continue
        variable = space[name]
        if variable.is_number:
            params[name] = value
        elif isinstance(value, int) and 0 <= value < variable.n_options:
            params[name] = variable.options[value]
    return params


def with_fixed(space: SearchSpace, archs: IntArray, fixed: Mapping[str, object]) -> IntArray:
    """Return the canonical architectures `int[n, d]` with the values of `fixed` in place.

    Names and values that the space does not have change nothing.
    """
    archs = archs.copy()
    for j, variable in enumerate(space.variables):
        if variable.name in fixed:
            with suppress(SpaceMismatchError):
                archs[:, j] = variable.index(fixed[variable.name])
    return space.canonical(archs)


def rows_to_archs(
    space: SearchSpace, names: Sequence[str], rows: Sequence[Row]
) -> list[IntArray | None]:
    """Return the canonical architecture of each row, or `None` where the space has moved on.

    That is so when a variable that the row lacks has turned out to be active.
    """
    position = {name: j for j, name in enumerate(space.names)}
    archs = np.full((len(rows), len(space)), -1, dtype=np.int64)
    n_told = min((len(row) for row in rows), default=0)
    for name, column in zip(names[:n_told], zip(*rows, strict=False), strict=True):
        if (j := position.get(name)) is not None:
            archs[:, j] = _indices_of(space.variables[j], column)
    is_told = archs >= 0
    archs[~is_told] = 0
    is_whole = (is_told | ~space.present(archs)).tolist()
    pairs = zip(is_whole, space.canonical(archs), strict=True)
    return [arch if all(whole) else None for whole, arch in pairs]


def _indices_of(variable: Variable, values: Iterable[int | float | None]) -> IntArray:
    """The indices that values of rows stand for, -1 where they stand for none, `int[n]`."""
    if not variable.is_number:
        n = variable.n_options
        told = [v if isinstance(v, int) and 0 <= v < n else -1 for v in values]
        return np.array(told, dtype=np.int64)
    indices = []
    for value in values:
        index = -1
        if value is not None:
            with suppress(SpaceMismatchError):
                index = variable.index(value)
        indices.append(index)
    return np.array(indices, dtype=np.int64)
