"""A space that was inferred from trials, and knows of them what conditions do not explain.

Define-by-run code may ask for a parameter under any condition (`if a or b`, `if width * depth >
30`) and in any range (`suggest_int("m", 1, n)`), and a `SearchSpace` knows only conditions that are
a set of options for each parent. What it cannot explain it takes for always active and for always
in the whole range: then one network is many rows. But code that is asked again with the same values
asks for the same parameters in the same ranges. So every row that agrees with a trial in all that
the trial has is the trial's network, whatever it says of the rest; and a value beyond a range that
is known becomes the nearest one in it (see `known_range`).

Shapes: `d` variables, `archs` is `int[n, d]`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from optuna_linas.arrays import BoolArray, IntArray, row_bytes
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.samplers.known_range import KnownRange
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

__all__ = ["ObservedSpace"]


class ObservedSpace(SearchSpace):
    """A search space that knows of trials which lack what it says is active, or has as wider.

    Two are equal only if they know of the same trials and fix the same.

    Example:
        >>> plain = SearchSpace.from_choices({"a": [0, 1], "b": [0, 1], "c": [0, 1, 2]})
        >>> space = ObservedSpace(plain.variables).knowing([0, 0, 0], present=[True, True, False])
        >>> space.canonical([[0, 0, 2], [0, 1, 2]])  # without a and b there is no c
        array([[0, 0, 0],
               [0, 1, 2]])
        >>> space.decode([0, 0, 2])
        {'a': 0, 'b': 0}
    """

    _lacking: Mapping[bytes, Mapping[bytes, IntArray]] = {}
    """From the bytes of which variables are present to the bytes of their values to the row."""
    _ranges: Mapping[int, KnownRange] = {}
    """What is known of the ranges that depend on other variables."""
    _in_order: Sequence[int] = ()
    """Those variables, each after the ones that decide its range and whether it is there."""
    _fixed: Mapping[int, int] = {}
    """The options of those among them that nobody chooses; they are moved into ranges, too."""

    @classmethod
    def remembering(
        cls,
        variables: Sequence[Variable],
        absences: Iterable[tuple[BoolArray, IntArray]],
        ranges: Mapping[int, KnownRange],
    ) -> ObservedSpace:
        """Return the space that knows what another one's `absences` and `ranges` told.

        Args:
            variables: Of the space.
            absences: As `absences` yields them.
            ranges: From positions to what is known, each after the one that decides its range.
        """
        space = cls(variables)
        space._lacking = {
            has.tobytes(): dict(zip(row_bytes(rows[:, has]), space.canonical(rows), strict=True))
            for has, rows in absences
        }
        space._ranges, space._in_order = ranges, tuple(ranges)
        return space

    def absences(self) -> Iterator[tuple[BoolArray, IntArray]]:
        """Yield which variables some trials have and no others, `bool[d]`, and their rows."""
        for mask, rows in self._lacking.items():
            yield np.frombuffer(mask, dtype=bool), np.stack(list(rows.values()))

    def ranges(self) -> Iterator[tuple[int, KnownRange]]:
        """Yield variables and what is known of their ranges, parents first."""
        for j in self._in_order:
            yield j, self._ranges[j]

    def knowing(self, arch: ArrayLike, present: ArrayLike) -> ObservedSpace:
        """Return the space that knows of one more trial which lacks variables.

        Args:
            arch: The trial's row `int[d]`, any option where it has none.
            present: Which variables it has, `bool[d]`.
        """
        has = np.asarray(present, dtype=bool)
        row = super().canonical(np.asarray(arch)[None])[0]
        lacking = {mask: dict(rows) for mask, rows in self._lacking.items()}
        lacking.setdefault(has.tobytes(), {})[row[has].tobytes()] = row
        other = copy.copy(self)  # what depends on the variables alone stays as it is
        other._lacking = lacking
        return other

    def knowing_range(
        self, position: int, others: Mapping[int, int], becomes: IntArray, fixed: Set[int]
    ) -> ObservedSpace:
        """Return the space that knows of one more trial which range a variable has in it.

        Args:
            position: The variable's.
            others: The options of the trial's other variables, by position.
            becomes: What each of its options becomes in the range, `int[n_options]`.
            fixed: The variables whose own ranges have never varied.
        """
        known = self._ranges.get(position, KnownRange(self.variables[position].n_options))
        more = known.knowing(others, becomes, fixed=fixed, n_variables=len(self))
        other = copy.copy(self)
        other._ranges = {**self._ranges, position: more}
        other._in_order = _parents_first(other._ranges, other._ancestors)
        return other

    def fixing(self, position: int, option: int) -> ObservedSpace:
        """Return the space in which a variable has one option, or what its range makes of it.

        So each canonical row is one of this space, too, and the same network in both.

        Args:
            position: The variable's.
            option: The only one that it is to have.
        """
        # A range of which it is not clear what decides it moves no row, and so not the option.
        plain = KnownRange(self.variables[position].n_options)
        known = self._ranges[position] if position in self._in_order else plain
        other = copy.copy(self)
        other._fixed = {**self._fixed, position: option}
        other._ranges = {**self._ranges, position: known}
        other._in_order = _parents_first(other._ranges, other._ancestors)
        return other

    def with_variables(self, variables: Sequence[Variable]) -> ObservedSpace:
        """Return the space with other variables, of which the same is known; see `SearchSpace`."""
        other = ObservedSpace(variables)
        other._lacking, other._ranges, other._fixed = self._lacking, self._ranges, self._fixed
        other._in_order = _parents_first(other._ranges, other._ancestors)
        return other

    def __eq__(self, other: object) -> bool:
        if not super().__eq__(other):
            return False
        theirs = other if isinstance(other, ObservedSpace) else ObservedSpace([])
        known = self._keys(), self._ranges, self._fixed
        return known == (theirs._keys(), theirs._ranges, theirs._fixed)

    __hash__ = SearchSpace.__hash__

    def encode(self, params: Mapping[str, object]) -> IntArray:
        """Return the canonical row `int[d]` of `params`; see `SearchSpace.encode`."""
        try:
            row: IntArray = self._as_known(super().encode(params)[None])[0]
        except SpaceMismatchError:
            some = {variable.name: variable.options[0] for variable in self.variables}
            row = self._as_known(super().encode({**some, **params})[None])[0]
            missing = [name not in params for name in self.names]
            if (self.present(row[None])[0] & missing).any():
                raise
        return row

    def present(self, archs: ArrayLike) -> BoolArray:
        """Return which variables the network of each row has; see `SearchSpace.present`."""
        rows = self.canonical(archs)
        present = self.active(rows)
        for i, has, _ in self._lacking_among(rows):
            present[i] &= has
        return present

    def canonical(self, archs: ArrayLike) -> IntArray:
        """Return rows of which equal ones are equal networks, as far as trials have shown it."""
        return self._as_known(super().canonical(archs))

    def _as_known(self, rows: IntArray) -> IntArray:
        for j, known in self.ranges():
            chosen = rows
            if j in self._fixed:
                chosen = rows.copy()
                chosen[:, j] = self._fixed[j]
            # A variable that is not there has no range; and others may be there or not by this one.
            moved = np.where(self.active(rows)[:, j], known.moved(chosen, j), rows[:, j])
            if (moved != rows[:, j]).any():
                rows[:, j] = moved
                rows = super().canonical(rows)
        for i, _, row in self._lacking_among(rows):
            rows[i] = row
        return rows

    def _lacking_among(self, rows: IntArray) -> Iterator[tuple[int, BoolArray, IntArray]]:
        """Which rows are networks that lack variables: the row's place, what it has, the trial's.

        A row that is changed meanwhile is compared as it has become with what other trials lack.
        """
        for mask, known_rows in self._lacking.items():
            has: BoolArray = np.frombuffer(mask, dtype=bool)
            for i, values in enumerate(np.ascontiguousarray(rows[:, has])):
                if (row := known_rows.get(values.tobytes())) is not None:
                    yield i, has, row

    @cached_property
    def _ancestors(self) -> Sequence[Set[int]]:
        """The variables that decide whether each one is there, and those that decide it of them."""
        found: list[Set[int]] = [set() for _ in self.variables]
        for j in self.parents_first:
            parents = {parent for parent, _ in self.requirements(j)}
            found[j] = parents.union(*(found[parent] for parent in parents))
        return found

    def _keys(self) -> object:
        return {mask: set(rows) for mask, rows in self._lacking.items()}


def _parents_first(ranges: Mapping[int, KnownRange], ancestors: Sequence[Set[int]]) -> list[int]:
    """The variables with known ranges, each after the ones that decide its range or presence.

    So a row that has been moved into them all is in them all. Without those of which one decides
    the range of another that decides its own: trials will show which of them does not decide.
    """
    left, ordered = set(ranges), list[int]()
    waits_for = {j: known.deciders | ancestors[j] for j, known in ranges.items()}
    while able := sorted(j for j in left if ranges[j].parent not in left):
        # What waits for itself some other way goes on as soon as its range is decided.
        ready = [j for j in able if left.isdisjoint(waits_for[j])] or able[:1]
        ordered += ready
        left.difference_update(ready)
    return ordered
