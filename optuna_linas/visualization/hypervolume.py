"""Hypervolume against evaluations, for one study, several, or groups of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study

from optuna_linas import pareto
from optuna_linas.arrays import FloatArray
from optuna_linas.goals import Goal
from optuna_linas.study_values import StudyValues, values_of, why_empty
from optuna_linas.visualization.groups import Groups, groups_of
from optuna_linas.visualization.style import (
    COLORS,
    band,
    explained_empty_figure,
    layout,
    name_label,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["hypervolume_history", "plot_hypervolume", "shared_reference"]

_TITLE = "Hypervolume against evaluations"


def shared_reference(*studies: Study, objectives: Sequence[Goal | str] | None = None) -> FloatArray:
    """Return the worst feasible value of every objective in any of the studies, `float[m]`.

    In the user's directions. Studies are compared fairly only against one reference point.

    Args:
        *studies: Any studies with the same objectives.
        objectives: Indices and user attributes; by default what the studies were searched for.

    Raises:
        TypeError: Something else than studies.
        ValueError: The studies have different directions, or not one complete trial.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> study.add_trial(optuna.create_trial(values=[0.9, 2.0]))
        >>> study.add_trial(optuna.create_trial(values=[0.8, 1.0]))
        >>> shared_reference(study)
        array([0.8, 2. ])
    """
    data = [values_of(study, objectives) for study in studies]
    if len({tuple(each.signs) for each in data}) != 1:
        raise ValueError("Studies with different directions have no common hypervolume.")
    losses = np.concatenate([d.losses[d.feasible] for d in data])
    if len(losses) == 0:
        raise ValueError("A reference point needs at least one complete, feasible trial.")
    return np.asarray(losses.max(axis=0) * data[0].signs)


def hypervolume_history(
    study: Study,
    reference: Sequence[float] | FloatArray,
    *,
    objectives: Sequence[Goal | str] | None = None,
) -> FloatArray:
    """Return the hypervolume after each complete trial, `float[n]`.

    Args:
        study: Any study.
        reference: The reference point in the user's directions, `float[m]`.
        objectives: Indices and user attributes; by default what the study was searched for.

    Raises:
        ValueError: `reference` has not one finite number for each objective.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> study.add_trial(optuna.create_trial(values=[0.9, 2.0]))
        >>> study.add_trial(optuna.create_trial(values=[0.8, 1.0]))
        >>> hypervolume_history(study, reference=[0.5, 3.0]).round(3)
        array([0.4, 0.7])
    """
    data = values_of(study, objectives)
    return _history(data, _point(reference, data))


def plot_hypervolume(
    studies: Groups,
    reference: Sequence[float] | FloatArray | None = None,
    *,
    objectives: Sequence[Goal | str] | None = None,
) -> go.Figure:
    """Return the hypervolume of one or several studies against the number of evaluations.

    A group, several studies under one label, is a search with several seeds: the line is their
    mean, the band one standard error of it to each side. It ends with the shortest of them; those
    without any result do not count.

    Args:
        studies: A study, or label to a study or to a list of studies; all with the same
            directions.
        reference: The reference point in the user's directions; by default the worst value of
            each objective in any of the studies. It is the same for all, and the figure states it.
        objectives: Indices and user attributes; by default what the studies were searched for.

    Raises:
        TypeError: Something else than studies.
        ValueError: The studies have different directions, or `reference` has not one finite number
            for each objective.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> study.add_trial(optuna.create_trial(values=[0.9, 2.0]))
        >>> study.add_trial(optuna.create_trial(values=[0.8, 1.0]))
        >>> plot_hypervolume(study, reference=[0.5, 3.0]).data[0].y
        (0.4, 0.7)
    """
    import plotly.graph_objects as go

    groups = groups_of(studies)
    everything = [study for members in groups.values() for study in members]
    data = {
        label: [values_of(study, objectives) for study in members]
        for label, members in groups.items()
    }
    if not any(each.feasible.any() for members in data.values() for each in members):
        return explained_empty_figure(
            "No complete, feasible trial yet" if len(everything) != 1 else _why(everything[0]),
            _TITLE,
        )
    some = next(each for members in data.values() for each in members)
    if reference is None:
        reference = shared_reference(*everything, objectives=objectives)
    point = _point(reference, some)
    figure = go.Figure()
    for (label, members), color in zip(data.items(), cycle(COLORS), strict=False):
        # A run that has only just begun would cut off all others.
        histories = [_history(each, point) for each in members if each.trials]
        n = min(map(len, histories), default=0)
        if n == 0:
            continue
        runs = np.round([history[:n] for history in histories], 12)
        mean, evaluations = runs.mean(axis=0), list(range(1, n + 1))
        if len(runs) > 1:
            error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
            curves = (mean - error).tolist(), (mean + error).tolist()
            figure.add_scatter(**band([float(i) for i in evaluations], *curves, color, label))
        figure.add_scatter(
            x=evaluations,
            y=mean.tolist(),
            mode="lines",
            name=label + (f" ({len(runs)} runs)" if len(runs) > 1 else ""),
            legendgroup=label,
            line={"shape": "hv", "color": color, "width": 2.5},
            hovertemplate=f"{label}: %{{y:.5g}} after %{{x}} evaluations<extra></extra>",
        )
    where = ", ".join(
        f"{name_label(name)} = {value:.4g}" for name, value in zip(some.names, point, strict=True)
    )
    is_grouped = any(len(members) > 1 for members in data.values())
    figure.update_layout(
        **layout(
            _TITLE,
            x="evaluations",
            y="hypervolume, higher is better",
            subtitle=f"reference point: {where}"
            + ("; mean ± one standard error of the runs" if is_grouped else ""),
        )
    )
    figure.update_layout(showlegend=len(data) > 1 or is_grouped)
    return figure


def _point(reference: Sequence[float] | FloatArray, data: StudyValues) -> FloatArray:
    """The reference point as an array, if it is one.

    Raises:
        ValueError: It has not one finite number for each objective.
    """
    point = np.asarray(reference, dtype=float)
    if point.shape != (len(data.names),) or not np.isfinite(point).all():
        raise ValueError(
            f"A reference point has one finite number for each of {list(data.names)}, got "
            f"{np.asarray(reference).tolist()}."
        )
    return point


def _history(data: StudyValues, reference: FloatArray) -> FloatArray:
    # What is infeasible counts for nothing.
    losses = np.where(data.feasible[:, None], data.losses, np.inf)
    return pareto.hypervolume_history(losses, reference * data.signs)


def _why(study: Study) -> str:
    reason = why_empty(study)
    return "No complete, feasible trial yet" if "finite value" in reason else reason
