"""Ranges of numbers that depend on what was chosen before, learned from trials.

Define-by-run code may ask for `suggest_int("m", 1, n)`. What is planned of `m` then becomes the
nearest value in the trial's range (see `optuna_linas.distributions.nearest`), so a row with a value
beyond it is the network of another row, and a search that does not know it repeats itself. Code
that is asked again with the same values asks for the same range. So what is known is the range for
all that was chosen before; and if the trials agree that one variable among those decides, the
range is known wherever that variable has the same value.

Shapes: `d` variables, rows are `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import chain

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
        exact: From which variables were chosen before, `bool[d]` as bytes, to their values as bytes
            to the range.
        parents: From each variable that may decide the range to its value to the range; `None`
            while there was no trial.
        n_trials: How many there were.
        n_before: The most variables that were chosen before.

    Example:
        >>> known = KnownRange(9)
        >>> for n, m in ((0, 0), (2, 1), (0, 0), (2, 2), (4, 3)):
        ...     known = known.knowing({0: n}, (0, n), n_variables=2)
        >>> known.clipped(np.array([[2, 8], [2, 1], [3, 8], [4, 8]]), 1).tolist()
        [2, 1, 8, 4]
    """

    def __init__(
        self,
        n_options: int,
        exact: Mapping[bytes, Mapping[bytes, Interval]] | None = None,
        parents: Mapping[int, Mapping[int, Interval]] | None = None,
        n_trials: int = 0,
        n_before: int = 0,
    ) -> None:
        self._n_options = n_options
        self._exact = exact or {}
        self._parents = parents
        self._n_trials = n_trials
        self.n_before = n_before

    def knowing(
        self, before: Mapping[int, int], interval: Interval, *, n_variables: int
    ) -> KnownRange:
        """Return what is known with one more trial.

        Args:
            before: The options of the variables that were chosen before, by position.
            interval: The range in the trial.
            n_variables: Of the space, `d`.
        """
        parents = self._parents
        if parents is None:
            parents = {j: {} for j in before}
        agreeing = {
            parent: {**ranges, before[parent]: interval}
            for parent, ranges in parents.items()
            if parent in before and ranges.get(before[parent], interval) == interval
        }
        mask = np.zeros(n_variables, dtype=bool)
        mask[list(before)] = True
        values = np.array([before[j] for j in sorted(before)], dtype=np.int64)
        exact = {key: dict(ranges) for key, ranges in self._exact.items()}
        # The last one counts: the code may have changed.
        exact.setdefault(mask.tobytes(), {})[values.tobytes()] = interval
        n_before = max(self.n_before, len(before))
        return KnownRange(self._n_options, exact, agreeing, self._n_trials + 1, n_before)

    @cached_property
    def parent(self) -> int | None:
        """The variable that decides the range, as far as trials have shown."""
        likely = [
            (len(ranges), -parent)
            for parent, ranges in (self._parents or {}).items()
            if len(set(ranges.values())) > 1 and self._n_trials - len(ranges) >= _LEAST_AGREEMENTS
        ]
        # The fewer values it has had, the more often it might have been wrong; else the latest.
        return -min(likely)[1] if likely else None

    def clipped(self, rows: IntArray, position: int) -> IntArray:
        """Return the options of the variable at `position`, moved into its range, `int[n]`."""
        if self.parent is not None:
            first, last = self._by_option
            at = np.minimum(rows[:, self.parent], len(first) - 1)
            clipped: IntArray = np.clip(rows[:, position], first[at], last[at])
            return clipped
        clipped = rows[:, position].copy()
        for key, ranges in self._exact.items():
            before: BoolArray = np.frombuffer(key, dtype=bool)
            for i, values in enumerate(np.ascontiguousarray(rows[:, before])):
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

    def key(self) -> object:
        """What tells two of them apart."""
        return sorted(chain.from_iterable(ranges.items() for ranges in self._exact.values()))
