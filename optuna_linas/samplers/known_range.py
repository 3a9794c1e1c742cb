"""Ranges of numbers that depend on what else is chosen, learned from trials.

Define-by-run code may ask for `suggest_int("m", 1, n)`. What is planned of `m` then becomes the
nearest value in the trial's range (see `optuna_linas.distributions.nearest`), so a row with a value
beyond it is the network of another row, and a search that does not know it repeats itself. If the
trials agree that one variable decides the range, it is known wherever that variable has the same
value. Otherwise it is known where all other variables have the same values but those whose own
ranges vary. What was asked for first is not used: not every storage keeps the order.

Shapes: `d` variables, rows are `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import cached_property

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray

__all__ = ["Interval", "KnownRange"]

Interval = tuple[int, int]
"""The first and the last of a variable's options that lie in its range."""

_LEAST_AGREEMENTS = 2
"""Trials that might have spoken against the variable that decides, and did not."""


class KnownRange:
    """What trials have shown of the range of one variable; told of one more, another object.

    Args:
        n_options: Of the variable.
        exact: From which variables were chosen, `bool[d]` as bytes, to their values as bytes to the
            range; `None` where trials do not agree.
        parents: From each variable that may decide the range to its value to the range; `None`
            while there was no trial.
        n_trials: How many there were.

    Example:
        >>> known = KnownRange(9)
        >>> for n, m in ((0, 0), (2, 1), (0, 0), (2, 2), (4, 3)):
        ...     known = known.knowing({0: n}, (0, n), fixed={0}, n_variables=2)
        >>> known.clipped(np.array([[2, 8], [2, 1], [3, 8], [4, 8]]), 1).tolist()
        [2, 1, 8, 4]
    """

    def __init__(
        self,
        n_options: int,
        exact: Mapping[bytes, Mapping[bytes, Interval | None]] | None = None,
        parents: Mapping[int, Mapping[int, Interval]] | None = None,
        n_trials: int = 0,
    ) -> None:
        self._n_options = n_options
        self._exact = exact or {}
        self._parents = parents
        self._n_trials = n_trials

    def knowing(
        self,
        others: Mapping[int, int],
        interval: Interval,
        *,
        fixed: Set[int],
        n_variables: int,
    ) -> KnownRange:
        """Return what is known with one more trial.

        Args:
            others: The options of the trial's other variables, by position.
            interval: The range in the trial.
            fixed: The variables whose own ranges have never varied.
            n_variables: Of the space, `d`.
        """
        parents = self._parents
        if parents is None:
            parents = {j: {} for j in others}
        agreeing = {
            parent: {**ranges, others[parent]: interval}
            for parent, ranges in parents.items()
            if parent in others and ranges.get(others[parent], interval) == interval
        }
        chosen = sorted(others.keys() & fixed)
        mask = np.zeros(n_variables, dtype=bool)
        mask[chosen] = True
        values = np.array([others[j] for j in chosen], dtype=np.int64).tobytes()
        exact = dict(self._exact)
        ranges_of = dict(exact.get(mask.tobytes(), {}))
        ranges_of[values] = interval if ranges_of.get(values, interval) == interval else None
        exact[mask.tobytes()] = ranges_of
        return KnownRange(self._n_options, exact, agreeing, self._n_trials + 1)

    @cached_property
    def parent(self) -> int | None:
        """The variable that decides the range, as far as trials have shown."""
        likely = [
            (len(ranges), parent)
            for parent, ranges in (self._parents or {}).items()
            if len(set(ranges.values())) > 1 and self._n_trials - len(ranges) >= _LEAST_AGREEMENTS
        ]
        # The fewer values it has had, the more often it might have been wrong.
        return min(likely)[1] if likely else None

    def clipped(self, rows: IntArray, position: int) -> IntArray:
        """Return the options of the variable at `position`, moved into its range, `int[n]`."""
        if self.parent is not None:
            first, last = self._by_option
            at = np.minimum(rows[:, self.parent], len(first) - 1)
            clipped: IntArray = np.clip(rows[:, position], first[at], last[at])
            return clipped
        clipped = rows[:, position].copy()
        for key, ranges in self._exact.items():
            chosen: BoolArray = np.frombuffer(key, dtype=bool)
            for i, values in enumerate(np.ascontiguousarray(rows[:, chosen])):
                if (interval := ranges.get(values.tobytes())) is not None:
                    clipped[i] = min(max(clipped[i], interval[0]), interval[1])
        return clipped

    @cached_property
    def _by_option(self) -> tuple[IntArray, IntArray]:
        """The first and last options for each option of the parent; one more for all beyond."""
        assert self.parent is not None
        assert self._parents is not None
        ranges = self._parents[self.parent]
        first = np.zeros(max(ranges) + 2, dtype=np.int64)
        last = np.full(max(ranges) + 2, self._n_options - 1)
        for option, interval in ranges.items():
            first[option], last[option] = interval
        return first, last

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KnownRange) and (
            (self._exact, self._parents) == (other._exact, other._parents)
        )

    __hash__ = None  # type: ignore[assignment]  # nobody needs it as a key
