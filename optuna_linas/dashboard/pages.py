"""Where optuna-dashboard looks for a study's figures, notes and files, and how they are written.

All of it is study attributes. The dashboard's own functions cut a figure or a note into pieces of
2 KB, one attribute and one commit each, so that two workers who write at a time leave a mixture of
both, and they refuse finished trials. Here each is one attribute: whoever writes last wins, what is
shown is always whole, and a figure is one commit. The dashboard joins what pieces there are.

A note's text between two marks is ours; whatever a user has written around it stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial

__all__ = ["MAX_BYTES", "Page", "n_stored_bytes"]

MAX_BYTES = 60_000
"""MySQL keeps 64 KB in an attribute, and every trial of a search reads all of a study's anew."""

_BEGIN = "[optuna-linas-begin]: # (From here to the end mark, all is replaced at publication.)"
_END = "[optuna-linas-end]: # (The end mark. What is written outside of the marks stays.)"
"""Markdown's link definitions, which the dashboard does not show; it does show HTML comments."""
_PROGRESS = "linas:published"


def n_stored_bytes(text: str) -> int:
    """Return how many bytes a storage needs for a text, which it writes as JSON.

    Example:
        >>> n_stored_bytes('a"b')
        6
    """
    return len(json.dumps(text))


@dataclass(frozen=True)
class Page:
    """A study's page, as its attributes are at one moment.

    Attributes:
        storage: The study's storage.
        study_id: The study's id there.
        attrs: The study's system attributes; what is written is noted here as well.
    """

    storage: BaseStorage
    study_id: int
    attrs: dict[str, Any]

    @staticmethod
    def of(study: Study) -> Page:
        """Read a study's page."""
        storage, study_id = study._storage, study._study_id
        return Page(storage, study_id, dict(storage.get_study_system_attrs(study_id)))

    @property
    def progress(self) -> int:
        """How many trials had finished at the last publication."""
        return int(self.attrs.get(_PROGRESS, 0))

    def note_progress(self, n_finished: int) -> None:
        """Say how many trials had finished at this publication."""
        self.put(_PROGRESS, n_finished)

    def put_figure(self, figure_id: str, figure_json: str) -> None:
        """Show a figure, in the place of the one of this id.

        Args:
            figure_id: Letters, digits, hyphens.
            figure_json: Of at most `MAX_BYTES` in the storage.
        """
        self._put_text(f"dashboard:plot_data:{figure_id}:", figure_json)

    def put_note(self, text: str, trial: FrozenTrial | None = None) -> None:
        """Show a Markdown text as the note of the study or of one of its trials.

        Args:
            text: Cut where it needs more than `MAX_BYTES` in the storage.
            trial: A trial of any state; the study by default.
        """
        prefix = _note_prefix(trial)
        old = self._text(f"{prefix}note_str:")
        new = _between_marks(old, text)
        if new != old:
            # The dashboard refuses what somebody types into a note of an older version.
            self._put_text(f"{prefix}note_str:", new)
            self.put(f"{prefix}note_ver", int(self.attrs.get(f"{prefix}note_ver", 0)) + 1)

    def has_note(self, trial: FrozenTrial) -> bool:
        """Whether a note of ours is on a trial."""
        return _BEGIN in self._text(f"{_note_prefix(trial)}note_str:")

    def remove_note(self, trial: FrozenTrial) -> None:
        """Remove our text from the note of a trial; what a user has written stays."""
        prefix = _note_prefix(trial)
        before, after = _around_marks(self._text(f"{prefix}note_str:"))
        self._put_text(f"{prefix}note_str:", (before + after).strip())

    def file_key(self, trial: FrozenTrial, artifact_id: str) -> str:
        """Return the attribute that lists a file of a finished trial."""
        return f"dashboard:artifacts:{trial._trial_id}:{artifact_id}"

    def put(self, key: str, value: Any) -> None:
        """Write an attribute, unless it is so already."""
        if self.attrs.get(key) != value:
            self.storage.set_study_system_attr(self.study_id, key, value)
            self.attrs[key] = value

    def _text(self, prefix: str) -> str:
        pieces = self._pieces(prefix)
        return "".join(str(self.attrs[f"{prefix}{i}"]) for i in range(pieces))

    def _put_text(self, prefix: str, text: str) -> None:
        n_before = self._pieces(prefix)
        self.put(f"{prefix}0", text)
        for i in range(1, n_before):  # of what the dashboard itself has written
            self.put(f"{prefix}{i}", "")

    def _pieces(self, prefix: str) -> int:
        n = 0
        while f"{prefix}{n}" in self.attrs:
            n += 1
        return n


def _note_prefix(trial: FrozenTrial | None) -> str:
    return "dashboard:" if trial is None else f"dashboard:{trial._trial_id}:"


def _around_marks(note: str) -> tuple[str, str]:
    """What a user has written before and after our part of a note."""
    if _BEGIN not in note or _END not in note:
        return "", (f"\n\n{note}" if note.strip() else "")
    before, rest = note.split(_BEGIN, 1)
    return before, rest.split(_END, 1)[1]


def _between_marks(note: str, text: str) -> str:
    before, after = _around_marks(note)
    room = MAX_BYTES - n_stored_bytes(before + _BEGIN + _END + after) - 100
    if room < 0:
        return note  # A user has filled it.
    if n_stored_bytes(text) > room:
        text = _cut(text, room)
    return f"{before}{_BEGIN}\n\n{text.strip()}\n\n{_END}{after}"


def _cut(text: str, n_bytes: int) -> str:
    """The first lines that fit."""
    lines: list[str] = []
    for line in text.splitlines():
        n_bytes -= n_stored_bytes(line) + 2
        if n_bytes < 0:
            break
        lines.append(line)
    return "\n".join([*lines, "", "(The rest did not fit.)"])
