"""What a search space tells of itself: which options are ordered, and which variables are alike.

Shapes: `d` variables.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

__all__ = ["alike", "has_too_few", "mostly_ordered", "option_levels", "same_words"]

_N_REMEMBERED = 16
"""Spaces whose structure is remembered: a search asks for it with every trial."""

_MAX_WORDS = 1_024
"""Options beyond which a variable shares no words: no search measures so many of them twice."""


@lru_cache(maxsize=_N_REMEMBERED)
def option_levels(space: SearchSpace) -> tuple[FloatArray | None, ...]:
    """Return the rank of each variable's options in [0, 1]; `None` for options without an order.

    Numbers are ordered by value, and so are categorical options that are all numbers (or booleans).
    Words are not, unless other variables depend on them: an option that brings more variables
    into being makes the larger network, whatever it is called. A single option has no order.

    Example:
        >>> from optuna_linas.variable import Condition
        >>> space = SearchSpace([
        ...     Variable.categorical("kernel", [7, 3, 5]),
        ...     Variable.categorical("operation", ["conv", "skip"]),
        ...     Variable.categorical("depth", ["deep", "flat"]),
        ...     Variable.categorical("second", ["a", "b"], [Condition("depth", ("deep",))]),
        ... ])
        >>> option_levels(space)
        (array([1. , 0. , 0.5]), None, array([1., 0.]), None)
    """
    counts = _children(space)
    return tuple(
        _levels_of_values(variable) if _is_valued(variable) else _levels(count)
        for variable, count in zip(space.variables, counts, strict=True)
    )


@lru_cache(maxsize=_N_REMEMBERED)
def alike(space: SearchSpace) -> tuple[IntArray, ...]:
    """Return groups of positions of ordered variables that are likely to act alike.

    Those whose names differ only in their numbers and that have the same options: `kernel_0`,
    `kernel_1`, ... Of those that are ordered by what depends on them, the ones whose options bring
    equally many variables into being. A group may have one member. Variables without an order
    are in no group.

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2], "k_0": [3, 5], "k_1": [3, 5]})
        >>> [group.tolist() for group in alike(space)]
        [[0], [1, 2]]
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    counts = _children(space)
    for j, levels in enumerate(option_levels(space)):
        variable = space.variables[j]
        if levels is None:
            continue
        if _is_valued(variable):
            stem = re.sub(r"\d+", "#", variable.name)
            groups.setdefault((stem, variable.options), []).append(j)
        else:
            groups.setdefault(tuple(sorted(counts[j].tolist())), []).append(j)
    return tuple(np.array(group, dtype=np.int64) for group in groups.values())


@lru_cache(maxsize=_N_REMEMBERED)
def same_words(space: SearchSpace) -> tuple[IntArray, ...]:
    """Return groups of positions of variables without an order that may choose the same words.

    Those whose names differ only in their numbers: `op_0`, `op_1`, ... Options are not compared, as
    one may lack what another has (the first block of a stage cannot be skipped). A group has two
    members or more, none of which has more than 1,024 options.

    Example:
        >>> space = SearchSpace.from_choices(
        ...     {"op_0": ["conv", "pool"], "op_1": ["conv", "skip"], "act": ["relu", "gelu"]}
        ... )
        >>> [group.tolist() for group in same_words(space)]
        [[0, 1]]
    """
    groups: dict[str, list[int]] = {}
    for j, levels in enumerate(option_levels(space)):
        variable = space.variables[j]
        if levels is None and 1 < variable.n_options <= _MAX_WORDS:
            groups.setdefault(re.sub(r"\d+", "#", variable.name), []).append(j)
    return tuple(np.array(group, dtype=np.int64) for group in groups.values() if len(group) > 1)


def mostly_ordered(space: SearchSpace) -> bool:
    """Return whether half of the variables or more have options in an order, constants aside.

    Example:
        >>> mostly_ordered(SearchSpace.from_choices({"width": [8, 16], "kind": ["conv", "skip"]}))
        True
    """
    sizes = _sizes_without_order(space)
    return 2 * len(sizes) <= int((space.n_options > 1).sum())


def has_too_few(space: SearchSpace, n_examples: int) -> bool:
    """Return whether so few examples cannot tell what every option is worth.

    So it is where most variables have no order and their options outnumber the examples: each has
    to be learned by itself, and a linear model goes through nearly all examples, whatever it says
    elsewhere.

    Example:
        >>> space = SearchSpace.from_choices({"a": ["x", "y", "z"], "b": ["x", "y", "z"]})
        >>> has_too_few(space, 5), has_too_few(space, 6)
        (True, False)
    """
    return not mostly_ordered(space) and n_examples < sum(_sizes_without_order(space))


def _sizes_without_order(space: SearchSpace) -> list[int]:
    """How many options each variable without an order has, constants left out."""
    return [
        variable.n_options
        for variable, levels in zip(space.variables, option_levels(space), strict=True)
        if levels is None and variable.n_options > 1
    ]


def _is_valued(variable: Variable) -> bool:
    """Whether the options themselves are ordered."""
    if variable.is_number:
        return True
    return all(
        isinstance(option, (bool, int, float)) and math.isfinite(option)
        for option in variable.options
    )


def _levels_of_values(variable: Variable) -> FloatArray | None:
    if variable.is_number:
        return _levels(np.arange(variable.n_options))
    return _levels(np.array([float(option) for option in variable.options]))  # type: ignore[arg-type]


def _levels(sizes: FloatArray | IntArray) -> FloatArray | None:
    """The rank of each size in [0, 1], equal sizes alike; `None` where all are equal."""
    ranks = np.unique(sizes, return_inverse=True)[1].astype(float)
    return ranks / ranks.max() if ranks.max(initial=0) > 0 else None


def _children(space: SearchSpace) -> list[IntArray]:
    """How many variables each option of each variable allows to exist, `int[n_options]` each."""
    counts = [np.zeros(n, dtype=np.int64) for n in space.n_options]
    position = {name: j for j, name in enumerate(space.names)}
    for variable in space.variables:
        for condition in variable.conditions:
            parent = position[condition.parent]
            for option in condition.options:
                counts[parent][space.variables[parent].index(option)] += 1
    return counts
