"""What a search space tells of itself: which options are ordered, and which variables are alike.

Shapes: `d` variables.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import cast

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.option import option_key
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Option, Variable

__all__ = [
    "alike",
    "as_words",
    "has_too_few",
    "mostly_ordered",
    "numbered",
    "option_levels",
    "same_words",
    "soon_known",
]

_N_REMEMBERED = 16
"""Spaces whose structure is remembered: a search asks for it with every trial."""

_NUMERAL = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?\s*", re.ASCII)
_WITHIN = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_MAX_NUMBERED_WORDS = 100
"""Words beyond which the numbers in them are taken for names at once: "item_5012"."""

_LETTERS = str.maketrans({str(digit): chr(0xE000 + digit) for digit in range(10)})
"""Characters for private use, which no word has."""

_MAX_SOON_KNOWN = 100_000

_MAX_WORDS = 1_024
"""Options beyond which a variable shares no words: no search measures so many of them twice."""


@lru_cache(maxsize=_N_REMEMBERED)
def option_levels(space: SearchSpace) -> tuple[FloatArray | None, ...]:
    """Return the rank of each variable's options in [0, 1]; `None` for options without an order.

    Numbers are ordered by value, and so are categorical options that are all numbers, booleans or
    strings that say a number ("16") or differ in one alone ("conv3x3", "conv5x5"). Other words are
    not, unless other variables depend on them: an option that brings more variables into being
    makes the larger network, whatever it is called. A single option has no order.

    Example:
        >>> from optuna_linas.variable import Condition
        >>> space = SearchSpace([
        ...     Variable.categorical("kernel", ["7x7", "3x3", "5x5"]),
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

    Those whose names differ only in their numbers and whose options are the same numbers:
    `kernel_0`, `kernel_1`, ... Of those that are ordered by what depends on them, the ones whose
    options bring equally many variables into being. A group may have one member. Variables without
    an order are in no group.

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
            groups.setdefault((_stem(variable), *sorted(_numbers(variable) or ())), []).append(j)
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
            groups.setdefault(_stem(variable), []).append(j)
    return tuple(np.array(group, dtype=np.int64) for group in groups.values() if len(group) > 1)


@lru_cache(maxsize=_N_REMEMBERED)
def numbered(space: SearchSpace, *, by_name: bool = True) -> tuple[IntArray, ...]:
    """Return groups of positions of categorical variables whose options are the same numbers.

    Numbers may be sizes, and they may be no more than names (operation 0, 1, 2). A parameter that
    was asked for as a number is in no group.

    Args:
        space: The search space.
        by_name: Whether names of one group differ only in their numbers, too.

    Example:
        >>> space = SearchSpace.from_choices({"a_0": [3, 5], "a_1": ["5", "3"], "b": [5, 3]})
        >>> [group.tolist() for group in numbered(space)]
        [[0, 1], [2]]
        >>> [group.tolist() for group in numbered(space, by_name=False)]
        [[0, 1, 2]]
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for j, variable in enumerate(space.variables):
        numbers = None if variable.is_number else _numbers(variable)
        if numbers is not None and len(numbers) > 1:
            name = _stem(variable) if by_name else ""
            groups.setdefault((name, *sorted(numbers)), []).append(j)
    return tuple(np.array(group, dtype=np.int64) for group in groups.values())


def as_words(space: SearchSpace, positions: Iterable[int]) -> SearchSpace:
    """Return the space in which the options of some categorical variables are words.

    Rows mean the same networks in either; but that one option is a larger number than another
    tells nothing any more.

    Args:
        space: The search space.
        positions: Of these variables; ranges of numbers among them stay as they are.

    Example:
        >>> space = SearchSpace.from_choices({"width": [8, 16], "operation": [0, 1, 2]})
        >>> option_levels(as_words(space, [1]))
        (array([0., 1.]), None)
    """
    chosen = set(positions)
    stems = {_stem(space.variables[j]) for j in chosen}
    told = {
        variable.name: _words(variable.options)
        for j, variable in enumerate(space.variables)
        # Words that go by such a name already share theirs with them: [0, 1] and [None, 0, 1].
        if not variable.is_number
        and (j in chosen or (_stem(variable) in stems and not _is_valued(variable)))
    }

    def in_words(condition: Condition) -> Condition:
        if condition.parent not in told:
            return condition
        parent, words = space[condition.parent], told[condition.parent]
        # By place: a condition may say 2.0 for 2.
        return Condition(condition.parent, [words[parent.index(o)] for o in condition.options])

    return space.with_variables(
        [
            replace(
                variable,
                options=told.get(variable.name, variable.options),
                conditions=tuple(map(in_words, variable.conditions)),
            )
            for variable in space.variables
        ]
    )


def _words(options: Sequence[Option]) -> tuple[Option, ...]:
    """A word without a number for each option; the same for the same, also of other variables."""
    words = tuple(map(_word, options))
    if len({*map(option_key, words)}) < len(
        options
    ):  # 3 and "3.0", or integers that no float tells apart
        return tuple(f"={option!r}".translate(_LETTERS) for option in options)
    return words


def _word(option: Option) -> Option:
    number = _number(option)
    if number is None and not isinstance(option, str):
        return option
    return f"={option if number is None else number!r}".translate(_LETTERS)


def mostly_ordered(space: SearchSpace) -> bool:
    """Return whether half of the variables or more have options in an order, constants aside.

    Example:
        >>> mostly_ordered(SearchSpace.from_choices({"width": [8, 16], "kind": ["conv", "skip"]}))
        True
    """
    sizes = _sizes_without_order(space)
    return 2 * len(sizes) <= int((space.n_options > 1).sum())


def soon_known(space: SearchSpace) -> bool:
    """Return whether a space is small, 100,000 rows at most, and most of it has no order.

    Some hundred of its networks then have near ones of all others among them.

    Example:
        >>> words = ["conv", "pool", "skip"]
        >>> cell = SearchSpace.from_choices({f"op_{i}": words for i in range(6)})
        >>> soon_known(cell), soon_known(SearchSpace.from_choices({"width": [8, 16]}))
        (True, False)
    """
    return space.size() <= _MAX_SOON_KNOWN and not mostly_ordered(space)


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
    return variable.is_number or _numbers(variable) is not None


def _levels_of_values(variable: Variable) -> FloatArray | None:
    if variable.is_number:
        return _levels(np.arange(variable.n_options))
    return _levels(np.array(_numbers(variable)))


def _numbers(variable: Variable) -> list[float] | None:
    """The numbers that the options are or say; `None` where one is another word."""
    numbers = [_number(option) for option in variable.options]
    if None not in numbers:
        return cast("list[float]", numbers)
    are_words = all(isinstance(option, str) for option in variable.options)
    if are_words and variable.n_options <= _MAX_NUMBERED_WORDS:
        return _numbers_within(cast("Sequence[str]", variable.options))
    return None


def _number(option: Option) -> float | None:
    if isinstance(option, str):
        return float(option) if _NUMERAL.fullmatch(option) else None
    is_number = isinstance(option, (bool, int, float)) and math.isfinite(option)
    return float(option) if is_number else None  # type: ignore[arg-type]


def _numbers_within(words: Sequence[str]) -> list[float] | None:
    """The one number in which words differ, as "3x3" and "5x5" do; `None` if there is none."""
    if len({tuple(_WITHIN.split(word)) for word in words}) > 1:
        return None
    found = np.array([[float(each) for each in _WITHIN.findall(word)] for word in words])
    differ = found[:, (found != found[0]).any(axis=0)]
    if not differ.shape[1] or (differ != differ[:, :1]).any():
        return None
    numbers: list[float] = differ[:, 0].tolist()
    return numbers


def _stem(variable: Variable) -> str:
    """The name, in which all numbers are alike."""
    return re.sub(r"\d+", "#", variable.name)


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
