"""The objective space as the search went through it (figures 3 to 5 of the LINAS paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study, StudyDirection

from optuna_linas.visualization.style import explained_empty_figure, hover_text, layout
from optuna_linas.visualization.values import objective_names, values_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_search_progress"]


def plot_search_progress(study: Study) -> go.Figure:
    """Return a scatter of two objectives, coloured by trial number, the Pareto front on top.

    Args:
        study: A study with two objectives.

    Returns:
        The figure; hovering shows the architecture. A study without complete trials gives an
        empty figure that says so.

    Raises:
        ValueError: The study has another number of objectives.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> plot_search_progress(study).layout.annotations[0].text
        'No complete trial yet'
    """
    import plotly.graph_objects as go

    if len(study.directions) != 2:
        raise ValueError(
            f"plot_search_progress draws two objectives; the study has {len(study.directions)}."
        )
    data, names = values_of(study), objective_names(study)
    if not data.trials:
        return explained_empty_figure("No complete trial yet")
    # The cost, which is minimised, goes to the right as in the papers.
    x, y = (1, 0) if study.directions[1] == StudyDirection.MINIMIZE else (0, 1)
    figure = go.Figure()
    figure.add_scatter(
        x=data.values[:, x],
        y=data.values[:, y],
        mode="markers",
        name="trials",
        marker={
            "color": [trial.number for trial in data.trials],
            "colorscale": "Viridis",
            "reversescale": True,
            "size": 7,
            "opacity": 0.75,
            "colorbar": {"title": "trial"},
        },
        text=[hover_text(trial) for trial in data.trials],
        hovertemplate="%{text}<extra></extra>",
    )
    front = np.flatnonzero(data.front)
    front = front[np.argsort(data.values[front, x], kind="stable")]
    figure.add_scatter(
        x=data.values[front, x],
        y=data.values[front, y],
        mode="lines+markers",
        name="Pareto front",
        line={"color": "#D55E00", "shape": "hv"},
        marker={"color": "#D55E00", "size": 9, "line": {"color": "white", "width": 1}},
        text=[hover_text(data.trials[i]) for i in front],
        hovertemplate="%{text}<extra></extra>",
    )
    figure.update_layout(**layout(f"Search progress of {study.study_name}", x=names[x], y=names[y]))
    figure.update_layout(legend={"x": 0.99, "xanchor": "right", "y": 0.02, "yanchor": "bottom"})
    return figure
