"""Hypervolume against evaluations, for one or several studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study

from optuna_linas import pareto
from optuna_linas.arrays import FloatArray
from optuna_linas.visualization.style import COLORS, explained_empty_figure, layout
from optuna_linas.visualization.values import values_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["hypervolume_history", "plot_hypervolume", "shared_reference"]


def shared_reference(*studies: Study) -> FloatArray:
    """Return the worst feasible value of every objective in any of the studies, `float[m]`.

    In the user's directions. Studies are compared fairly only against one reference point.

    Raises:
        ValueError: The studies have different directions, or not one complete trial.
    """
    if len({tuple(study.directions) for study in studies}) != 1:
        raise ValueError("Studies with different directions have no common hypervolume.")
    data = [values_of(study) for study in studies]
    losses = np.concatenate([d.losses[d.feasible] for d in data])
    if len(losses) == 0:
        raise ValueError("A reference point needs at least one complete, feasible trial.")
    return np.asarray(losses.max(axis=0) * _signs(studies[0]))


def hypervolume_history(study: Study, reference: Sequence[float] | FloatArray) -> FloatArray:
    """Return the hypervolume after each complete trial, `float[n]`.

    Args:
        study: Any study.
        reference: The reference point in the user's directions, `float[m]`.
    """
    data = values_of(study)
    point = np.asarray(reference, dtype=float) * _signs(study)
    # What is infeasible counts for nothing.
    losses = np.where(data.feasible[:, None], data.losses, np.inf)
    return pareto.hypervolume_history(losses, point)


def plot_hypervolume(
    studies: Study | Mapping[str, Study], reference: Sequence[float] | FloatArray | None = None
) -> go.Figure:
    """Return the hypervolume of one or several studies against the number of evaluations.

    Args:
        studies: A study, or label to study; all with the same directions.
        reference: The reference point in the user's directions; by default the worst value of
            each objective in any of the studies. The figure states it.

    Raises:
        ValueError: The studies have different directions.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> study.add_trial(optuna.create_trial(values=[0.9, 2.0]))
        >>> study.add_trial(optuna.create_trial(values=[0.8, 1.0]))
        >>> plot_hypervolume(study, reference=[0.5, 3.0]).data[0].y
        (0.4, 0.7)
    """
    import plotly.graph_objects as go

    if isinstance(studies, Study):
        studies = {studies.study_name: studies}
    if not any(values_of(study).feasible.any() for study in studies.values()):
        return explained_empty_figure("No complete, feasible trial yet")
    point = np.asarray(
        shared_reference(*studies.values()) if reference is None else reference, dtype=float
    )
    figure = go.Figure()
    for i, (label, study) in enumerate(studies.items()):
        history = [round(v, 12) for v in hypervolume_history(study, point).tolist()]
        figure.add_scatter(
            x=list(range(1, len(history) + 1)),
            y=history,
            mode="lines",
            name=label,
            line={"shape": "hv", "color": COLORS[i % len(COLORS)], "width": 2.5},
        )
    where = ", ".join(f"{value:.4g}" for value in point)
    title = f"Hypervolume (reference point: {where})"
    figure.update_layout(**layout(title, x="evaluations", y="hypervolume"))
    figure.update_layout(showlegend=len(studies) > 1)
    return figure


def _signs(study: Study) -> FloatArray:
    return np.array([-1.0 if d.name == "MAXIMIZE" else 1.0 for d in study.directions])
