"""Which variables of a space exist in which architecture.

Shapes: `d` variables, `n` architectures, `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray

__all__ = ["Activity", "Requirement"]

Requirement = tuple[int, BoolArray]
"""A parent's position, and which of its options let the variable exist, `bool[n_options]`."""


class Activity:
    """Tells active variables from inactive ones, for all architectures at once.

    A search asks this tens of thousands of times, so the conditions are laid out as tables: one
    round per depth of the hierarchy, and per condition where a variable has several.

    Args:
        requirements: What each variable needs in order to exist; all must hold.
        order: The variables' positions, each after the variables that it depends on.

    Example:
        >>> needs_second = (0, np.array([False, True]))
        >>> Activity([[], [needs_second]], [0, 1])(np.array([[0, 0], [1, 0]]))
        array([[ True, False],
               [ True,  True]])
    """

    def __init__(self, requirements: Sequence[Sequence[Requirement]], order: Sequence[int]) -> None:
        depth = [0] * len(requirements)
        rounds: dict[tuple[int, int], list[tuple[int, int, BoolArray]]] = {}
        for child in order:
            needs = requirements[child]
            depth[child] = max((depth[parent] + 1 for parent, _ in needs), default=0)
            for k, (parent, allowed) in enumerate(needs):
                rounds.setdefault((depth[child], k), []).append((child, parent, allowed))
        self._rounds = []
        for key in sorted(rounds):
            children, parents, tables = zip(*rounds[key], strict=True)
            allowed = np.zeros((len(tables), max(map(len, tables))), dtype=bool)
            for i, table in enumerate(tables):
                allowed[i, : len(table)] = table
            offsets = np.arange(len(tables)) * allowed.shape[1]
            # Most variables depend on nothing but variables that always exist.
            is_first = key == (1, 0)
            self._rounds.append(
                (np.array(children), np.array(parents), allowed.ravel(), offsets, is_first)
            )

    def __call__(self, archs: IntArray) -> BoolArray:
        """Return which variables exist, `bool[n, d]`."""
        on = np.ones(archs.shape, dtype=bool)
        for children, parents, allowed, offsets, is_first in self._rounds:
            allows = allowed[archs[:, parents] + offsets]
            if not is_first:
                allows &= on[:, parents] & on[:, children]
            on[:, children] = allows
        return on
