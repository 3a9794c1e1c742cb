"""The README's picture: `python -m benchmarks.front_page results.json docs/hypervolume.png`.

One panel for each problem: hypervolume against evaluations, the names at the lines' ends, and how
many evaluations LINASSampler takes for what LINAS as published has at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.picture import write_figure
from optuna_linas.visualization.style import COLORS

__all__ = ["draw", "main"]

_OURS = "linas"
_NAMES = {
    "linas": "LINASSampler",
    "linas-paper": "as published",
    "tpe": "TPE",
    "nsga2": "NSGA-II",
    "random": "random",
}
_TITLES = {
    "ofa-mbv3-note10": (
        "Image classifier on a phone",
        "OFA MobileNetV3, ImageNet top-1 × latency on a Note10",
    ),
    "ofa-mbv3-i7": (
        "Image classifier on a desktop",
        "OFA MobileNetV3, ImageNet top-1 × latency on an i7",
    ),
    "hwgpt-s-h100": (
        "Language model on a GPU",
        "HW-GPT-S, perplexity × latency on an H100",
    ),
}
_TARGET = "LINAS@250"
_FIRST = 15
"""Evaluations at which the picture begins: all samplers start at random or at corners."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="what benchmarks.samplers --out wrote")
    parser.add_argument("picture", type=Path, help="an .html page, or .png with kaleido")
    parser.add_argument("--problems", nargs="+", default=["ofa-mbv3-note10", "hwgpt-s-h100"])
    options = parser.parse_args(arguments)
    figure = draw(json.loads(options.results.read_text()), options.problems)
    # A page shows it about 900 pixels wide.
    write_figure(figure, options.picture, scale=1.3)
    return 0


def draw(results: Mapping[str, Any], problems: Sequence[str]) -> go.Figure:
    """Return the picture of some problems of a benchmark's results.

    Args:
        results: What `benchmarks.samplers --out` wrote.
        problems: Their names, from left to right.

    Raises:
        ValueError: The results lack a problem, or have no search of LINASSampler.
    """
    missing = [name for name in problems if _OURS not in _samplers(results, name)]
    if missing:
        raise ValueError(
            f"The results have no search of {_OURS!r} on {missing}: run benchmarks.samplers with "
            f"--problems {' '.join(problems)} --samplers {' '.join(_NAMES)}."
        )
    figure = make_subplots(
        cols=len(problems),
        subplot_titles=["<br>".join(_title(name)) for name in problems],
        horizontal_spacing=0.25,
    )
    n_all = 0
    for i, problem in enumerate(problems, start=1):
        curves = {
            name: found["curve"]
            for name, found in _samplers(results, problem).items()
            if name in _NAMES
        }
        means = {name: curve["mean"] for name, curve in curves.items()}
        n_all = max(n_all, *(len(mean) for mean in means.values()))
        for name, curve in curves.items():
            _add_curve(figure, i, name, curve)
        _label_ends(figure, i, means)
        _add_lead(figure, i, results["problems"][problem])
    figure.update_xaxes(
        title_text="evaluations", showgrid=False, ticks="outside", range=[0, 1.01 * n_all], dtick=50
    )
    figure.update_yaxes(tickformat=".0%", gridcolor="#EEEEEE")
    figure.update_yaxes(title_text="hypervolume (of the best known)", col=1)
    figure.update_layout(
        template="plotly_white",
        width=1000,
        height=420,
        showlegend=False,
        margin={"l": 80, "r": 135, "t": 70, "b": 60},
        font={"size": 15},
    )
    return figure


def _title(problem: str) -> tuple[str, ...]:
    title, subtitle = _TITLES.get(problem, (problem, ""))
    return title, f"<sub>{subtitle}</sub>"


def _samplers(results: Mapping[str, Any], problem: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = results["problems"].get(problem, {}).get("samplers", {})
    return found


def _color(name: str) -> str:
    return "#888888" if name == "random" else COLORS[list(_NAMES).index(name)]


def _add_curve(figure: go.Figure, col: int, name: str, curve: Mapping[str, Any]) -> None:
    mean, error = curve["mean"][_FIRST - 1 :], curve["standard_error"][_FIRST - 1 :]
    x = list(range(_FIRST, _FIRST + len(mean)))
    if error is not None:
        upper = [m + e for m, e in zip(mean, error, strict=True)]
        lower = [m - e for m, e in zip(mean, error, strict=True)]
        band = go.Scatter(
            x=[*x, *reversed(x)],
            y=[*upper, *reversed(lower)],
            fill="toself",
            fillcolor=_color(name),
            opacity=0.15,
            line={"width": 0},
        )
        figure.add_trace(band, row=1, col=col)
    width = 4 if name == _OURS else 2
    line = {"color": _color(name), "width": width}
    figure.add_trace(go.Scatter(x=x, y=mean, mode="lines", line=line), row=1, col=col)


def _label_ends(figure: go.Figure, col: int, means: Mapping[str, Sequence[float]]) -> None:
    """Name each line at its end; names that would overlap are moved apart."""
    least = 0.062 * (
        max(m[-1] for m in means.values()) - min(m[_FIRST - 1] for m in means.values())
    )
    at = -float("inf")
    for name in sorted(means, key=lambda name: means[name][-1]):
        at = max(means[name][-1], at + least)
        text = _NAMES[name]
        figure.add_annotation(
            x=len(means[name]),
            y=at,
            text=f"<b>{text}</b>" if name == _OURS else text,
            font={"color": _color(name), "size": 15},
            xanchor="left",
            showarrow=False,
            row=1,
            col=col,
        )


def _add_lead(figure: go.Figure, col: int, found: Mapping[str, Any]) -> None:
    """Say how soon a search of ours has what LINAS as published has at the end, on average."""
    ours = found["samplers"][_OURS]
    reached, n_all = ours["evaluations_to"].get(_TARGET, {}), ours["n_evaluations"]
    if reached.get("n_reached") != len(ours["seeds"]):
        return
    level, mean, error = found["targets"][_TARGET], reached["mean"], reached["standard_error"]
    place = {"row": 1, "col": col}
    line = {"color": "#555555", "dash": "dot", "width": 1.5}
    figure.add_shape(type="line", x0=mean, x1=n_all, y0=level, y1=level, line=line, **place)
    marker = {"color": COLORS[0], "size": 9, "line": {"color": "white", "width": 1.5}}
    dot = go.Scatter(x=[mean], y=[level], mode="markers", marker=marker)
    figure.add_trace(dot, **place)
    figure.add_annotation(
        x=n_all,
        y=level,
        text=f"after {mean:.0f} ± {error:.0f}, not {n_all}",
        font={"color": "#333333", "size": 13},
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        **place,
    )


if __name__ == "__main__":
    sys.exit(main())
