"""The attempts at the steps of a population, each read once however long the search gets.

A trial that has finished does not change any more: what it says is kept, and the next reader begins
with the first one that was still running. This is a cache: a process that starts fresh reads all
trials once and then knows the same.
"""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.assignment import Assignment, Holder
from optuna_linas.population_plan import PopulationPlan

__all__ = ["Attempts", "Place", "attempts_of"]

Place: TypeAlias = tuple[int, int]
"""A step: its generation and its slot."""


class Attempts:
    """What the finished trials of one study say of its population.

    Attributes:
        longest_epoch_s: The most that an epoch of a complete trial took, `None` before any has.
    """

    def __init__(self) -> None:
        self.longest_epoch_s: float | None = None
        self._by_generation: dict[int, dict[int, list[FrozenTrial]]] = {}
        self._n_seen = 0
        self._open: list[int] = []
        self._first: FrozenTrial | None = None
        self._begun: dict[Holder, _Begun] = {}
        self._settled: dict[int, int] = {}
        self._plan: PopulationPlan | None = None
        self._lock = threading.Lock()

    def update(self, trials: Sequence[FrozenTrial]) -> dict[Place, list[FrozenTrial]]:
        """Take in what has finished, and return the attempts of trials that have not.

        Args:
            trials: All trials of the study, in the order of their numbers.
        """
        with self._lock:
            running: dict[Place, list[FrozenTrial]] = {}
            still_open = []
            for number in (*self._open, *range(self._n_seen, len(trials))):
                if number >= len(trials):  # another thread has read more
                    still_open.append(number)
                    continue
                trial = trials[number]
                own = Assignment.of(trial)
                if trial.state.is_finished():
                    self._first = self._first or trial
                    if own is not None:
                        self._take_in(trial, own)
                    continue
                still_open.append(number)
                if own is not None:
                    running.setdefault((own.generation, own.slot), []).append(trial)
            self._open, self._n_seen = still_open, max(self._n_seen, len(trials))
            return running

    def is_of(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether the trials are those that were read; storages use ids of deleted ones again."""
        first = self._first
        if first is None:
            return not self._n_seen
        if first.number >= len(trials):
            return False
        seen = trials[first.number]
        return (seen._trial_id, seen.datetime_complete) == (
            first._trial_id,
            first.datetime_complete,
        )

    def at(self, place: Place) -> Sequence[FrozenTrial]:
        """Return the finished attempts at a step, in the order in which they were read."""
        generation, slot = place
        return self._by_generation.get(generation, {}).get(slot, ())

    def since(self, generation: int) -> Iterator[Place]:
        """Yield the steps from a generation on that somebody has finished an attempt at."""
        if not self._by_generation:
            return
        for each in range(max(generation, 0), max(self._by_generation) + 1):
            for slot in list(self._by_generation.get(each, ())):
                yield each, slot

    def begun_before(self, holder: Holder, number: int) -> float:
        """Return when a process last began with a finished trial of a lower number.

        By its own clock; minus infinity if it never has.
        """
        with self._lock:
            begun = self._begun.get(holder)
            return float("-inf") if begun is None else begun.before(number)

    def n_settled(self, slot: int, plan: PopulationPlan) -> int:
        """Return how many steps of a slot are known to be settled by the rules of a plan."""
        return self._settled.get(slot, 0) if plan == self._plan else 0

    def settle(self, slot: int, n: int, plan: PopulationPlan) -> None:
        """Keep how many steps of a slot are settled: that stays so, for finished trials decide."""
        if plan != self._plan:
            self._plan, self._settled = plan, {}
        self._settled[slot] = n

    def _take_in(self, trial: FrozenTrial, own: Assignment) -> None:
        generation = self._by_generation.setdefault(own.generation, {})
        generation.setdefault(own.slot, []).append(trial)
        self._begun.setdefault(own.holder, _Begun()).add(trial.number, own.since - own.waited_s)
        if trial.state == TrialState.COMPLETE and trial.duration is not None:
            epoch_s = (trial.duration.total_seconds() - own.waited_s) / own.n_epochs
            self.longest_epoch_s = max(epoch_s, self.longest_epoch_s or epoch_s)


class _Begun:
    """When a process began with its trials: numbers in order, and the latest time up to each."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._latest: list[float] = []

    def add(self, number: int, time_s: float) -> None:
        i = bisect_left(self._numbers, number)
        before = self._latest[i - 1] if i else float("-inf")
        self._numbers.insert(i, number)
        self._latest.insert(i, max(before, time_s))
        # Few: trials end about in the order in which they began.
        for j in range(i + 1, len(self._latest)):
            self._latest[j] = max(self._latest[j], time_s)

    def before(self, number: int) -> float:
        i = bisect_left(self._numbers, number)
        return self._latest[i - 1] if i else float("-inf")


_known: weakref.WeakKeyDictionary[BaseStorage, dict[int, Attempts]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def attempts_of(study: Study, trials: Sequence[FrozenTrial]) -> Attempts:
    """Return what this process has read of a study; nothing, the first time.

    Args:
        study: The study.
        trials: All its trials, in the order of their numbers.
    """
    with _lock:
        studies = _known.setdefault(study._storage, {})
        found = studies.get(study._study_id)
        if found is None or not found.is_of(trials):
            found = studies[study._study_id] = Attempts()
        return found
