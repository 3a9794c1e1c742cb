"""What groups of searches reach reliably: attainment surfaces (see `optuna_linas.attainment`)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.attainment import attainment_surface
from optuna_linas.goals import Goal
from optuna_linas.pareto import non_dominated
from optuna_linas.study_values import StudyValues, values_of, why_empty
from optuna_linas.visualization.groups import Groups, groups_of
from optuna_linas.visualization.style import (
    COLORS,
    PAIRS,
    axis_label,
    explained_empty_figure,
    faint,
    layout,
    title,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_attainment"]

_TITLE = "What the searches attain"
_MEDIAN = {"symbol": "circle", "size": 6, "opacity": 0.85}
_BEST = {"symbol": "circle-open", "size": 7, "opacity": 0.6}
_KEY_COLOR = "#888888"
_WORST = {"symbol": "x-thin-open", "size": 6, "opacity": 0.6}


def plot_attainment(
    studies: Groups, *, objectives: Sequence[Goal | str] | None = None
) -> go.Figure:
    """Return the attainment surfaces of groups of studies: median, best and worst.

    The line is the median surface: at least half of a group's studies have a network that is at
    least this good. The area around it reaches from what all of them have to what one has. With
    three objectives, the figure shows the corners of the surfaces two by two: dots of the median,
    fainter open circles of the best and crosses of the worst.

    Args:
        studies: Label to the studies of a search with several seeds; or one study, whose surface
            is its Pareto front.
        objectives: Two or three: indices and user attributes; by default what the studies were
            searched for.

    Raises:
        TypeError: Something else than studies.
        ValueError: Another number of objectives, or studies with different directions.

    Example:
        >>> import optuna
        >>> def study(*values):
        ...     study = optuna.create_study(directions=["maximize", "minimize"])
        ...     study.add_trial(optuna.create_trial(values=values))
        ...     return study
        >>> figure = plot_attainment({"ours": [study(0.9, 2.0), study(0.8, 1.0)]})
        >>> figure.data[-1].name
        'ours: at least 1 of 2 runs'
    """
    groups = groups_of(studies)
    data = {
        label: [values_of(study, objectives) for study in members]
        for label, members in groups.items()
    }
    everyone = [each for members in data.values() for each in members]
    if len({tuple(each.signs) for each in everyone}) > 1:
        raise ValueError("Studies with different directions have no common attainment surfaces.")
    if everyone and len(everyone[0].names) not in (2, 3):
        raise ValueError(
            "Attainment surfaces are of two or three objectives, and there are "
            f"{len(everyone[0].names)}. Name them: objectives=[0, Attr('latency_ms')]."
        )
    if not any(each.feasible.any() for each in everyone):
        study = next((study for members in groups.values() for study in members), None)
        reason = "No study was given" if study is None else why_empty(study)
        return explained_empty_figure(reason, _TITLE)
    is_plane = len(everyone[0].names) == 2
    figure = _surfaces(data) if is_plane else _corners(data)
    if {len(members) for members in data.values()} == {1}:
        said = "each study's Pareto front"
    elif is_plane:
        said = "line: attained by at least half of the runs; area: from all of them to one"
    else:
        said = "dots: attained by at least half of the runs; circles: by one; crosses: by all"
    figure.update_layout(title=title(_TITLE, said), showlegend=True)
    return figure


def _surfaces(data: dict[str, list[StudyValues]]) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    some = next(each for members in data.values() for each in members)
    # Surfaces go on for ever to both sides: here to the worst of what is on any run's front.
    fronts = [_front(each) for members in data.values() for each in members]
    worst = np.concatenate(fronts).max(axis=0)
    for (label, members), color in zip(data.items(), cycle(COLORS), strict=False):
        runs, n = [_front(each) for each in members], len(members)
        if n > 1:
            best = _steps(attainment_surface(runs, 1), worst) * some.signs
            least = _steps(attainment_surface(runs, n), worst) * some.signs
            edge = np.concatenate([best, least[::-1]])
            figure.add_scatter(
                x=edge[:, 1],
                y=edge[:, 0],
                mode="lines",
                fill="toself",
                fillcolor=faint(color),
                line={"width": 0, "color": color},
                name=label,
                legendgroup=label,
                showlegend=False,
                hoverinfo="skip",
            )
        k = -(-n // 2)
        median = _steps(attainment_surface(runs, k), worst) * some.signs
        figure.add_scatter(
            x=median[:, 1],
            y=median[:, 0],
            mode="lines",
            line={"color": color, "width": 2.5},
            legendgroup=label,
            **_named(label, k, n),
        )
    x, y = (axis_label(some.names[j], is_maximised=some.is_maximised(j)) for j in (1, 0))
    figure.update_layout(**layout(_TITLE, x=x, y=y))
    return figure


def _corners(data: dict[str, list[StudyValues]]) -> go.Figure:
    """Three objectives two by two, as in `plot_search_progress`."""
    from plotly.subplots import make_subplots

    figure = make_subplots(1, len(PAIRS), horizontal_spacing=0.09)
    some = next(each for members in data.values() for each in members)
    for (label, members), color in zip(data.items(), cycle(COLORS), strict=False):
        runs, n = [_front(each) for each in members], len(members)
        median = -(-n // 2)
        # The median last: it lies on top. Of two runs it is the best, of one all three.
        for k, marker in {n: _WORST, 1: _BEST, median: _MEDIAN}.items():
            corners = attainment_surface(runs, k) * some.signs
            for column, (x, y) in enumerate(PAIRS, start=1):
                figure.add_scatter(
                    x=corners[:, x],
                    y=corners[:, y],
                    mode="markers",
                    marker={"color": color, **marker},
                    legendgroup=label,
                    showlegend=column == 1 and k == median,
                    row=1,
                    col=column,
                    **_named(label, k, n),
                )
    n_most = max(len(members) for members in data.values())
    for name, marker, is_there in (
        ("attained by one run", _BEST, n_most > 2),
        ("attained by all runs", _WORST, n_most > 1),
    ):
        if is_there:
            key = {"color": _KEY_COLOR, **marker, "opacity": 1}
            figure.add_scatter(
                x=[None], y=[None], mode="markers", marker=key, name=name, row=1, col=1
            )
    for column, pair in enumerate(PAIRS, start=1):
        labels = [axis_label(some.names[j], is_maximised=some.is_maximised(j)) for j in pair]
        right, up = (label.replace(", ", "<br>") for label in labels)
        figure.update_xaxes(title_text=right, row=1, col=column)
        figure.update_yaxes(title_text=up, row=1, col=column)
    # Above: three panels need the whole width.
    legend = {"orientation": "h", "x": 1.0, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}
    figure.update_layout(template="plotly_white", hovermode="closest", legend=legend)
    return figure


def _named(label: str, k: int, n: int) -> dict[str, str]:
    if n == 1:
        return {"name": label, "hovertemplate": f"{label}<extra></extra>"}
    name = f"{label}: " + (f"all {n} runs" if k == n else f"at least {k} of {n} runs")
    return {"name": name, "hovertemplate": f"{name}: %{{y:.5g}} at %{{x:.5g}}<extra></extra>"}


def _front(data: StudyValues) -> FloatArray:
    losses = data.losses[data.feasible]
    front: FloatArray = losses[non_dominated(losses)]
    return front


def _steps(corners: FloatArray, worst: FloatArray) -> FloatArray:
    """The line through corners `float[q, 2]`, from the worst first to the worst second loss."""
    if len(corners) == 0:
        return corners
    # Sorted by the first loss, so the second one falls from corner to corner.
    points = [(corners[0, 0], worst[1])]
    for here, after in zip(corners, [*corners[1:], (worst[0], 0.0)], strict=True):
        points += [(here[0], here[1]), (after[0], here[1])]
    return np.array([point for i, point in enumerate(points) if i == 0 or point != points[i - 1]])
