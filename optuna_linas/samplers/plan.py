"""The plan of a batch and the claims on it, as they are kept in a study's storage.

A batch is planned once and stored as a study attribute; each trial claims one of its rows in an
attribute of its own (see `rows`).

Storages have no locks for us, so a claim is written first and checked afterwards: a worker that
sees its row claimed by another running trial gives it up and takes a later one. Two workers that
see each other both do, and the row is free again for the next trial: nothing is measured twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import IntArray
from optuna_linas.samplers.rows import Row, names_key, rows_to_archs
from optuna_linas.space import SearchSpace
from optuna_linas.stored_json import explained, number, parsed, string, whole_number

__all__ = [
    "Claim",
    "Note",
    "Plan",
    "ReadablePlan",
    "claims_of",
    "stored_text",
]

_NOTHING = object()
Note = Mapping[str, Any]
"""What a planner knows of a row, as JSON: it goes with the row to the trial that claims it."""

_VERSION = 2
"""Version 1 repeated in every note what the notes share."""
_MAX_BYTES = 60_000
"""MySQL keeps 64 KB in an attribute, and every trial reads the study's attributes anew."""


@dataclass(frozen=True)
class Plan:
    """The architectures of one batch, in the order in which they should be measured.

    Attributes:
        batch: 0 for the start, then 1, 2, ...
        size: How many trials belong to the batch. `rows` has more: the spares take the places
            of trials that fail.
        names: The variables that the rows' columns belong to.
        rows: One per architecture.
        notes: One per row, or none at all.
        origin: Who planned it: no two plans of a study have the same, so that no two are the same
            text (see `turn`).
    """

    batch: int
    size: int
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...] = ()
    origin: str = ""

    def dumps(self) -> str:
        """Return the plan as JSON; rows from the end are left out to stay below 60 KB."""
        n = len(self.rows)
        shared, notes = _split(self.notes)
        while True:
            text = json.dumps(
                {
                    "version": _VERSION,
                    "batch": self.batch,
                    # Nobody waits for places that are left out.
                    "size": min(self.size, n) if n < len(self.rows) else self.size,
                    "names": self.names,
                    "rows": self.rows[:n],
                    "shared": shared,
                    "notes": notes[:n],
                    **({"origin": self.origin} if self.origin else {}),
                },
                separators=(",", ":"),
            )
            # A storage quotes the text once more, and every quotation mark takes another byte.
            n_bytes = len(json.dumps(text))
            if n_bytes <= _MAX_BYTES or n <= 1:
                return text
            n = max(1, min(n - 1, n * _MAX_BYTES // n_bytes))

    @staticmethod
    def loads(text: str) -> Plan:
        """Return the plan of a JSON text.

        Raises:
            ValueError: The text was written by a later version of this package, or is no plan.
        """
        data = parsed(text, "The study's plan", dict)
        if data.get("version") not in (1, _VERSION):
            raise ValueError(
                "The study was planned by a later version of optuna-linas (plan format "
                f"{data.get('version')!r}, this version reads {_VERSION}). Upgrade optuna-linas."
            )
        with explained("The study's plan"):
            shared: Note = dict(data.get("shared", {}))
            return Plan(
                whole_number(data["batch"]),
                whole_number(data["size"]),
                tuple(map(string, data["names"])),
                tuple(map(_checked_row, data["rows"])),
                tuple(
                    _checked_note({**shared, **note} if note else {})
                    for note in data.get("notes", ())
                ),
                string(data.get("origin", "")),
            )

    def note(self, slot: int) -> Note:
        """Return what is known of a row."""
        return self.notes[slot] if self.notes else {}


@dataclass(frozen=True)
class Claim:
    """The row that a trial has taken.

    Attributes:
        batch: The plan's batch.
        slot: The row's place in the plan.
        row: The row itself, as plans are overwritten; empty while the space is unknown.
        names_key: `names_key` of the variables that the row's values belong to.
        note: The plan's note on the row.
    """

    batch: int
    slot: int
    row: Row
    names_key: str
    note: Note = field(default_factory=dict)

    def dumps(self) -> str:
        """Return the claim as JSON."""
        fields = [self.batch, self.slot, self.row, self.names_key]
        return json.dumps(fields + [self.note] * bool(self.note), separators=(",", ":"))

    @staticmethod
    def loads(text: str) -> Claim:
        """Return the claim of a JSON text.

        Raises:
            ValueError: It is no claim.
        """
        fields = parsed(text, "A trial's claim", list)
        with explained("A trial's claim"):
            batch, slot, row, key, *note = fields
            notes = [_checked_note(each) for each in note[:1]]
            return Claim(
                whole_number(batch), whole_number(slot), _checked_row(row), string(key), *notes
            )


def stored_text(study: Study, key: str) -> str | None:
    """Read a study's plan as it is stored now, `None` before the first.

    Args:
        study: The study.
        key: Prefix of the sampler's attributes.
    """
    return study._storage.get_study_system_attrs(study._study_id).get(f"{key}:plan")


def claims_of(trial: FrozenTrial) -> dict[str, Claim]:
    """Return the claims that a trial carries, by the key of the sampler that made them."""
    return {
        key.removesuffix(":claim"): Claim.loads(text)
        for key, text in trial.system_attrs.items()
        if key.endswith(":claim")
    }


class ReadablePlan:
    """A stored plan in terms of the space as it is known now.

    Attributes:
        text: The plan as it is stored.
        space: The space.
        plan: The plan.
    """

    def __init__(self, text: str, space: SearchSpace) -> None:
        self.text, self.space, self.plan = text, space, Plan.loads(text)
        self._names_key = names_key(self.plan.names)
        archs = rows_to_archs(space, self.plan.names, self.plan.rows)
        self._keys = [None if arch is None else arch.tobytes() for arch in archs]

    def free(self, taken: Set[object]) -> list[int]:
        """Slots of rows that nobody has taken; a row that lacks an active variable is not free.

        `taken` has rows as bytes, and (batch, slot) of claims that the space has outgrown.
        """
        batch = self.plan.batch
        return [
            slot
            for slot, key in enumerate(self._keys)
            if key is not None and key not in taken and (batch, slot) not in taken
        ]

    def explains(self, claim: Claim) -> bool:
        """Whether a claim can be of this plan or an earlier one, and not of one stored since."""
        plan = self.plan
        if claim.batch != plan.batch:
            return claim.batch < plan.batch
        if claim.names_key != self._names_key or claim.slot >= len(plan.rows):
            return True
        return claim.row == plan.rows[claim.slot]

    def archs(self, slots: list[int]) -> IntArray:
        """The architectures of free slots, `int[k, d]`."""
        keys = b"".join(self._keys[slot] or b"" for slot in slots)
        return np.frombuffer(keys, dtype=np.int64).reshape(-1, len(self.space))


def _split(notes: Sequence[Note]) -> tuple[Note, list[Note]]:
    """What all notes that say anything share, and the rest of each."""
    told = [note for note in notes if note]
    first = told[0] if told else {}
    shared = {
        key: value
        for key, value in first.items()
        # A note must not become empty: an empty one shares nothing.
        if key != "predicted" and all(note.get(key, _NOTHING) == value for note in told)
    }
    if any(len(note) == len(shared) for note in told):
        shared = {}
    return shared, [{k: v for k, v in note.items() if k not in shared} for note in notes]


def _checked_note(note: Any) -> Note:
    """A note of a stored plan, of which everybody who reads it relies on the predictions."""
    if not isinstance(note, dict) or not isinstance(note.get("user_attrs", {}), dict):
        raise TypeError(f"{str(note)[:40]!r} is no note")
    for value in note.get("predicted", ()):
        number(value)
    return note


def _checked_row(row: Any) -> Row:
    """A row of a stored plan, its values known to be numbers or `None`."""
    if not isinstance(row, list):
        raise TypeError(f"{row!r} is no list")
    return tuple(None if value is None else number(value) for value in row)
