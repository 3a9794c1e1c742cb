"""A study in a page of Markdown: what is searched, how far it is, what to choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.answers import knee_point
from optuna_linas.dashboard.architecture import architecture_line, varying
from optuna_linas.dashboard.facts import (
    Front,
    iteration_of,
    sampler_name,
)
from optuna_linas.dashboard.markdown import power_of_ten, table, text
from optuna_linas.dashboard.selection import evenly
from optuna_linas.goals import is_number
from optuna_linas.space import SearchSpace
from optuna_linas.study_values import goals_of
from optuna_linas.visualization import (
    hypervolume_history,
    predictor_quality,
    shared_reference,
)
from optuna_linas.visualization.style import counted

__all__ = ["study_note"]

_N_ROWS = 12
"""Trade-offs in the table; of a longer front, evenly chosen ones."""
_N_RECENT = 20
_MAX_CELL = 160
_COSTS = {"macs": ("MACs", 1e6, " M"), "params": ("parameters", 1e3, " k")}
"""Attributes that `SupernetObjective` records of every network: heading, unit, its sign."""


def study_note(study: Study, front: Front, space: SearchSpace | None) -> str:
    """Return what is to be known of a study, in Markdown.

    Args:
        study: Any study, whatever has sampled it.
        front: Its front.
        space: Its search space, where it is known.

    Example:
        >>> import optuna
        >>> from optuna_linas.dashboard.facts import front_of
        >>> study = optuna.create_study(study_name="phone", directions=["maximize", "minimize"])
        >>> print(study_note(study, front_of(study), None).splitlines()[0])
        ## phone
    """
    attrs = study._storage.get_study_system_attrs(study._study_id)
    parts = [f"## {text(study.study_name)}", _glance(study, attrs, space)]
    if front.trials:
        parts += [_heading(front), _trade_offs(study, front)]
    if quality := _quality(study):
        parts += ["### Can the predictions be trusted?", quality]
    return "\n\n".join(parts) + "\n"


def _glance(study: Study, attrs: Mapping[str, Any], space: SearchSpace | None) -> str:
    rows = [("Trials", _states(study))]
    if space is not None:
        rows.append(("Search space", _size(space)))
    if name := sampler_name(study, attrs):
        rows.append(("Sampler", f"`{name}`"))
    if iteration := iteration_of(study, attrs):
        rows.append(("Iteration", text(iteration)))
    if volume := _hypervolume(study):
        rows.append(("Hypervolume", volume))
    if isinstance(platform := study.user_attrs.get("platform"), Mapping):
        rows.append(("Measured on", text(_platform(platform))))
    return table(["", ""], [(f"**{name}**", value) for name, value in rows])


def _states(study: Study) -> str:
    counts = Counter(trial.state for trial in study.get_trials(deepcopy=False))
    words = {
        TrialState.COMPLETE: "complete",
        TrialState.RUNNING: "running",
        TrialState.WAITING: "waiting",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    found = [f"{counts[state]:,} {word}" for state, word in words.items() if counts[state]]
    return ", ".join(found) or "none yet"


def _size(space: SearchSpace) -> str:
    n_floats = sum(variable.kind == "float" for variable in space.variables)
    words = f"{len(space)} variables"
    if n_floats:
        return f"{words}, {n_floats} of them continuous"
    raw = space.size()
    try:
        effective = space.size(effective=True)
    except ValueError:  # Its conditions are too entangled to count.
        return f"{words}, {power_of_ten(raw)} combinations"
    if effective == raw:
        return f"{words}, {power_of_ten(raw)} networks"
    return (
        f"{words}, {power_of_ten(raw)} combinations, {power_of_ten(effective)} different networks"
    )


def _hypervolume(study: Study) -> str | None:
    if len(goals_of(study)) == 1:
        return None
    try:
        reference = shared_reference(study)
    except ValueError:  # No trial is complete and feasible.
        return None
    history = hypervolume_history(study, reference)
    shown = f"{history[-1]:.4g} (reference point: {', '.join(f'{v:.4g}' for v in reference)})"
    if len(history) > 2 * _N_RECENT and history[-1] > 0:
        gained = 1 - history[-1 - _N_RECENT] / history[-1]
        shown += f"; {gained:.1%} of it from the last {_N_RECENT} trials"
    return shown


def _platform(platform: Mapping[str, Any]) -> str:
    words = [str(platform.get("cpu", "")), f"{platform.get('n_cpus', '?')} CPUs"]
    words += [str(platform["accelerators"])] if platform.get("accelerators") else []
    words += [f"torch {platform['torch']}"] if "torch" in platform else []
    return ", ".join(word for word in words if word)


def _heading(front: Front) -> str:
    n = len(front.trials)
    if len(front.names) == 1:
        return "### The best trial"
    if n <= _N_ROWS:
        return f"### Best trade-offs: the front of {n}"
    return f"### Best trade-offs: {_N_ROWS} of the front of {n}"


def _trade_offs(study: Study, front: Front) -> str:
    knee = front.position(knee_point(study).number) if len(front.trials) > 2 else None
    at = evenly(len(front.trials), _N_ROWS)
    if knee is not None and knee not in at:  # In the place of its neighbour.
        at[min(range(1, len(at) - 1), key=lambda k: abs(at[k] - knee))] = knee
    chosen = [front.trials[i] for i in at]
    names = front.names
    costs = [
        (key, *what)
        for key, what in _COSTS.items()
        if key not in names and all(is_number(t.user_attrs.get(key)) for t in chosen)
    ]
    differs = varying([trial.params for trial in chosen])
    everything = sorted({name for trial in front.trials for name in trial.params})
    rows = []
    for i, trial in zip(at, chosen, strict=True):
        numbers = [f"{value:.4g}" for value in front.values[i]]
        numbers += [f"{trial.user_attrs[key] / unit:.4g}{sign}" for key, _, unit, sign in costs]
        number = f"**{trial.number}, the knee**" if i == knee else str(trial.number)
        rows.append([number, *numbers, _in_one_line(trial, everything, differs)])
    head = ["trial", *(text(name) for name in names), *(what for _, what, *_ in costs)]
    return table([*head, "architecture"], rows, n_numbers=len(head))


def _in_one_line(trial: FrozenTrial, names: Sequence[str], differs: Collection[str]) -> str:
    line = architecture_line(trial.params, names, differs)
    return text(line if len(line) <= _MAX_CELL else f"{line[: _MAX_CELL - 1].rstrip()}…")


def _quality(study: Study) -> str | None:
    found = predictor_quality(study)
    if not found:
        return None
    rows = [
        (text(name), text(of.predictor), f"{of.kendall_tau:.2f}", _error(of.mape_percent))
        for name, of in found.items()
    ]
    n_trials = next(iter(found.values())).n_trials
    return table(("objective", "predictor", "Kendall's τ", "error"), rows) + (
        "\n\nHow well the order of new networks was foretold before they were measured, over the "
        f"last {counted(n_trials, 'predicted trial')}: τ is 1 for the right order and 0 for none."
    )


def _error(percent: float) -> str:
    return f"{percent:.3g} %" if np.isfinite(percent) else "–"
