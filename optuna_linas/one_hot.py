"""One-hot features of architectures; long grids of numbers are shared between a few knots.

Shapes: `d` variables, `n` architectures, `f` features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.variable import Variable

__all__ = ["N_KNOTS", "OneHot"]

N_KNOTS = 9
"""Feature columns of a number with more grid points than this (piecewise-linear between them)."""


class OneHot:
    """Turns rows of option indices into feature columns.

    Args:
        variables: The variables.

    Attributes:
        variable_of: The position of the variable that each column belongs to, `int[f]`.

    Example:
        >>> features = OneHot([Variable.categorical("kernel", [3, 5])])
        >>> features(np.array([[0], [1], [1]]), np.array([[True], [True], [False]]))
        array([[1., 0.],
               [0., 1.],
               [0., 0.]])
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        is_long = np.array([v.is_number and v.n_options > N_KNOTS for v in variables], dtype=bool)
        widths = np.array([v.n_options for v in variables], dtype=np.int64)
        widths[is_long] = N_KNOTS
        self.variable_of: IntArray = np.repeat(np.arange(len(variables)), widths)
        self._starts = np.cumsum([0, *widths[:-1]], dtype=np.int64)[: len(variables)]
        # A slice where all are short: to index by it copies nothing.
        self._short = np.flatnonzero(~is_long) if is_long.any() else slice(None)
        self._hats = {j: _hats(variables[j]) for j in np.flatnonzero(is_long).tolist()}

    def __call__(self, archs: IntArray, active: BoolArray) -> FloatArray:
        """Return the features of `archs` `int[n, d]`, zero where not `active`, `float[n, f]`."""
        n, f = len(archs), len(self.variable_of)
        out, short = np.zeros((n, f)), self._short
        at = archs[:, short] + self._starts[short]
        at += np.arange(n)[:, None] * f
        out.reshape(-1)[at] = active[:, short]
        for j, hats in self._hats.items():
            start = self._starts[j]
            out[:, start : start + N_KNOTS] = hats[archs[:, j]] * active[:, j : j + 1]
        return out


def _hats(variable: Variable) -> FloatArray:
    """Feature rows of a long grid's points, `float[n_options, N_KNOTS]`."""
    at = variable.positions / variable.positions[-1] * (N_KNOTS - 1)
    hats: FloatArray = np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(N_KNOTS)[None]))
    return hats
