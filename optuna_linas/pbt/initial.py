"""The first population: every variable's options equally often, in an order of its own.

The authors' code does this too (it is not in the paper). Each variable is stratified by itself,
from its own generator, so that nothing has to be known of the other variables: define-by-run code
tells them one by one.

Shapes: `n` slots.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.variable import Option, Variable

__all__ = ["stratified_options", "stratified_units", "value_at"]


def stratified_options(n_options: int, n_slots: int, rng: np.random.Generator) -> IntArray:
    """Return an option index per slot, each option `n_slots / n_options` times, `int[n]`.

    Where that is no whole number, which options come once more is random.

    Args:
        n_options: Of the variable.
        n_slots: Members of the population.
        rng: The source of all randomness.

    Example:
        >>> np.bincount(stratified_options(3, 12, np.random.default_rng(0)))
        array([4, 4, 4])
    """
    options = rng.permutation(n_options)
    dealt: IntArray = options[rng.permutation(n_slots) % n_options]
    return dealt


def stratified_units(n_slots: int, rng: np.random.Generator) -> FloatArray:
    """Return numbers in [0, 1), one in each of `n` equal parts, in random order (`float[n]`).

    Args:
        n_slots: `n`, the members of the population.
        rng: The source of all randomness.

    Example:
        >>> np.sort((4 * stratified_units(4, np.random.default_rng(0))).astype(int))
        array([0, 1, 2, 3])
    """
    return np.asarray((rng.permutation(n_slots) + rng.random(n_slots)) / n_slots)


def value_at(variable: Variable, unit: float, rng: np.random.Generator) -> Option:
    """Return the value that lies at `unit` in [0, 1) of the variable's (log) range.

    Args:
        variable: Any variable; the options of a categorical one have equal parts.
        unit: Where.
        rng: Draws a continuous value from within its grid cell.

    Example:
        >>> value_at(Variable.integer("units", 8, 64, step=8), 0.5, np.random.default_rng(0))
        40
    """
    if variable.log:
        grid = variable.positions
        index = int(np.abs(grid - unit * grid[-1]).argmin())
    else:
        index = min(int(unit * variable.n_options), variable.n_options - 1)
    return variable.refine(index, rng)
