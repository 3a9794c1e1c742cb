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
    from optuna_linas.dashboard.architecture import architecture_line
    from optuna_linas.dashboard.facts import sorted_front
    from optuna_linas.dashboard.selection import evenly
    from optuna_linas.visualization.values import objective_names

    front = sorted_front(study)
    if not front:
        return "No trial is complete."
    chosen = [front[i] for i in evenly(len(front), _N_ROWS)]
    names = sorted({name for trial in front for name in trial.params})
    rows = [
        [
            str(trial.number),
            *(f"{value:.5g}" for value in trial.values),
            shorten(architecture_line(trial.params, names)),
        ]
        for trial in chosen
    ]
    more = f"\n({len(chosen)} of the {len(front)} of the front)" if len(chosen) < len(front) else ""
    return text_table(["trial", *objective_names(study), "architecture"], rows) + more


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
