"""The few columns of an architecture in which all of its feature blocks are linear.

An inner search predicts tens of thousands of rows. Blocks, their scaling and their products with
the examples are linear in the one-hot features, and in some more columns for numbers with long
grids; so all of them together are one matrix, made once, and one product for each generation.

Shapes: `n` architectures, `d` variables, `f` one-hot features, `c` columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.one_hot import N_KNOTS
from optuna_linas.space import SearchSpace

__all__ = ["Columns", "Strip"]

_POWERS = (0, 1, 2, 4)

_MAX_WHOLE = 1_024
"""One-hot features up to which all of them are one strip: a single product is the fastest."""

_WIDTH = 128
"""Features of a strip where there are more: all with all, 15,000 words would take gigabytes."""


@dataclass(frozen=True)
class Strip:
    """Some of the one-hot features, and the columns that they are linear in.

    Attributes:
        rows: These columns, the one of ones last, `int[r]`.
        features: Which features.
        units: From the columns to the features, `float[r, features]`.
        squares: Likewise to their squares.
    """

    rows: IntArray
    features: slice
    units: FloatArray
    squares: FloatArray


class Columns:
    """Turns architectures into columns: one-hot features, what long grids add, and a 1 at the end.

    Args:
        space: The search space.
        levels: The level of each variable's options, `float[d, max(n_options)]`.

    Attributes:
        n: How many columns there are.
        powers: From the columns to each variable's level to the power of 0, 1, 2 and 4, zero where
            it is inactive, `float[c, d]` each: `columns @ powers[2]` are the squares.

    Example:
        >>> space = SearchSpace.from_choices({"width": [8, 16, 32], "kind": ["a", "b"]})
        >>> columns = Columns(space, np.array([[0.1, 0.5, 1.0], [0.0, 0.0, 0.0]]))
        >>> rows = columns(np.array([[1, 0]]))
        >>> rows
        array([[0., 1., 0., 1., 0., 1.]])
        >>> (rows @ columns.powers[2]).tolist()
        [[0.25, 0.0]]
    """

    def __init__(self, space: SearchSpace, levels: FloatArray) -> None:
        self._space, self._levels = space, levels
        variable = space.feature_variables
        is_long = np.array(
            [v.is_number and v.n_options > N_KNOTS for v in space.variables], dtype=bool
        )
        self._long = np.flatnonzero(is_long)
        self._hats = np.flatnonzero(is_long[variable])
        d, f, n_long = len(space), len(variable), len(self._long)
        self.n = f + n_long * len(_POWERS) + len(self._hats) + 1
        short = np.flatnonzero(~is_long[variable])
        option = np.arange(f) - np.searchsorted(variable, variable)
        self.powers: dict[int, FloatArray] = {}
        for i, power in enumerate(_POWERS):
            to_levels = np.zeros((self.n, d))
            to_levels[short, variable[short]] = levels[variable[short], option[short]] ** power
            to_levels[f + i * n_long + np.arange(n_long), self._long] = 1.0
            self.powers[power] = to_levels

    def strips(self, n_before: int) -> Iterator[Strip]:
        """Return the one-hot features in strips, each column but the last in one of them.

        Args:
            n_before: Further columns that come before these; the first strip has them.
        """
        f, n = len(self._space.feature_variables), n_before + self.n
        hat_squares = n - 1 - len(self._hats)
        width = f if f <= _MAX_WHOLE else _WIDTH
        for start in range(0, max(f, 1), max(width, 1)):
            end = min(start + width, f)
            hats = np.flatnonzero((self._hats >= start) & (self._hats < end))
            has = np.zeros(n, dtype=bool)
            has[n_before + start : n_before + end] = True
            has[hat_squares + hats] = True
            has[-1] = True
            if start == 0:
                has[:n_before] = has[n_before + f : hat_squares] = True
            rows = np.flatnonzero(has)
            units = np.zeros((len(rows), end - start))
            own = np.arange(end - start)
            units[np.searchsorted(rows, n_before + start + own), own] = 1.0
            squares = units.copy()  # those of options are 0 or 1, as they are
            at = self._hats[hats] - start
            squares[:, at] = 0.0
            squares[np.searchsorted(rows, hat_squares + hats), at] = 1.0
            yield Strip(rows, slice(start, end), units, squares)

    def __call__(self, archs: IntArray) -> FloatArray:
        """Return the columns of `archs` `int[n, d]`, `float[n, c]`."""
        features = self._space.features(archs)
        columns = np.empty((len(archs), self.n))
        columns[:, : features.shape[1]] = features
        columns[:, -1] = 1.0
        if len(self._long):
            active = self._space.active(archs)[:, self._long].astype(float)
            levels = self._levels[self._long, archs[:, self._long]]
            columns[:, features.shape[1] : -1] = np.hstack(
                [*(levels**power * active for power in _POWERS), features[:, self._hats] ** 2]
            )
        return columns
