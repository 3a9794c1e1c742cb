"""The first architectures: corners of the space, networks of one word, and rows spread between.

With sizes that are ordered, the smallest and the largest network span the front, and "this kind of
variable at its most, all others at their least" and the reverse tell apart what each kind is worth:
a surrogate learns more from them than from as many random rows, which all have average size.
NSGANetV2 (Lu et al. 2020) starts from the smallest and the largest too.

Shapes: `d` variables, `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.selection import filled_up
from optuna_linas.space import SearchSpace
from optuna_linas.structure import alike, option_levels, same_words

__all__ = ["has_corners", "startup"]

_MAX_SHARE_OF_CORNERS = 2 / 3
_SPREAD_WITHIN_GROUP = 0.25
_LEAST_SHARE_ALIKE = 0.5
"""Below this, variables are not sizes of layers but unlike settings, and corners tell little."""


def startup(space: SearchSpace, n: int, rng: np.random.Generator, *, taken: set[bytes]) -> IntArray:
    """Return up to `n` different canonical rows that are not `taken`, corners first.

    Two thirds at most are corners. In the others, each group of alike variables has a common level
    with some scatter, and variables without an order take each option equally often. A space
    in which less than half of the variables are alike has no corners. Where variables choose among
    the same words (`op_0`, `op_1`, ...), up to half are instead networks of one word throughout:
    they tell most of what an operation is worth.

    Args:
        space: The search space.
        n: How many rows.
        rng: The source of all randomness.
        taken: `row.tobytes()` of canonical rows that must not come again.

    Example:
        >>> space = SearchSpace.from_choices({"width_0": [8, 16, 32], "width_1": [8, 16, 32]})
        >>> startup(space, 2, np.random.default_rng(0), taken=set())
        array([[0, 0],
               [2, 2]])
    """
    groups = alike(space)
    rows = space.canonical(
        np.vstack(
            [_corners(space, groups, n, rng), _pure(space, n, rng), _spread(space, groups, n, rng)]
        )
    )
    chosen: dict[bytes, IntArray] = {}
    for row in rows:
        if len(chosen) < n and (key := row.tobytes()) not in taken:
            chosen.setdefault(key, row)
    first = np.array(list(chosen.values()), dtype=np.int64).reshape(-1, len(space))
    return filled_up(space, first, n, rng, taken=taken)


def has_corners(space: SearchSpace) -> bool:
    """Return whether half of the variables or more are ordered and have others like them.

    Example:
        >>> has_corners(SearchSpace.from_choices({"width_0": [8, 16], "width_1": [8, 16]}))
        True
    """
    n_alike = sum(len(group) for group in alike(space) if len(group) > 1)
    return n_alike >= _LEAST_SHARE_ALIKE * len(space)


def _corners(
    space: SearchSpace, groups: Sequence[IntArray], n: int, rng: np.random.Generator
) -> IntArray:
    """Smallest, largest, and per group this-only-large and this-only-small, `int[<= n, d]`."""
    smallest = _balanced(space, 1, rng)[0]
    largest = smallest.copy()
    for j, levels in enumerate(option_levels(space)):
        if levels is not None:
            smallest[j], largest[j] = int(np.argmin(levels)), int(np.argmax(levels))
    if not has_corners(space):
        return np.zeros((0, len(space)), dtype=np.int64)
    corners: list[IntArray] = [smallest, largest]
    for group in groups if len(groups) > 1 else []:
        for base, other in ((smallest, largest), (largest, smallest)):
            corner = base.copy()
            corner[group] = other[group]
            corners.append(corner)
    return np.stack(corners[: max(2, int(n * _MAX_SHARE_OF_CORNERS))])


def _pure(space: SearchSpace, n: int, rng: np.random.Generator) -> IntArray:
    """Per word that variables share, a row in which all that can take it do, `int[<= n / 2, d]`."""
    rows = [np.zeros((0, len(space)), dtype=np.int64)]
    for members in () if has_corners(space) else same_words(space):
        options = [space.variables[j].option_keys for j in members]
        words = dict.fromkeys(word for each in options for word in each)
        pure = _balanced(space, len(words), rng)
        for row, word in zip(pure, words, strict=True):
            for j, each in zip(members, options, strict=True):
                if word in each:
                    row[j] = each.index(word)
        rows.append(pure)
    found: IntArray = rng.permutation(np.concatenate(rows))[: n // 2]
    return found


def _spread(
    space: SearchSpace, groups: Sequence[IntArray], n: int, rng: np.random.Generator
) -> IntArray:
    """Rows whose groups have levels of their own, stratified over the rows, `int[n, d]`."""
    rows = _balanced(space, n, rng)
    all_levels = option_levels(space)
    for group in groups:
        common = (rng.permutation(n) + rng.random(n)) / n
        for j in group:
            levels = all_levels[j]
            assert levels is not None
            scatter = _SPREAD_WITHIN_GROUP * rng.normal(size=n) if len(group) > 1 else 0.0
            wanted = np.clip((common + scatter) * len(levels), 0, len(levels) - 1).astype(np.int64)
            rows[:, j] = np.argsort(levels)[wanted]
    return rows


def _balanced(space: SearchSpace, n: int, rng: np.random.Generator) -> IntArray:
    """Rows in which every variable takes its options equally often, `int[n, d]`."""
    rows = np.zeros((n, len(space)), dtype=np.int64)
    for j, n_options in enumerate(space.n_options):
        # From a random option on, so that one row alone is a random one.
        options = (np.arange(n) + rng.integers(n_options)) % n_options
        rows[:, j] = rng.permutation(options)
    return rows
