"""Whose turn it is to plan: of the workers that find a batch used up, one plans, the others wait.

Storages have no lock and no compare-and-set for a study's attributes, but what a trial has written
is seen by whoever reads later. That is enough for the one-bit algorithm of mutual exclusion (Burns
and Lynch, "Bounds on shared memory for mutual exclusion", Information and Computation 107, 1993,
after Lamport): a trial writes its *mark* and reads the others' afterwards. Who sees a mark of a
lower number takes its own back and waits, who sees one of a higher number waits until that one has
planned or taken its mark back, and who sees none plans. Of two trials, the one that wrote its mark
later sees the other's: never do both plan. Numbers of trials differ, so one always gets on.

A mark names the plan that it is to replace. Once a new plan is stored all marks that led to it are
void, and need not be taken back; a trial that needs no new plan after all, because a place of the
old one has become free, takes its mark back. Nobody waits for a trial that has ended, nor for a
worker that is known to be dead (its process is gone from this machine); for any other, `PATIENCE_S`
at the most, by the clock of the one who waits.

Only one thing is left to chance: a worker that is taken for dead and is not (it plans for longer
than `PATIENCE_S`). It looks whether another has planned before it writes. If it is held up once
more in between, its plan replaces the other's, and each worker may measure one row of the plan that
was replaced, before it sees claims of the new one. No row is measured twice then either.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.assignment import Holder
from optuna_linas.samplers.liveness import is_known_dead, this_process
from optuna_linas.samplers.plan import stored_text
from optuna_linas.stored_json import explained, parsed, string, whole_number

__all__ = ["PATIENCE_S", "Mark", "Turn", "mark_of", "stamp_of"]

PATIENCE_S = 60.0
"""How long a worker on another machine is believed to be planning; it takes about a second."""
_MAX_WAIT_S = 600.0
"""After which a trial plans in any case: no wait is unbounded."""
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 1.0
_LOOK_S = 2.0
"""How long who waits looks for a new plan only: to read all trials costs far more on a database."""


@dataclass(frozen=True)
class Mark:
    """What a trial says when it is about to plan.

    Attributes:
        number: The trial's number; a copy of the mark on another trial does not count.
        replaced: `stamp_of` the plan that is to be replaced.
        holder: The worker.
    """

    number: int
    replaced: str
    holder: Holder

    def dumps(self) -> str:
        """Return it as JSON."""
        holder = self.holder
        return json.dumps(
            [self.number, self.replaced, holder.machine, holder.pid, holder.started],
            separators=(",", ":"),
        )

    @staticmethod
    def loads(text: str) -> Mark:
        """Read what `dumps` wrote.

        Raises:
            ValueError: It is something else.
        """
        fields = parsed(text, "A trial's mark", list)
        with explained("A trial's mark"):
            number, replaced, machine, pid, started = fields
            holder = Holder(string(machine), whole_number(pid), string(started))
            return Mark(whole_number(number), string(replaced), holder)


def mark_of(trial: FrozenTrial, key: str) -> Mark | None:
    """Return the mark of a trial; `None` if it has none of its own.

    Args:
        trial: The trial.
        key: Prefix of the sampler's attributes.
    """
    text = trial.system_attrs.get(_key_of(key))
    if not text:
        return None
    mark = Mark.loads(text)
    return mark if mark.number == trial.number else None


def stamp_of(plan: str | None) -> str:
    """Return a short name of a stored plan, "" for none.

    Example:
        >>> stamp_of(None), stamp_of('{"batch":0}')
        ('', '7b1c235191f9')
    """
    return "" if plan is None else hashlib.blake2b(plan.encode(), digest_size=6).hexdigest()


class Turn:
    """A trial's way to its turn. As a context it takes back a mark that no new plan has made void.

    Args:
        key: Prefix of the sampler's attributes.
        study: The study.
        trial: The trial that needs a plan.
        warn: Called with a message if somebody is waited for in vain.
        clock, sleep: Seconds, and how to let some pass.
    """

    def __init__(
        self,
        key: str,
        study: Study,
        trial: FrozenTrial,
        warn: Callable[[str], None],
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._key, self._study, self._trial, self._warn = key, study, trial, warn
        self._clock, self._sleep = clock or time.monotonic, sleep or time.sleep
        self._wanted: str | None = None
        self._mark: str | None = None
        self._current: str | None = None
        self._is_waiting = False
        self._pause_s = 0.0
        self._since_s: float | None = None
        self._entered_s = 0.0
        self._first_seen: dict[Mark, float] = {}
        self._given_up: set[Mark] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None or self._mark == self._current:
            self._take_back()

    def is_new(self, plan: str | None) -> bool:
        """Whether a plan has come since this trial first found that one was needed."""
        if self._wanted is None:
            return False
        self._current = stamp_of(plan)
        return self._current != self._wanted

    def comes(self, plan: str | None, marks: Mapping[int, Mark]) -> bool:
        """Whether the trial is to plan now; if not, call `pause` and read everything again.

        Args:
            plan: The stored plan that is used up, read after `marks`.
            marks: Of other running trials, by number, read since the last call.
        """
        stamp = self._current = stamp_of(plan)
        if self._wanted is None:
            self._wanted = stamp
        now = self._entered_s = self._clock()
        others = [mark for mark in marks.values() if self._counts(mark, stamp, now)]
        is_mine = not others and self._mark == stamp
        if is_mine or (self._since_s is not None and now - self._since_s > _MAX_WAIT_S):
            self._is_waiting, self._pause_s = False, 0.0
            self._current = None  # It will be replaced.
            return True
        self._is_waiting = True
        if not others:
            self._mark, self._pause_s = stamp, 0.0  # first: what interrupts the writing is told
            self._write(Mark(self._trial.number, stamp, this_process()).dumps())
            return False  # Those who did the same at this moment must be seen.
        if self._since_s is None:
            self._since_s = now
        if any(mark.number < self._trial.number for mark in others):
            self._take_back()
        self._pause_s = max(_FIRST_PAUSE_S, self._pause_s)
        return False

    def pause(self) -> bool:
        """Let others go on, if `comes` has said no; return whether it has since the last call.

        It ends once another plan is stored, or when it is time to see whether those who are waited
        for are still planning.
        """
        has_waited, self._is_waiting = self._is_waiting, False
        slept_s = 0.0
        # Who has a mark may be the one to plan: those it waits for take theirs back at any moment.
        look_s = _FIRST_PAUSE_S if self._mark == self._current else _LOOK_S
        while has_waited and self._pause_s and slept_s < look_s:
            self._sleep(self._pause_s)
            slept_s += self._pause_s
            if stamp_of(stored_text(self._study, self._key)) != self._current:
                break
            self._pause_s = min(2 * self._pause_s, _MAX_PAUSE_S)
        return has_waited

    def is_overdue(self) -> bool:
        """Whether the trial has been planning for so long that others may not wait for it."""
        return self._clock() - self._entered_s > PATIENCE_S / 2

    def _counts(self, mark: Mark, stamp: str, now: float) -> bool:
        """Whether a mark is to be waited for."""
        if mark.replaced != stamp or mark in self._given_up or is_known_dead(mark.holder):
            return False
        waited_s = now - self._first_seen.setdefault(mark, now)
        if waited_s <= PATIENCE_S:
            return True
        self._given_up.add(mark)
        self._warn(
            f"Trial {self._trial.number} has waited {waited_s:.0f} s for the batch that trial "
            f"{mark.number} plans (process {mark.holder.pid}), and goes on without it."
        )
        return False

    def _take_back(self) -> None:
        if self._mark is not None:
            self._write(None)
            self._mark = None

    def _write(self, value: str | None) -> None:
        storage = self._study._storage
        storage.set_trial_system_attr(self._trial._trial_id, _key_of(self._key), value)


def _key_of(key: str) -> str:
    return f"{key}:planning"
