"""The objective space as the search went through it (figures 3 to 5 of the LINAS paper)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.study import Study

from optuna_linas.goals import Goal
from optuna_linas.samplers.plan import claims_of
from optuna_linas.study_values import StudyValues, values_of, why_empty
from optuna_linas.visualization.hover import hover_of
from optuna_linas.visualization.style import (
    COLORS,
    GREY,
    PAIRS,
    SCALE,
    axis_label,
    count_bar,
    explained_empty_figure,
    layout,
    title,
)
from optuna_linas.visualization.view import first_view, outside

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["MOST_OBJECTIVES", "plot_search_progress"]

MOST_OBJECTIVES = 3
"""Of a study whose search progress can be drawn."""

_LEGEND = {"orientation": "h", "x": 1.0, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}


def plot_search_progress(
    study: Study, *, objectives: Sequence[Goal | str] | None = None
) -> go.Figure:
    """Return the measured trials in the objective space, the Pareto front on top.

    Trials are coloured by the iteration in which they were proposed, 0 for the start; in a study
    of a sampler without iterations, by their number. The last objective, as a rule the cost, is to
    the right. Three objectives are drawn two by two; with one, the figure shows the values and
    the best so far against the trials. Values far from all others, as a hiccup of the machine makes
    them, lie outside of the first view.

    Args:
        study: Any study.
        objectives: Up to three: indices of the study's objectives, and user attributes as
            `Attr("latency_ms")`. By default what the study was searched for.

    Returns:
        The figure; hovering shows the architecture. A study without usable trials gives an empty
        figure that says why.

    Raises:
        ValueError: More than three objectives, or an attribute that no trial has.
        TypeError: `study` is no study, or an objective no index, string or `Attr`.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> plot_search_progress(study).layout.annotations[0].text
        'No complete trial yet'
    """
    data = values_of(study, objectives)
    text = f"Search progress of {study.study_name}"
    if len(data.names) > MOST_OBJECTIVES:
        raise ValueError(
            f"plot_search_progress draws up to three objectives, and there are "
            f"{len(data.names)}: name the ones to draw, objectives=[0, 1]."
        )
    if not data.trials:
        return explained_empty_figure(why_empty(study), text)
    draw = (_over_time, _in_plane, _in_pairs)[len(data.names) - 1]
    figure = draw(data, hover_of(data))
    views = [first_view(values, data.front) for values in data.values.T]
    hidden = np.any([outside(v, w) for v, w in zip(data.values.T, views, strict=True)], axis=0)
    _look_at(figure, views)
    n_infeasible = int((~data.feasible).sum())
    figure.update_layout(
        title=title(
            text,
            f"{len(data.trials)} measured, {int(data.front.sum())} "
            + ("best" if len(data.names) == 1 else "on the Pareto front")
            + (f", {n_infeasible} violate a constraint (crosses)" if n_infeasible else "")
            + (f"; {int(hidden.sum())} far out: a double click shows all" if hidden.any() else ""),
        ),
        template="plotly_white",
        hovermode="closest",
        legend=_LEGEND,
    )
    return figure


def _look_at(figure: go.Figure, views: list[list[float] | None]) -> None:
    """Show the views; of a single objective upwards, of three in each of their panels."""
    pairs: dict[int, tuple[tuple[int | None, int], ...]] = {
        1: ((None, 0),),
        2: ((1, 0),),
        3: PAIRS,
    }
    for i, (right, up) in enumerate(pairs[len(views)], start=1):
        for axis, goal in (("xaxis", right), ("yaxis", up)):
            if goal is not None and views[goal] is not None:
                figure.layout[f"{axis}{i if i > 1 else ''}"].range = views[goal]


def _in_plane(data: StudyValues, hovers: list[str]) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    for trace in _points(data, hovers):
        at = trace.pop("at")
        figure.add_scatter(x=data.values[at, 1], y=data.values[at, 0], **trace)
    front = data.sorted_front()
    figure.add_scatter(
        x=data.values[front, 1],
        y=data.values[front, 0],
        mode="lines+markers",
        name="Pareto front",
        # Between two networks, what the cheaper one gives is what there is.
        line={"color": COLORS[1], "shape": "hv"},
        marker={"color": COLORS[1], "size": 9, "line": {"color": "white", "width": 1}},
        **_texts(hovers, front),
    )
    figure.update_layout(xaxis_title=_label(data, 1), yaxis_title=_label(data, 0))
    return figure


def _in_pairs(data: StudyValues, hovers: list[str]) -> go.Figure:
    """Three objectives two by two: a scatter in space hides more than it shows until it turns."""
    from plotly.subplots import make_subplots

    figure = make_subplots(1, len(PAIRS), horizontal_spacing=0.09)
    front = data.sorted_front()
    for column, (x, y) in enumerate(PAIRS, start=1):
        for trace in _points(data, hovers):
            at = trace.pop("at")
            trace["marker"] = {**trace["marker"], "showscale": column == len(PAIRS)}
            figure.add_scatter(
                x=data.values[at, x],
                y=data.values[at, y],
                legendgroup=trace["name"],
                showlegend=column == 1,
                row=1,
                col=column,
                **trace,
            )
        figure.add_scatter(
            x=data.values[front, x],
            y=data.values[front, y],
            mode="markers",
            name="Pareto front of all three",
            legendgroup="front",
            showlegend=column == 1,
            # Rings: with three objectives most trials may be on the front.
            marker={"color": COLORS[1], "size": 9, "symbol": "circle-open", "line": {"width": 2}},
            row=1,
            col=column,
            **_texts(hovers, front),
        )
        # Three panels are narrow: the direction goes on a line of its own.
        figure.update_xaxes(title_text=_label(data, x).replace(", ", "<br>"), row=1, col=column)
        figure.update_yaxes(title_text=_label(data, y).replace(", ", "<br>"), row=1, col=column)
    return figure


def _over_time(data: StudyValues, hovers: list[str]) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    numbers = np.array([trial.number for trial in data.trials])
    for trace in _points(data, hovers):
        at = trace.pop("at")
        figure.add_scatter(x=numbers[at], y=data.values[at, 0], **trace)
    losses = np.where(data.feasible, data.losses[:, 0], np.inf)
    best = np.minimum.accumulate(losses)
    known = np.isfinite(best)
    figure.add_scatter(
        x=numbers[known],
        y=best[known] * data.signs[0],
        mode="lines",
        name="best so far",
        line={"color": COLORS[1], "shape": "hv", "width": 2.5},
        hovertemplate="best so far: %{y:.5g}<extra></extra>",
    )
    figure.update_layout(**layout("", x="trial", y=_label(data, 0)))
    return figure


def _points(data: StudyValues, hovers: list[str]) -> list[dict[str, Any]]:
    """Traces of the trials, and under "at" the positions that each is of."""
    batches = [max((c.batch for c in claims_of(t).values()), default=-1) for t in data.trials]
    iterations = np.array(batches)
    is_search = bool((iterations >= 0).any())
    colors = iterations if is_search else np.array([trial.number for trial in data.trials])
    known = iterations >= 0 if is_search else np.ones(len(data.trials), dtype=bool)
    traces = []
    for name, chosen, marker in (
        (
            "trials",
            known & data.feasible,
            {
                "colorscale": SCALE,
                "colorbar": count_bar("iteration" if is_search else "trial", colors),
                "showscale": True,
                "size": 7,
                "opacity": 0.8,
            },
        ),
        ("enqueued or added", ~known & data.feasible, {"color": GREY, "size": 7}),
        ("infeasible", ~data.feasible, {"color": GREY, "size": 6, "symbol": "x"}),
    ):
        at = np.flatnonzero(chosen)
        if len(at) == 0:
            continue
        if "colorscale" in marker:
            marker = {**marker, "color": colors[at]}
        traces.append(
            {"at": at, "mode": "markers", "name": name, "marker": marker, **_texts(hovers, at)}
        )
    return traces


def _texts(hovers: list[str], at: Iterable[int]) -> dict[str, Any]:
    return {"text": [hovers[i] for i in at], "hovertemplate": "%{text}<extra></extra>"}


def _label(data: StudyValues, goal: int) -> str:
    return axis_label(data.names[goal], is_maximised=data.is_maximised(goal))
