"""What all figures share: colours that the colour-blind can tell apart, titles and axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "COLORS",
    "GREY",
    "PAIRS",
    "SCALE",
    "axis_label",
    "band",
    "count_bar",
    "counted",
    "explained_empty_figure",
    "faint",
    "layout",
    "name_label",
    "title",
]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette."""

GREY = "#BBBBBB"
"""What stands in the background."""

SCALE = ("#77C958", "#2FB47C", "#21908C", "#31688E", "#3E4A89", "#440154")
"""For numbers: Viridis from light to dark, without the yellow that is lost on white."""

PAIRS = ((1, 0), (2, 0), (1, 2))
"""Three goals two by two: for each panel, the ones to the right and upwards."""

_FEW = 6
"""From more on, plotly's own ticks are whole numbers."""

_UNITS = {
    "percent": "%",
    "ms": "ms",
    "us": "µs",
    "ns": "ns",
    "s": "s",
    "kb": "kB",
    "mb": "MB",
    "gb": "GB",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "megabytes": "MB",
    "mj": "mJ",
    "mw": "mW",
    "w": "W",
}


def name_label(name: str) -> str:
    """Return a name as an axis shows it, the unit at its end in brackets.

    Example:
        >>> name_label("latency_ms"), name_label("top-1 (%)")
        ('latency (ms)', 'top-1 (%)')
    """
    stem, _, last = name.rpartition("_")
    if stem and last.lower() in _UNITS:
        return f"{stem.replace('_', ' ')} ({_UNITS[last.lower()]})"
    return name.replace("_", " ")


def count_bar(what: str, counts: ArrayLike) -> dict[str, Any]:
    """Return a colour bar of whole numbers, without ticks between them.

    Args:
        what: Its title.
        counts: What is coloured.

    Example:
        >>> count_bar("iteration", [0, 2])["dtick"], "dtick" in count_bar("iteration", [0, 20])
        (1, False)
    """
    few = {"tick0": 0, "dtick": 1} if np.ptp(counts) <= _FEW else {}
    return {"title": what, "thickness": 14, **few}


def counted(n: int, noun: str) -> str:
    """Return a number of things.

    Example:
        >>> counted(1, "network"), counted(2, "network")
        ('1 network', '2 networks')
    """
    return f"{n} {noun}" + "s" * (n != 1)


def axis_label(name: str, *, is_maximised: bool) -> str:
    """Return an axis title that says which way is better.

    Example:
        >>> axis_label("latency_ms", is_maximised=False)
        'latency (ms), lower is better'
    """
    return f"{name_label(name)}, {'higher' if is_maximised else 'lower'} is better"


def title(text: str, subtitle: str = "") -> dict[str, Any]:
    """Return a title, with a smaller line below it."""
    described: dict[str, Any] = {"text": text}
    if subtitle:
        described["subtitle"] = {"text": subtitle}
    return described


def layout(text: str, *, x: str, y: str, subtitle: str = "") -> dict[str, Any]:
    """Return the layout of a figure with two titled axes."""
    return {
        "title": title(text, subtitle),
        "xaxis_title": x,
        "yaxis_title": y,
        "template": "plotly_white",
        "hovermode": "closest",
    }


def faint(color: str, opacity: float = 0.2) -> str:
    """Return a palette colour as a see-through one, for areas.

    Example:
        >>> faint("#0072B2")
        'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def band(
    x: list[float], lower: list[float], upper: list[float], color: str, group: str
) -> dict[str, Any]:
    """Return a scatter trace that fills the area between two curves of steps."""
    xs = [each for each in x for _ in (0, 1)][1:]
    above, below = ([each for each in y for _ in (0, 1)][:-1] for y in (upper, lower))
    return {
        "x": [*xs, *reversed(xs)],
        "y": [*above, *reversed(below)],
        "mode": "lines",
        "fill": "toself",
        "fillcolor": faint(color),
        "line": {"width": 0, "color": color},
        "legendgroup": group,
        "name": group,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def explained_empty_figure(reason: str, text: str = "") -> go.Figure:
    """Return a figure without data that says why.

    Args:
        reason: Why there is nothing to see.
        text: The title that the figure would have.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_annotation(text=reason, showarrow=False, font={"size": 18})
    figure.update_layout(
        template="plotly_white", xaxis={"visible": False}, yaxis={"visible": False}
    )
    if text:
        figure.update_layout(title=title(text))
    return figure
