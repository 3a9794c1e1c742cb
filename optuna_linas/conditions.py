"""Learning when a variable exists from evaluated architectures that have it and that lack it.

Define-by-run code suggests a parameter only in some trials, and so tells its condition without
declaring it. A condition is a set of allowed options for each of one to three parents.

Shapes: `n` architectures, `d` variables, `present` is `bool[n, d]`, `codes` is `int[n, d]` (any
value where a variable is absent).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray

__all__ = ["LearnedCondition", "learn_conditions"]

_MAX_PARENTS = 3
_MAX_UNORDERED = 64
"""Options above which a parent only explains an absence as a number: by an interval."""


@dataclass(frozen=True)
class LearnedCondition:
    """Variable `child` exists only where variable `parent` exists and has an allowed option.

    Attributes:
        child: Position of the conditional variable.
        parent: Position of the variable it depends on.
        allowed: Which options of the parent allow it, `bool[n_options[parent]]`.
    """

    child: int
    parent: int
    allowed: BoolArray


def learn_conditions(
    present: BoolArray, codes: IntArray, n_options: IntArray, is_number: BoolArray
) -> list[LearnedCondition]:
    """Return conditions that agree with every architecture.

    For each variable that is absent somewhere, every variable that is always there with it is a
    possible parent. Parents are taken greedily, the one that explains the most absences first
    (fewer options win ties, then order), until all absences are explained. Options never seen
    count as allowed, so that they get tried. A variable whose absences at most three parents do
    not explain gets no condition.

    Args:
        present: Which variables each architecture has.
        codes: Their option indices.
        n_options: Options per variable, `int[d]`.
        is_number: Which variables are ranges: one with many options allows an interval, not a set.

    Example:
        >>> codes = np.array([[0, 0], [1, 1], [1, 0], [0, 0]])
        >>> present = np.array([[1, 0], [1, 1], [1, 1], [1, 0]], dtype=bool)
        >>> (found,) = learn_conditions(present, codes, np.array([2, 2]), np.zeros(2, dtype=bool))
        >>> found.child, found.parent, found.allowed
        (1, 0, array([False,  True]))
    """
    conditions: list[LearnedCondition] = []
    codes = np.where(present, codes, 0)
    # What depends on the same, as all of a layer's variables do, is explained by the same.
    explained: dict[bytes, list[tuple[int, BoolArray]]] = {}
    for child in np.flatnonzero(~present.all(axis=0) & present.any(axis=0)).tolist():
        with_child = present[:, child]
        key = with_child.tobytes()
        if key not in explained:
            explained[key] = _explain(with_child, present, codes, n_options, is_number)
        conditions += [LearnedCondition(child, *needs) for needs in explained[key]]
    return conditions


def _explain(
    with_child: BoolArray,
    present: BoolArray,
    codes: IntArray,
    n_options: IntArray,
    is_number: BoolArray,
) -> list[tuple[int, BoolArray]]:
    """The parents, and the options of theirs, that let variables exist `with_child`, `bool[n]`."""
    candidates = []
    for parent in np.flatnonzero(present[with_child].all(axis=0)).tolist():
        without = present[:, parent] & ~with_child
        # A sibling that comes and goes together with the child explains nothing by its value.
        if not without.any():
            continue
        interval = bool(is_number[parent]) or n_options[parent] > _MAX_UNORDERED
        allowed = _allowed(
            codes[with_child, parent], codes[without, parent], int(n_options[parent]), interval
        )
        by_value = without & ~allowed[codes[:, parent]]
        if by_value.any():
            candidates.append((parent, allowed, by_value | ~(present[:, parent] | with_child)))
    return _cover(candidates, ~with_child, n_options)


def _cover(
    candidates: list[tuple[int, BoolArray, BoolArray]],
    absent: BoolArray,
    n_options: IntArray,
) -> list[tuple[int, BoolArray]]:
    """Greedy set cover of the absences by at most `_MAX_PARENTS` parents; none if that fails."""
    chosen: list[tuple[int, BoolArray]] = []
    unexplained = absent.copy()
    while unexplained.any() and len(chosen) < _MAX_PARENTS:
        gains = [
            (int((excluded & unexplained).sum()), -int(n_options[parent]), -parent)
            for parent, _, excluded in candidates
        ]
        if not gains or max(gains)[0] == 0:
            return []
        parent, allowed, excluded = candidates[gains.index(max(gains))]
        chosen.append((parent, allowed))
        unexplained &= ~excluded
    return [] if unexplained.any() else chosen


def _allowed(with_child: IntArray, without: IntArray, n: int, interval: bool) -> BoolArray:
    """Options of a parent that do not speak against the child, `bool[n]`."""
    seen = np.zeros(n, dtype=bool)
    seen[with_child] = True
    if not interval:
        allowed = np.ones(n, dtype=bool)
        allowed[without] = False
        return allowed | seen
    allowed = np.ones(n, dtype=bool)
    low, high = with_child.min(), with_child.max()
    below, above = without[without < low], without[without > high]
    if len(below):
        allowed[: below.max() + 1] = False
    if len(above):
        allowed[above.min() :] = False
    return allowed
