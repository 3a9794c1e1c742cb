"""What a search space tells of itself: which options are ordered, and which variables are alike.

Shapes: `d` variables.
"""

from __future__ import annotations

import re

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

__all__ = ["alike", "option_levels"]


def option_levels(variable: Variable) -> FloatArray | None:
    """Return the rank of each option in [0, 1] by its value; `None` for options without an order.

    Numbers are ordered, and so are categorical options that are all numbers (or booleans); words
    are not, nor is a single option.

    Example:
        >>> option_levels(Variable.categorical("kernel", [7, 3, 5]))
        array([1. , 0. , 0.5])
        >>> option_levels(Variable.categorical("operation", ["conv", "skip"])) is None
        True
    """
    if variable.n_options < 2:
        return None
    if variable.is_number:
        return np.linspace(0.0, 1.0, variable.n_options)
    if not all(isinstance(option, (bool, int, float)) for option in variable.options):
        return None
    values = np.array([float(option) for option in variable.options])  # type: ignore[arg-type]
    if not np.isfinite(values).all():
        return None
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    levels: FloatArray = ranks / (len(values) - 1)
    return levels


def alike(space: SearchSpace) -> list[IntArray]:
    """Return groups of positions of ordered variables that are likely to act alike.

    Those whose names differ only in their numbers and that have the same options: `kernel_0`,
    `kernel_1`, ... A group may have one member. Variables without an order are in no group.

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2], "k_0": [3, 5], "k_1": [3, 5]})
        >>> [group.tolist() for group in alike(space)]
        [[0], [1, 2]]
    """
    groups: dict[tuple[str, tuple[object, ...]], list[int]] = {}
    for j, variable in enumerate(space.variables):
        if option_levels(variable) is not None:
            stem = re.sub(r"\d+", "#", variable.name)
            groups.setdefault((stem, variable.options), []).append(j)
    return [np.array(group, dtype=np.int64) for group in groups.values()]
