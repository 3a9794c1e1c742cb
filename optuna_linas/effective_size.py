"""The number of different networks in a conditional space.

Rows that differ only in what is inactive are one network.

Shapes: `d` variables; a condition is (parent position, allowed[option index]).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optuna_linas.arrays import BoolArray, IntArray

__all__ = ["Conditions", "effective_size"]

Conditions = Sequence[Sequence[tuple[int, BoolArray]]]
"""The conditions of each variable; all of a variable's must hold."""

_MAX_STATES = 1 << 16


def effective_size(
    names: Sequence[str], n_options: IntArray, conditions: Conditions, order: Sequence[int]
) -> int:
    """Return the number of different networks.

    Args:
        names: The variables' names, for errors.
        n_options: Options per variable, `int[d]`.
        conditions: The conditions of each variable.
        order: The variables, parents before children.

    Raises:
        ValueError: Variables with several parents depend on one another in more than 2^16 ways at
            a time.
    """
    count = _Count(names, n_options, conditions, order)
    total = 1
    for component in count.components():
        total *= count.component_size(component)
    return total


class _Count:
    def __init__(
        self,
        names: Sequence[str],
        n_options: IntArray,
        conditions: Conditions,
        order: Sequence[int],
    ) -> None:
        self.names, self.n_options = names, n_options
        self._conditions, self._order = conditions, order

    def components(self) -> list[list[int]]:
        """Variables linked by conditions, each group in topological order."""
        group = list(range(len(self._conditions)))
        for j in self._order:
            for parent, _ in self._conditions[j]:
                old, new = group[j], group[parent]
                group = [new if g == old else g for g in group]
        return [[j for j in self._order if group[j] == g] for g in sorted(set(group))]

    def component_size(self, component: list[int]) -> int:
        if all(len(self._conditions[j]) <= 1 for j in component):
            return self._tree_size(component)
        return self._graph_size(component)

    def _tree_size(self, component: list[int]) -> int:
        """Networks of a tree of conditions: each parent's option multiplies what it allows."""
        # Of each variable, for each of its options: the networks below it.
        below = {j: [1] * int(self.n_options[j]) for j in component}
        for j in reversed(component):
            for parent, allowed in self._conditions[j]:
                size = sum(below[j])
                below[parent] = [
                    total * (size if is_allowed else 1)
                    for total, is_allowed in zip(below[parent], allowed.tolist(), strict=True)
                ]
        return sum(below[component[0]])

    def _graph_size(self, component: list[int]) -> int:
        """Networks where variables have several parents.

        Variables are taken in order, and the rows so far are counted by the options of those
        that a later one still depends on (-1 for inactive): rows that agree on these have the same
        future. Options that all children treat alike count as one.
        """
        order = self._parents_just_before_children(component)
        last_use = {p: at for at, j in enumerate(order) for p, _ in self._conditions[j]}
        columns: list[int] = []
        states: Counter[tuple[int, ...]] = Counter({(): 1})
        for at, j in enumerate(order):
            options = self._distinguished_options(j)
            rules = [(columns.index(p), allowed.tolist()) for p, allowed in self._conditions[j]]
            columns.append(j)
            keep = [k for k, p in enumerate(columns) if last_use.get(p, -1) > at]
            columns = [columns[k] for k in keep]
            after: Counter[tuple[int, ...]] = Counter()
            for state, count in states.items():
                exists = all(state[k] >= 0 and allowed[state[k]] for k, allowed in rules)
                for option, multiplicity in options if exists else [(-1, 1)]:
                    longer = (*state, option)
                    after[tuple(longer[k] for k in keep)] += count * multiplicity
            if len(after) > _MAX_STATES:
                raise ValueError(
                    f"The effective size needs more than {_MAX_STATES} combinations of "
                    f"{[self.names[p] for p in columns]}."
                )
            states = after
        return states.total()

    def _parents_just_before_children(self, component: list[int]) -> list[int]:
        """The component in an order in which few variables have children still to come."""
        order: dict[int, None] = {}
        for j in component:  # topological: only a parent without conditions may be missing
            if self._conditions[j]:
                order |= dict.fromkeys([p for p, _ in self._conditions[j]] + [j])
        return list(order)

    def _distinguished_options(self, j: int) -> list[tuple[int, int]]:
        """One option for each way in which children treat the options of `j`, and how many do."""
        masks = [
            allowed
            for conditions in self._conditions
            for parent, allowed in conditions
            if parent == j
        ]
        kinds: dict[bytes, list[int]] = {}
        for option in range(int(self.n_options[j])):
            kinds.setdefault(bytes(bool(mask[option]) for mask in masks), []).append(option)
        return [(options[0], len(options)) for options in kinds.values()]
