"""The picture of a benchmark's results: hypervolume against evaluations, one panel a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle
from operator import itemgetter
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.lines import Styles, curve_with_band

__all__ = ["draw", "write_figure", "write_page", "write_picture"]

_IMAGE_WIDTH = 1200

_COLUMNS = 2
_FIRST_SHOWN = 10
"""Evaluations from which on a curve is sure to be in the picture."""


def write_picture(results: Mapping[str, Any], path: Path) -> None:
    """Write the picture of a benchmark's results.

    Raises:
        ValueError: Neither .html nor an image that plotly can write.
    """
    write_figure(draw(results), path)


def write_figure(figure: go.Figure, path: Path, *, scale: float = 2) -> None:
    """Write a figure: a page that needs nothing else, or an image if kaleido is installed.

    Args:
        figure: The figure.
        path: Its ending says what is written.
        scale: Pixels of an image for one of the figure's.

    Raises:
        ValueError: Neither .html nor an image that plotly can write.
    """
    if path.suffix == ".html":
        write_page([figure], path, "optuna-linas: a benchmark")
    else:
        figure.write_image(path, scale=scale, width=figure.layout.width or _IMAGE_WIDTH)


def write_page(figures: Sequence[go.Figure], path: Path, title: str) -> None:
    """Write figures as a page that needs nothing else, each as wide as the window.

    Args:
        figures: From the top to the bottom.
        path: The file.
        title: What the window is called.
    """
    # The scroll bar is there from the beginning, or the first figure would be drawn too wide.
    parts = [
        f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title>",
        "<style>html { overflow-y: scroll }</style>",
    ]
    for i, figure in enumerate(figures):
        wide = go.Figure(figure).update_layout(width=None)
        parts.append(wide.to_html(full_html=False, include_plotlyjs=i == 0))
    path.write_text("\n".join(parts), encoding="utf-8")


def draw(results: Mapping[str, Any]) -> go.Figure:
    """Draw mean curves with bands of one standard error, and the targets as dotted lines."""
    problems = results["problems"]
    styles = Styles([s for p in problems.values() for s in p["samplers"]])
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
            curve = sampler["curve"]
            traces = curve_with_band(
                name,
                range(1, len(curve["mean"]) + 1),
                curve["mean"],
                curve["standard_error"],
                styles,
                in_legend=name not in legend,
            )
            for trace in traces:
                figure.add_trace(trace, **place)
            legend.add(name)
        # Two targets may be all but equal: one label below its line, the next above.
        positions = cycle(("bottom right", "top right"))
        for target, share in sorted(problem["targets"].items(), key=itemgetter(1)):
            figure.add_hline(
                y=share,
                line_dash="dot",
                line_color="grey",
                annotation_text=target,
                annotation_position=next(positions),
                annotation_bgcolor="rgba(255, 255, 255, 0.8)",
                **place,
            )
        figure.update_xaxes(title_text="evaluations", **place)
        figure.update_yaxes(
            title_text="share of the best front's hypervolume", range=_range(problem), **place
        )
    figure.update_layout(template="plotly_white", height=120 + 400 * n_rows, hovermode="x unified")
    return figure


def _range(problem: Mapping[str, Any]) -> list[float]:
    """Return what to show: the first few evaluations would press all others together."""
    curves = [sampler["curve"]["mean"] for sampler in problem["samplers"].values()]
    lowest = min((curve[min(_FIRST_SHOWN, len(curve)) - 1] for curve in curves), default=0.0)
    highest = max([*(curve[-1] for curve in curves), *problem["targets"].values()], default=1.0)
    margin = 0.05 * (highest - lowest)
    return [lowest - margin, highest + 2 * margin]
