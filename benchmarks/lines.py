"""Curves with a band of one standard error, in colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from optuna_linas.visualization.style import COLORS

__all__ = ["Styles", "curve_with_band"]

_DASHES = ("solid", "dash", "dot", "dashdot")
_MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star")


class Styles:
    """A style for each name: beyond the palette's colours, the line's dashes tell names apart.

    Args:
        names: In the order in which styles are given out.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._number = {name: i for i, name in enumerate(dict.fromkeys(names))}

    def line(self, name: str) -> dict[str, Any]:
        """Return plotly's description of the name's line."""
        i = self._number[name]
        dash = _DASHES[i // len(COLORS) % len(_DASHES)]
        return {"color": COLORS[i % len(COLORS)], "dash": dash, "width": 2}

    def marker(self, name: str) -> dict[str, Any]:
        """Return plotly's description of the name's markers."""
        return {"symbol": _MARKERS[self._number[name] % len(_MARKERS)], "size": 7}


def curve_with_band(
    name: str,
    x: Sequence[float],
    mean: Sequence[float],
    error: Sequence[float] | None,
    styles: Styles,
    *,
    in_legend: bool,
    markers: bool = False,
) -> list[go.Scatter]:
    """Return a curve and, with standard errors, the band around it."""
    line = styles.line(name)
    curve = go.Scatter(
        x=list(x),
        y=list(mean),
        name=name,
        legendgroup=name,
        showlegend=in_legend,
        mode="lines+markers" if markers else "lines",
        marker=styles.marker(name),
        line=line,
    )
    if error is None:
        return [curve]
    upper = [m + e for m, e in zip(mean, error, strict=True)]
    lower = [m - e for m, e in zip(mean, error, strict=True)]
    band = go.Scatter(
        x=[*x, *reversed(list(x))],
        y=[*upper, *reversed(lower)],
        fill="toself",
        fillcolor=line["color"],
        opacity=0.15,
        line={"width": 0},
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )
    return [band, curve]
