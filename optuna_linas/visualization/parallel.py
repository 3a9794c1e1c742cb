"""Parallel coordinates for variables of which a network may lack some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study

from optuna_linas.arrays import FloatArray
from optuna_linas.goals import Goal
from optuna_linas.space import SearchSpace
from optuna_linas.study_values import check_study
from optuna_linas.visualization.front_archs import EncodedTrials, Unexplained, encoded_trials
from optuna_linas.visualization.hover import hover_of
from optuna_linas.visualization.options import ShownVariable, shade, shown_variables
from optuna_linas.visualization.style import (
    GREY,
    SCALE,
    counted,
    explained_empty_figure,
    faint,
    name_label,
    title,
)
from optuna_linas.visualization.view import first_view

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_parallel_coordinate"]

_MAX_NAMES = 12
_MAX_LINES = 60
"""Lines of their own colour; a front with more is thinned evenly."""
_MAX_BEHIND = 300
_LANE = -0.22
"""Height of the lane below the axes, for networks that lack the variable."""
_WIDE_PX = 780
"""Between the first axis and the last, on an ordinary page."""
_LONG_TICK = 4
_SPREAD = 0.035
"""Half the height over which lines through one option fan out."""


def plot_parallel_coordinate(
    study: Study,
    *,
    objectives: Sequence[Goal | str] | None = None,
    names: Sequence[str] | None = None,
    space: SearchSpace | None = None,
) -> go.Figure:
    """Return a line per network through its options and on to its values.

    The networks on the front are coloured by the last objective, as a rule the cost; all others
    are grey behind them. A network that lacks a variable goes through the lane below its axis. On
    the axes of the objectives, up is better; values far behind all others are drawn at the end.

    Args:
        study: Any study.
        objectives: Indices and user attributes; by default what the study was searched for.
        names: The variables to show. By default all, or where there are more than 12 those that
            explain most of the first objective.
        space: The search space; by default the sampler's, or what the trials show.

    Returns:
        The figure; of a study without usable trials an empty one that says why.

    Raises:
        TypeError: `study` is no study.
        ValueError: An attribute that no trial has, or a name that the space does not have.

    Example:
        >>> import optuna
        >>> figure = plot_parallel_coordinate(optuna.create_study())
        >>> figure.layout.annotations[0].text
        'No complete trial yet'
    """
    import plotly.graph_objects as go

    check_study(study)
    text = f"Options and values in {study.study_name}"
    try:
        trials = encoded_trials(study, objectives, space, names)
    except Unexplained as reason:
        return explained_empty_figure(str(reason), text)
    variables = shown_variables(trials.space)
    chosen = _chosen(trials, variables, names)
    if not chosen:
        return explained_empty_figure("No variable has several options", text)
    heights = _heights(trials, variables, chosen)
    front = trials.front()
    shown = [front[i] for i in _thinned(len(front), _MAX_LINES)]
    spread = _SPREAD if len(shown) > 1 else 0.0
    fan = dict(zip(shown, np.linspace(-spread, spread, len(shown)), strict=True))
    figure = go.Figure()
    others = [i for i in range(len(trials.rows)) if i not in set(front)]
    behind = [others[i] for i in _thinned(len(others), _MAX_BEHIND)]
    n_axes = heights.shape[1]
    if behind:
        figure.add_scatter(
            x=[*range(n_axes), None] * len(behind),
            y=[each for i in behind for each in (*heights[i], None)],
            mode="lines",
            line={"color": faint(GREY, 0.35), "width": 1},
            name="other networks",
            hoverinfo="skip",
        )
    hovers = hover_of(trials.data)
    costs = trials.data.values[trials.rows[shown], -1]
    span = max(float(np.ptp(costs)), 1e-300)
    n_variables = len(chosen)
    for i, cost in zip(shown, costs, strict=True):
        at = heights[i] + np.where(np.arange(n_axes) < n_variables, fan[i], 0.0)
        figure.add_scatter(
            x=list(range(n_axes)),
            y=at,
            mode="lines+markers",
            line={"color": shade((cost - costs.min()) / span), "width": 1.6},
            marker={"size": 4},
            opacity=0.85,
            showlegend=False,
            hovertemplate=f"{hovers[trials.rows[i]]}<extra></extra>",
        )
    cost_name = name_label(trials.data.names[-1])
    figure.add_scatter(  # carries the colour bar
        x=[None],
        y=[None],
        mode="markers",
        name="Pareto front",
        marker={
            "color": [float(costs.min())],
            "cmin": float(costs.min()),
            "cmax": float(costs.max()),
            "colorscale": SCALE,
            "colorbar": {"title": f"{cost_name},<br>the front", "thickness": 14},
            "showscale": len(shown) > 1,
        },
        showlegend=False,
    )
    _add_axes(figure, trials, [variables[j] for j in chosen])
    n_all = sum(len(variable.labels) > 1 for variable in variables)
    which = (
        f"{n_variables} of {n_all} variables"
        + (
            f", those that explain most of {name_label(trials.data.names[0])}"
            if names is None
            else ""
        )
        if n_variables < n_all
        else counted(n_variables, "variable")
    )
    figure.update_layout(
        title=title(text, f"coloured: {counted(len(front), 'network')} on the front; {which}"),
        template="plotly_white",
        hovermode="closest",
        height=560,
        showlegend=False,
    )
    return figure


def _chosen(
    trials: EncodedTrials, variables: list[ShownVariable], names: Sequence[str] | None
) -> list[int]:
    if names is not None:
        return [trials.space.names.index(name) for name in names]
    several = [j for j, variable in enumerate(variables) if len(variable.labels) > 1]
    if len(several) <= _MAX_NAMES:
        return several
    losses = trials.data.losses[trials.rows, 0]
    told = {j: _explained(trials, variables[j], j, losses) for j in several}
    return sorted(sorted(several, key=lambda j: (-told[j], j))[:_MAX_NAMES])


def _explained(trials: EncodedTrials, variable: ShownVariable, j: int, losses: FloatArray) -> float:
    """The share of the losses' variance that lies between the options."""
    labels = np.where(trials.active[:, j], variable.of_option[trials.archs[:, j]], -1)
    total = float(losses.var())
    if total == 0.0:
        return 0.0
    within = sum(
        float(losses[labels == label].var()) * float((labels == label).mean())
        for label in np.unique(labels)
    )
    return 1.0 - within / total


def _heights(
    trials: EncodedTrials, variables: list[ShownVariable], chosen: list[int]
) -> FloatArray:
    """Where each trial crosses each axis, `float[k, axes]`, the objectives' axes at the end."""
    columns = []
    for j in chosen:
        place = variables[j].places[trials.archs[:, j]]
        columns.append(np.where(trials.active[:, j], place, _LANE))
    losses = trials.data.losses[trials.rows]
    best, worst = _ends(trials)
    values = 1.0 - (losses - best) / np.maximum(worst - best, 1e-300)
    return np.column_stack([*columns, np.clip(values, 0.0, 1.0)])


def _ends(trials: EncodedTrials) -> tuple[FloatArray, FloatArray]:
    """The ends of the objectives' axes; what lies far behind all others is at the worse end."""
    losses = trials.data.losses[trials.rows]
    on_front = trials.data.front[trials.rows]
    views = [first_view(column, on_front) for column in losses.T]
    worst = [
        column.max() if view is None else column[column <= view[1]].max()
        for column, view in zip(losses.T, views, strict=True)
    ]
    return losses.min(axis=0), np.array(worst)


def _add_axes(figure: go.Figure, trials: EncodedTrials, variables: list[ShownVariable]) -> None:
    all_best, all_worst = _ends(trials)
    axes = [(variable.name, _ticks(variable)) for variable in variables]
    for j, name in enumerate(trials.data.names):
        best, worst = all_best[j], all_worst[j]
        sign = trials.data.signs[j]
        ticks = [(s, f"{sign * (worst - s * (worst - best)):.4g}") for s in (0.0, 0.5, 1.0)]
        axes.append((f"<b>{name_label(name)}</b>", ticks if worst > best else ticks[-1:]))
    for x, (_, ticks) in enumerate(axes):
        figure.add_shape(
            type="line",
            x0=x,
            x1=x,
            y0=0,
            y1=1,
            line={"color": "#555555", "width": 1},
            layer="below",
        )
        # Of neighbours with the same options, the first says what they are.
        for y, label in ticks if x == 0 or ticks != axes[x - 1][1] else []:
            figure.add_annotation(
                x=x,
                y=y,
                text=label,
                showarrow=False,
                xanchor="right",
                xshift=-5,
                font={"size": 11},
                bgcolor="rgba(255, 255, 255, 0.9)",
                borderpad=1,
            )
    has_lane = any(
        bool((~trials.active[:, trials.space.names.index(v.name)]).any()) for v in variables
    )
    if has_lane:
        n = len(variables)
        figure.add_shape(
            type="rect",
            x0=-0.3,
            x1=n - 0.7,
            y0=_LANE - 0.07,
            y1=_LANE + 0.07,
            fillcolor="#F2F2F2",
            line={"width": 0},
            layer="below",
        )
        figure.add_annotation(
            x=-0.3, y=_LANE, text="inactive", showarrow=False, xanchor="right", font={"size": 11}
        )
    figure.update_xaxes(
        tickvals=list(range(len(axes))),
        ticktext=[label for label, _ in axes],
        tickangle=_angle([label for label, _ in axes]),
        showgrid=False,
        zeroline=False,
        range=[-0.9, len(axes) - 0.6],
    )
    figure.update_yaxes(visible=False, range=[_LANE - 0.12 if has_lane else -0.08, 1.08])


def _ticks(variable: ShownVariable) -> list[tuple[float, str]]:
    """What an axis says; of long numbers the middle and the ends, as others lie on the lines."""
    ticks = list(variable.ticks)
    is_long = max(len(label) for _, label in ticks) > _LONG_TICK
    if variable.is_ordered and len(ticks) > 3 and is_long:
        return [ticks[0], ticks[len(ticks) // 2], ticks[-1]]
    return ticks


def _angle(labels: Sequence[str]) -> int:
    """Slanted where titles in a row would touch: plotly itself does so only once they overlap."""
    room_px = _WIDE_PX / max(len(labels) - 1, 1)
    longest = max(len(label.removeprefix("<b>").removesuffix("</b>")) for label in labels)
    return 30 if 8 * (longest + 2) > room_px else 0


def _thinned(n: int, most: int) -> list[int]:
    """Positions of up to `most` of `n`, evenly, both ends among them."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most))}) if n else []
