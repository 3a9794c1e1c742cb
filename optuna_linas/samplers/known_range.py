"""Ranges of numbers that depend on what else is chosen, learned from trials.

Define-by-run code may ask for `suggest_int("m", 1, n)`. What is planned of `m` then becomes the
nearest value in the trial's range (see `optuna_linas.distributions.nearest`), so a row with a value
beyond it is the network of another row, and a search that does not know it repeats itself. If the
trials agree that one variable decides the range, it is known wherever that variable has the same
value. Otherwise it is known where all other variables have the same values but those whose own
ranges vary. What was asked for first is not used: not every storage keeps the order.

Shapes: `d` variables, rows are `int[n, d]`; a range is told as what each option of the variable
becomes in it, `int[n_options]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from functools import cached_property

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray

__all__ = ["KnownRange"]

_LEAST_AGREEMENTS = 2
"""Trials that might have spoken against the variable that decides, and did not."""


class KnownRange:
    """What trials have shown of the range of one variable; told of one more, another object.

    Args:
        n_options: Of the variable.
        exact: From which variables were chosen, `bool[d]` as bytes, to their values as bytes to the
            range as bytes; `None` where trials do not agree.
        parents: From each variable that may decide the range to its value to the range; `None`
            while there was no trial.
        n_trials: How many there were.

    Example:
        >>> known = KnownRange(9)
        >>> for n, m in ((0, 0), (2, 1), (0, 0), (2, 2), (4, 3)):
        ...     becomes = np.minimum(np.arange(9), n)
        ...     known = known.knowing({0: n}, becomes, fixed={0}, n_variables=2)
        >>> known.moved(np.array([[2, 8], [2, 1], [3, 8], [4, 8]]), 1).tolist()
        [2, 1, 8, 4]
    """

    def __init__(
        self,
        n_options: int,
        exact: Mapping[bytes, Mapping[bytes, bytes | None]] | None = None,
        parents: Mapping[int, Mapping[int, bytes]] | None = None,
        n_trials: int = 0,
    ) -> None:
        self._n_options = n_options
        self._exact = exact or {}
        self._parents = parents
        self._n_trials = n_trials

    def knowing(
        self,
        others: Mapping[int, int],
        becomes: IntArray,
        *,
        fixed: Set[int],
        n_variables: int,
    ) -> KnownRange:
        """Return what is known with one more trial.

        Args:
            others: The options of the trial's other variables, by position.
            becomes: What each option becomes in the trial's range, `int[n_options]`.
            fixed: The variables whose own ranges have never varied.
            n_variables: Of the space, `d`.
        """
        told = becomes.astype(np.int64).tobytes()
        parents = self._parents
        if parents is None:
            parents = {j: {} for j in others}
        agreeing = {
            parent: {**ranges, others[parent]: told}
            for parent, ranges in parents.items()
            if parent in others and ranges.get(others[parent], told) == told
        }
        chosen = sorted(others.keys() & fixed)
        mask = np.zeros(n_variables, dtype=bool)
        mask[chosen] = True
        key = mask.tobytes()
        values = np.array([others[j] for j in chosen], dtype=np.int64).tobytes()
        agrees = self._exact.get(key, {}).get(values, told) == told
        if not agrees and not agreeing:
            # Nothing explains it but that the code has changed: what it was before is of no use.
            return KnownRange(self._n_options).knowing(
                others, becomes, fixed=fixed, n_variables=n_variables
            )
        exact = {**self._exact, key: {**self._exact.get(key, {}), values: told if agrees else None}}
        return KnownRange(self._n_options, exact, agreeing, self._n_trials + 1)

    @cached_property
    def parent(self) -> int | None:
        """The variable that decides the range, as far as trials have shown.

        The fewer values one has had, the more often it might have been wrong: of several that none
        was wrong, that with the fewest values, and the first of those.
        """
        likely = [
            (len(ranges), parent)
            for parent, ranges in (self._parents or {}).items()
            if len(set(ranges.values())) > 1 and self._n_trials - len(ranges) >= _LEAST_AGREEMENTS
        ]
        return min(likely)[1] if likely else None

    @cached_property
    def deciders(self) -> frozenset[int]:
        """The variables of which at least some options decide the range."""
        if self.parent is not None:
            return frozenset([self.parent])
        masks = [np.frombuffer(key, dtype=bool) for key in self._exact]
        return frozenset(int(j) for mask in masks for j in np.flatnonzero(mask))

    def decided(self) -> Iterator[tuple[list[int], list[tuple[list[int], IntArray]]]]:
        """Yield which variables decide the range, and what their options make of the variable's.

        Of some options of those variables, in their order, and what each option then becomes,
        `int[n_options]`.
        """
        if self.parent is not None:
            ranges = self._by_parent(self.parent).items()
            yield [self.parent], [([option], _options(told)) for option, told in ranges]
            return
        for key, told_by in self._exact.items():
            chosen: BoolArray = np.frombuffer(key, dtype=bool)
            yield (
                np.flatnonzero(chosen).tolist(),
                [
                    (_options(values).tolist(), _options(told))
                    for values, told in told_by.items()
                    if told is not None  # trials do not agree
                ],
            )

    def moved(self, rows: IntArray, position: int) -> IntArray:
        """Return the options of the variable at `position`, moved into its range, `int[n]`."""
        moved = rows[:, position].copy()
        if self.parent is not None:
            known = self._by_parent(self.parent)
            if len(rows) > len(known):
                table = self._by_option
                at = np.minimum(rows[:, self.parent], len(table) - 1)
                return np.asarray(table[at, moved])
            for i, option in enumerate(rows[:, self.parent].tolist()):
                if (told := known.get(option)) is not None:
                    moved[i] = _options(told)[moved[i]]
            return moved
        for key, ranges in self._exact.items():
            chosen: BoolArray = np.frombuffer(key, dtype=bool)
            if not chosen.any() and (told := ranges.get(b"")) is not None:
                moved = _options(told)[moved]  # whatever the others are
                continue
            for i, values in enumerate(np.ascontiguousarray(rows[:, chosen])):
                if (told := ranges.get(values.tobytes())) is not None:
                    moved[i] = _options(told)[moved[i]]
        return moved

    @cached_property
    def _by_option(self) -> IntArray:
        """What options become for each option of the parent, and in one more row for all beyond."""
        assert self.parent is not None
        ranges = self._by_parent(self.parent)
        table = np.tile(np.arange(self._n_options), (max(ranges) + 2, 1))
        for option, told in ranges.items():
            table[option] = _options(told)
        return table

    def _by_parent(self, parent: int) -> Mapping[int, bytes]:
        assert self._parents is not None
        return self._parents[parent]

    def __eq__(self, other: object) -> bool:
        # The number of trials, too: it says whether the likely parent is believed.
        return isinstance(other, KnownRange) and (
            (self._n_trials, self._exact, self._parents)
            == (other._n_trials, other._exact, other._parents)
        )

    __hash__ = None  # type: ignore[assignment]  # nobody needs it as a key


def _options(told: bytes) -> IntArray:
    return np.frombuffer(told, dtype=np.int64)
