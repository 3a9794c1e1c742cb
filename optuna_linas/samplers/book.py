"""What a study's trials say of the plan: claims, and the architectures that are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.samplers.fixed_outside import narrowed
from optuna_linas.samplers.opening import agrees, may_become
from optuna_linas.samplers.plan import Claim, Note, ReadablePlan
from optuna_linas.samplers.quality import Outcome, is_due
from optuna_linas.samplers.rows import names_key, rows_to_archs
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.samplers.turn import Mark
from optuna_linas.space import SearchSpace

__all__ = [
    "ENQUEUED",
    "OPENING",
    "Book",
    "Identity",
    "View",
    "archs_of",
    "identity_of",
    "is_of",
    "running_identity",
]

ENQUEUED: Note = {"enqueued": True}
"""The note of a claim on what somebody else has decided in part: it is in no plan."""

Identity = bytes | tuple[int, int]
"""What makes two claims one: the architecture, or (batch, slot) where the space does not tell."""

_LONGER = 3
"""Times the longest trial: after that a worker has probably died, and nobody has been told."""

OPENING = -1
"""In place of the batch where the space was not known, see `opening`: the slot is in no plan."""


class Claims:
    """Claims, and what makes each of them one; found out once for a space."""

    def __init__(self) -> None:
        self._claims: list[Claim] = []
        # For the last two spaces: the study's, and the one with what is fixed around a trial.
        self._told: list[tuple[SearchSpace | None, list[Identity]]] = []

    def append(self, claim: Claim) -> None:
        """Add one."""
        self._claims.append(claim)

    def identities(self, space: SearchSpace | None) -> list[Identity]:
        """Return `identity_of` each claim."""
        told = next((told for known, told in self._told if known is space), None)
        if told is None:
            told = []
            self._told = [*self._told[-1:], (space, told)]
        if new := self._claims[len(told) :]:
            told += identities_of(new, space)
        return told

    def of(self, space: SearchSpace | None) -> list[Identity]:
        """Return those of the claims whose rows are of the space."""
        pairs = zip(self._claims, self.identities(space), strict=True)
        return [identity for claim, identity in pairs if is_of(claim, space)]


class Book:
    """What one study's trials say of the plan; a cache, rebuilt from them at any time."""

    def __init__(self, table: TrialTable) -> None:
        self.table = table
        # Places that were seen taken, those of running trials too; outcomes that the record of
        # predictions was last written with; the longest that a complete trial has taken; and how
        # often the space had been inferred when the claims were entered.
        self.n_seen: Counter[int] = Counter()
        self.n_recorded = 0
        self.longest = timedelta()
        self.n_inferred = 0
        self.plan: ReadablePlan | None = None
        self._narrowed: tuple[SearchSpace, Mapping[str, Any], SearchSpace] | None = None
        self.clear()

    def clear(self) -> None:
        """Forget what the claims of finished trials came to."""
        # Claims by batch, those of them that keep their place, claims that their parameters do not
        # tell (they ended half-way, or claimed but a slot), those of them that failed, claims that
        # became another architecture (the objective or a wrapping sampler did not take all), and
        # claims whose trials the declared space does not have, as where a part is asked for; and
        # what was measured of those that had a note.
        self.n_claims: Counter[int] = Counter()
        self.n_places: Counter[int] = Counter()
        self.partial = Claims()
        self.failed: dict[int, Claim] = {}
        self.missed = Claims()
        self.outside = Claims()
        self.outcomes: list[Outcome] = []

    def space_for(self, fixed: Mapping[str, Any]) -> SearchSpace | None:
        """Return the space with some parameters fixed, the same object while the table's is."""
        space = self.table.space
        if space is None or not fixed:
            return space
        known = self._narrowed
        if known is None or known[0] is not space or known[1] != fixed:
            known = self._narrowed = space, fixed, narrowed(space, fixed)
        return known[2]

    def time(self, trial: FrozenTrial) -> None:
        """Heed how long a finished trial has taken."""
        if trial.state == TrialState.COMPLETE and trial.duration is not None:
            self.longest = max(self.longest, trial.duration)

    def failures(self) -> dict[bytes, int]:
        """What is known to have failed by nothing but its claim, with the trial's number."""
        space = self.table.space
        found = {
            identity_of(claim, space): number
            for number, claim in self.failed.items()
            if is_of(claim, space)
        }
        return {key: number for key, number in found.items() if isinstance(key, bytes)}

    def may_live(self, trial: FrozenTrial, me: FrozenTrial) -> bool:
        """Whether a running trial may still have a worker, as far as its age tells one of them."""
        if trial.datetime_start is None or me.datetime_start is None:
            return False
        return me.datetime_start - trial.datetime_start <= _LONGER * self.longest

    def is_record_due(self, n_more: int = 0) -> bool:
        """Whether enough was measured since the record of predictions was written."""
        n_new = len(self.outcomes) + n_more - self.n_recorded
        return is_due(n_new, len(self.n_claims))

    def heed(self, claim: Claim) -> None:
        """Forget the plan if a claim tells that another one has been stored since it was read."""
        if self.plan is not None and not self.plan.explains(claim):
            self.plan = None


@dataclass
class View:
    """A study as one read of its trials shows it to the worker that runs one of them.

    `space` is what the trial may become: the table's, or narrower (see `fixed_outside`);
    `n_running` are the other trials that run and may have a worker, `running` what all that run or
    wait measure;
    `vague` are the parameters so far of running trials that began before the space was known, and
    `begun` those of all running trials that have any, where the space is inferred;
    `marks` are those of other running trials, see `turn`.
    """

    table: TrialTable
    space: SearchSpace | None
    running: list[Identity | None]
    taken: set[Identity]
    missed: set[Identity]
    n_claims: Counter[int]
    n_places: Counter[int]
    n_ahead: int
    n_running: int
    vague: list[Mapping[str, Any]]
    begun: list[Mapping[str, Any]]
    marks: dict[int, Mark]

    def may_be_running(self, archs: IntArray) -> BoolArray:
        """Which of `archs` `int[n, d]` a running trial of unknown architecture may turn out to be.

        Those of which too little is known to tell look themselves before they become anything.
        """
        may = np.zeros(len(archs), dtype=bool)
        if self.table.space is not None:
            for params in self.vague:
                may |= may_become(self.table.space, params, archs)
        return may

    def clearest(self, archs: IntArray, batch: int) -> IntArray:
        """Which of `archs` `int[n, d]` are the least likely to be measured already, `int[k]`.

        In batch 0 an inferred space may have conditions that no complete trial has shown. Then rows
        that differ in nothing but what a running trial has not asked for may be one network.
        """
        clear = np.flatnonzero(~self.may_be_running(archs))
        if batch == 0 and self.table.space is not None:
            may = np.zeros(len(archs), dtype=bool)
            for params in self.begun:
                may |= agrees(self.table.space, params, archs)
            clearer = clear[~may[clear]]
            clear = clearer if len(clearer) else clear
        return clear if len(clear) else np.arange(len(archs))


def archs_of(identities: Iterable[Identity | None], space: SearchSpace) -> IntArray:
    """The architectures among identities, `int[k, d]`."""
    known = b"".join(sorted(key for key in identities if isinstance(key, bytes)))
    return np.frombuffer(known, dtype=np.int64).reshape(-1, len(space))


def identity_of(claim: Claim, space: SearchSpace | None) -> Identity:
    """What makes two claims one: the architecture, or the slot where there is no space yet."""
    return identities_of([claim], space)[0]


def identities_of(claims: Sequence[Claim], space: SearchSpace | None) -> list[Identity]:
    """`identity_of` each claim, read together."""
    rows = [claim.row for claim in claims if is_of(claim, space)]
    archs = iter([] if space is None else rows_to_archs(space, space.names, rows))
    found = [next(archs) if is_of(claim, space) else None for claim in claims]
    pairs = zip(claims, found, strict=True)
    return [_place_of(claim) if arch is None else arch.tobytes() for claim, arch in pairs]


def is_of(claim: Claim, space: SearchSpace | None) -> bool:
    """Whether the values of a claim's row are those of a space's variables."""
    return space is not None and claim.names_key == names_key(space.names)


def running_identity(
    trial: FrozenTrial, claim: Claim | None, space: SearchSpace | None
) -> Identity | None:
    """What a running trial measures; `None` while nobody can tell.

    A trial that was enqueued claims nothing, and one that began before the space was known claims
    but a slot; then its parameters tell.
    """
    if claim is not None and claim.row:
        return identity_of(claim, space)
    if space is not None:
        with suppress(SpaceMismatchError):
            fixed = trial.system_attrs.get("fixed_params", {})
            return space.encode({**fixed, **trial.params}).tobytes()
    return None if claim is None else _place_of(claim)


def _place_of(claim: Claim) -> tuple[int, int]:
    return (claim.batch if claim.row else OPENING), claim.slot
