"""A figure as JSON of a bounded size, whatever the number of trials.

Numbers keep five digits, the template is left out. Where that is not enough, first the texts that
show when hovering shrink to their first lines, then every second, fourth, ... point of the long
traces is left out, which the title says. Short traces, as most Pareto fronts are, keep all they
have.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from optuna_linas.dashboard.pages import MAX_BYTES, n_stored_bytes
from optuna_linas.visualization.style import explained_empty_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["compact_json"]

_DIGITS = 5
_MANY, _FEW = 100, 40
"""Longer traces are the first, and the second, to lose the most of their hover texts."""
_HEIGHT = 325
"""Pixels that the dashboard leaves to the axes."""
_GRID = "#E5ECF6"
_AXES = ("xaxis", "yaxis", "zaxis")


def compact_json(figure: go.Figure, max_bytes: int = MAX_BYTES) -> str:
    """Return a figure as JSON that a storage keeps in at most `max_bytes`.

    Args:
        figure: Any figure; it is left as it is.
        max_bytes: In the storage, which quotes the text once more.

    Returns:
        What `plotly.io.from_json` reads. A figure that cannot be made small enough is replaced by
        one that says so.

    Example:
        >>> import plotly.graph_objects as go
        >>> figure = go.Figure(go.Scatter(x=[1 / 3] * 50_000, y=[2 / 3] * 50_000, mode="markers"))
        >>> len(compact_json(figure)) < 60_000
        True
    """
    for traces, layout in _smaller_and_smaller(figure):
        text = json.dumps({"data": traces, "layout": layout}, separators=(",", ":"))
        if n_stored_bytes(text) <= max_bytes:
            return text
    replacement = explained_empty_figure("Too large to be kept with the study: draw it yourself")
    return str(replacement.to_json())


def _smaller_and_smaller(
    figure: go.Figure,
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    # Not to_dict: it writes arrays in base64, which has all digits and is no shorter.
    traces = [_plain(trace.to_plotly_json()) for trace in figure.data]
    layout = _plain(figure.layout.to_plotly_json())
    for name in ("template", "height", "width"):  # The dashboard gives each figure its place.
        layout.pop(name, None)
    _style(layout)
    _fit_labels(traces, layout)
    yield traces, layout
    for n_points in (_MANY, _FEW):
        for trace in traces:
            if _n_points(trace) > n_points and isinstance(trace.get("text"), list):
                trace["text"] = [_first_line(text) for text in trace["text"]]
        yield traces, layout
    title = layout.get("title", {}).get("text", "")
    for every in (2, 4, 8, 16, 32, 64, 128):
        thin = [_thinned(trace, every) for trace in traces]
        note = f"{title}<br><sub>of long lists every {every}. point is shown here</sub>"
        yield thin, {**layout, "title": {**layout.get("title", {}), "text": note}}


def _plain(value: Any) -> Any:
    """Arrays as lists, numbers with few digits, nothing that JSON has no word for."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value


def _style(layout: dict[str, Any]) -> None:
    """What plotly's white template, 7 KB, does to the axes; and less margin in the small place."""
    layout["margin"] = {**layout.get("margin", {}), "l": 60, "r": 30, "t": 80, "b": 45}
    layout["font"] = {"size": 11, **layout.get("font", {})}
    for annotation in layout.get("annotations", ()):  # the headings of panels, among others
        annotation["font"] = {"size": 11, **annotation.get("font", {})}
        annotation["font"]["size"] = min(11, annotation["font"]["size"])
    if "title" in layout:  # A legend above the figure is at the right.
        layout["title"] = {**layout["title"], "x": 0.02, "xanchor": "left"}
    layout.setdefault("xaxis", {})
    layout.setdefault("yaxis", {})
    for key, axis in layout.items():
        if key.rstrip("0123456789") in _AXES:
            for name in ("gridcolor", "zerolinecolor", "linecolor"):
                axis.setdefault(name, _GRID)
            axis.setdefault("automargin", True)
            title = axis.setdefault("title", {})
            title.setdefault("standoff", 8)
            title["font"] = {"size": 11, **title.get("font", {})}


def _fit_labels(traces: list[dict[str, Any]], layout: dict[str, Any]) -> None:
    """Small labels where a map has many rows."""
    for trace in traces:
        n_rows = len(trace.get("y", ())) if trace.get("type") == "heatmap" else 0
        if n_rows > _HEIGHT // 11:
            axis = layout["yaxis" + trace.get("yaxis", "y").removeprefix("y")]
            axis["tickfont"] = {**axis.get("tickfont", {}), "size": max(6, _HEIGHT // n_rows)}


def _n_points(trace: dict[str, Any]) -> int:
    return max((len(trace[name]) for name in ("x", "y") if name in trace), default=0)


def _first_line(text: Any) -> Any:
    return text.split("<br>", 1)[0] if isinstance(text, str) else text


def _thinned(trace: dict[str, Any], every: int) -> dict[str, Any]:
    n = _n_points(trace)
    if trace.get("type") not in ("scatter", "scatter3d", "scattergl") or n <= _FEW:
        return trace
    # A line with gaps is many short lines; each is kept or left out whole.
    strokes = np.cumsum([value is None for value in trace.get("x", [None] * n)])
    units = strokes if 0 < strokes[-1] < n else np.arange(n)
    kept = (units % every == 0) | (units == units[-1])
    return dict(_only(trace, kept))


def _only(trace: dict[str, Any], kept: np.ndarray[Any, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in trace.items():
        if isinstance(value, dict):
            yield name, dict(_only(value, kept))
        elif isinstance(value, list) and len(value) == len(kept):
            yield name, [each for each, is_kept in zip(value, kept, strict=True) if is_kept]
        else:
            yield name, value
