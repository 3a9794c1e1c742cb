"""What a point says when the mouse is over it: its values and its architecture, on few lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from optuna.trial import FrozenTrial

from optuna_linas.study_values import StudyValues

__all__ = ["hover_of", "hover_texts", "params_lines"]

_MAX_LINES = 24
_PER_LINE = 24
_NUMBERED = re.compile(r"(.*?)[_.]?(\d+)")
_ABSENT = "·"


def hover_of(data: StudyValues) -> list[str]:
    """Return the hover text of each trial of a study."""
    values = [
        [f"{name} = {value:.5g}" for name, value in zip(data.names, row, strict=True)]
        for row in data.values
    ]
    return hover_texts(data.trials, values)


def hover_texts(trials: Sequence[FrozenTrial], values: Sequence[Sequence[str]]) -> list[str]:
    """Return each trial's number, values and architecture as HTML lines.

    Numbered parameters share a line, in the order of their numbers: `kernel 0-3: 3 5 · 7`, with a
    dot where the network has no such parameter.

    Args:
        trials: The trials.
        values: What is said of each before its parameters.

    Example:
        >>> import optuna
        >>> choices = optuna.distributions.CategoricalDistribution([3, 5])
        >>> kernels = {"kernel_0": 3, "kernel_1": 5}
        >>> study = optuna.create_study()
        >>> study.add_trial(optuna.create_trial(
        ...     value=0.5, params=kernels, distributions=dict.fromkeys(kernels, choices)
        ... ))
        >>> hover_texts(study.trials, [["accuracy = 0.5"]])
        ['<b>trial 0</b><br>accuracy = 0.5<br>kernel 0-1: 3 5']
    """
    lines = params_lines([trial.params for trial in trials])
    return [
        "<br>".join([f"<b>trial {trial.number}</b>", *said, *its_lines])
        for trial, said, its_lines in zip(trials, values, lines, strict=True)
    ]


def params_lines(architectures: Sequence[Mapping[str, object]]) -> list[list[str]]:
    """Return the lines that describe each architecture.

    Example:
        >>> params_lines([{"depth": 1, "kernel_0": 3}, {"kernel_0": 5, "kernel_1": 7}])
        [['depth = 1', 'kernel 0-1: 3 ·'], ['kernel 0-1: 5 7']]
    """
    groups = _groups({name for params in architectures for name in params})
    described = []
    for params in architectures:
        lines = [line for stem, names in groups.items() for line in _lines(stem, names, params)]
        if len(lines) > _MAX_LINES:
            lines = [*lines[:_MAX_LINES], f"... and {len(lines) - _MAX_LINES} more lines"]
        described.append(lines)
    return described


def _groups(names: set[str]) -> dict[str, list[str]]:
    """Names by what they share before their number; a name alone is a group of its own."""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in sorted(names):
        match = _NUMBERED.fullmatch(name)
        stem, number = (match[1], int(match[2])) if match else (name, -1)
        numbered.setdefault(stem, []).append((number, name))
    return {stem: [name for _, name in sorted(each)] for stem, each in numbered.items()}


def _lines(stem: str, names: list[str], params: Mapping[str, object]) -> list[str]:
    if len(names) == 1:
        return [f"{names[0]} = {_shown(params[n])}" for n in names if n in params]
    shown = [_shown(params[name]) if name in params else _ABSENT for name in names]
    first, last = (name.removeprefix(stem).lstrip("_.") for name in (names[0], names[-1]))
    rows = [" ".join(shown[i : i + _PER_LINE]) for i in range(0, len(shown), _PER_LINE)]
    return [f"{stem} {first}-{last}: {rows[0]}", *rows[1:]]


def _shown(value: object) -> str:
    # An option may be called "<lambda>", which a browser would take for a tag.
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value), quote=False)
