"""The plan of a batch and the claims on it, as they are kept in a study's storage.

A batch is planned once and stored as a study attribute; each trial claims one of its rows in an
attribute of its own. A row lists one value per variable of the plan: the index of a categorical
option, the value of a number, `None` where the variable is inactive.

Storages have no locks for us, so a claim is written first and checked afterwards: a worker that
sees its row claimed by another running trial gives it up and takes a later one. Two workers that
see each other both do, and the row is free again for the next trial: nothing is measured twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.space import SearchSpace
from optuna_linas.stored_json import explained, number, parsed, string, whole_number
from optuna_linas.variable import Option, Variable

__all__ = [
    "Claim",
    "Note",
    "Plan",
    "ReadablePlan",
    "Row",
    "claims_of",
    "names_key",
    "row_of",
    "row_to_params",
    "rows_to_archs",
    "stored_text",
    "with_fixed",
]

Row = tuple[int | float | None, ...]

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


@lru_cache(maxsize=16)
def names_key(names: tuple[str, ...]) -> str:
    """Return a short fingerprint of variable names, which tells whether two rows compare."""
    return hashlib.blake2b("\x1f".join(names).encode(), digest_size=6).hexdigest()


def row_of(space: SearchSpace, arch: IntArray, rng: np.random.Generator) -> Row:
    """Return the row of an architecture `int[d]`; a coarse number is drawn from its cell."""
    params = space.decode(arch, rng)
    row: list[int | float | None] = []
    for j, variable in enumerate(space.variables):
        if variable.name not in params:
            row.append(None)
        elif variable.is_number:
            value = params[variable.name]
            assert isinstance(value, (int, float))
            row.append(value)
        else:
            row.append(int(arch[j]))
    return tuple(row)


def row_to_params(space: SearchSpace, names: Sequence[str], row: Row) -> dict[str, Option]:
    """Return the parameters of a row; variables that the space no longer has are left out."""
    params: dict[str, Option] = {}
    for name, value in zip(names, row, strict=False):
        if value is None or name not in space:
            continue
        variable = space[name]
        if variable.is_number:
            params[name] = value
        elif isinstance(value, int) and 0 <= value < variable.n_options:
            params[name] = variable.options[value]
    return params


def with_fixed(space: SearchSpace, archs: IntArray, fixed: Mapping[str, object]) -> IntArray:
    """Return the canonical architectures `int[n, d]` with the values of `fixed` in place.

    Names and values that the space does not have change nothing.
    """
    archs = archs.copy()
    for j, variable in enumerate(space.variables):
        if variable.name in fixed:
            with suppress(SpaceMismatchError):
                archs[:, j] = variable.index(fixed[variable.name])
    return space.canonical(archs)


def rows_to_archs(
    space: SearchSpace, names: Sequence[str], rows: Sequence[Row]
) -> list[IntArray | None]:
    """Return the canonical architecture of each row, or `None` where the space has moved on.

    That is so when a variable that the row lacks has turned out to be active.
    """
    position = {name: j for j, name in enumerate(space.names)}
    archs = np.full((len(rows), len(space)), -1, dtype=np.int64)
    n_told = min((len(row) for row in rows), default=0)
    for name, column in zip(names[:n_told], zip(*rows, strict=False), strict=True):
        if (j := position.get(name)) is not None:
            archs[:, j] = _indices_of(space.variables[j], column)
    is_told = archs >= 0
    archs[~is_told] = 0
    is_whole = (is_told | ~space.active(archs)).tolist()
    pairs = zip(is_whole, space.canonical(archs), strict=True)
    return [arch if all(whole) else None for whole, arch in pairs]


def _indices_of(variable: Variable, values: Iterable[int | float | None]) -> IntArray:
    """The indices that values of rows stand for, -1 where they stand for none, `int[n]`."""
    if not variable.is_number:
        n = variable.n_options
        told = [v if isinstance(v, int) and 0 <= v < n else -1 for v in values]
        return np.array(told, dtype=np.int64)
    indices = []
    for value in values:
        index = -1
        if value is not None:
            with suppress(SpaceMismatchError):
                index = variable.index(value)
        indices.append(index)
    return np.array(indices, dtype=np.int64)


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
