"""The picture of a benchmark's results: hypervolume against evaluations, one panel a problem."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.colors import qualitative
from plotly.subplots import make_subplots

__all__ = ["draw", "write_picture"]

_COLUMNS = 2


def write_picture(results: Mapping[str, Any], path: Path) -> None:
    """Write the picture: a page that needs nothing else, or an image if kaleido is installed.

    Raises:
        ValueError: Neither .html nor an image that plotly can write.
    """
    figure = draw(results)
    if path.suffix == ".html":
        figure.write_html(path, include_plotlyjs=True)
    else:
        figure.write_image(path, scale=2)


def draw(results: Mapping[str, Any]) -> go.Figure:
    """Draw mean curves with bands of one standard error, and the targets as dotted lines."""
    problems = results["problems"]
    names = list(dict.fromkeys(s for p in problems.values() for s in p["samplers"]))
    colours = dict(zip(names, qualitative.Dark24 * (1 + len(names) // 24), strict=False))
    n_rows = max(1, -(-len(problems) // _COLUMNS))
    figure = make_subplots(
        rows=n_rows,
        cols=min(_COLUMNS, max(1, len(problems))),
        subplot_titles=list(problems),
        vertical_spacing=0.35 / (n_rows + 1),
    )
    legend: set[str] = set()
    for i, problem in enumerate(problems.values()):
        place = {"row": i // _COLUMNS + 1, "col": i % _COLUMNS + 1}
        for name, sampler in problem["samplers"].items():
            for trace in _traces(name, sampler["curve"], colours[name], name not in legend):
                figure.add_trace(trace, **place)
            legend.add(name)
        for target, share in problem["targets"].items():
            figure.add_hline(
                y=share, line_dash="dot", line_color="grey", annotation_text=target, **place
            )
        figure.update_xaxes(title_text="evaluations", **place)
        figure.update_yaxes(title_text="hypervolume share", **place)
    figure.update_layout(
        template="plotly_white", height=120 + 400 * n_rows, width=1200, hovermode="x unified"
    )
    return figure


def _traces(name: str, curve: Mapping[str, Any], colour: str, in_legend: bool) -> list[go.Scatter]:
    mean = curve["mean"]
    x = list(range(1, len(mean) + 1))
    line = go.Scatter(
        x=x,
        y=mean,
        name=name,
        legendgroup=name,
        showlegend=in_legend,
        mode="lines",
        line={"color": colour, "width": 2},
    )
    if curve["standard_error"] is None:
        return [line]
    upper = [m + e for m, e in zip(mean, curve["standard_error"], strict=True)]
    lower = [m - e for m, e in zip(mean, curve["standard_error"], strict=True)]
    band = go.Scatter(
        x=[*x, *reversed(x)],
        y=[*upper, *reversed(lower)],
        fill="toself",
        fillcolor=colour,
        opacity=0.15,
        line={"width": 0},
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )
    return [band, line]
