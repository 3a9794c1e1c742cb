"""Trials as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optuna_linas.cli.output import text_table

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["front_table", "shorten", "trial_as_dict"]

_N_ROWS = 12
_WIDTH = 80


def front_table(study: Study) -> str:
    """Return the front of a study, or its best trial, as text."""
    from optuna_linas.dashboard.architecture import architecture_line, varying
    from optuna_linas.dashboard.facts import front_of
    from optuna_linas.dashboard.selection import evenly

    front = front_of(study)
    n = len(front.trials)
    if not n:
        return "No trial is complete."
    names = sorted({name for trial in front.trials for name in trial.params})
    shown = evenly(n, _N_ROWS)
    differs = varying([front.trials[i].params for i in shown])
    rows = [
        [
            str(front.trials[i].number),
            *(f"{value:.5g}" for value in front.values[i]),
            shorten(architecture_line(front.trials[i].params, names, differs)),
        ]
        for i in shown
    ]
    more = f"\n({len(rows)} of the {n} of the front)" if len(rows) < n else ""
    return text_table(["trial", *front.names, "architecture"], rows) + more


def shorten(line: str) -> str:
    """Return as much of a line as fits into a column."""
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def trial_as_dict(trial: FrozenTrial) -> dict[str, Any]:
    """Return what a script needs of a trial."""
    values: Sequence[float] = trial.values
    return {
        "trial": trial.number,
        "values": list(values),
        "params": trial.params,
        "user_attrs": trial.user_attrs,
    }
