"""An architecture as a picture: a strip of cells for each group of variables, in SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from optuna_linas.dashboard.architecture import groups_of

__all__ = ["architecture_svg"]

_CELL, _GAP, _LABEL, _TOP = 46, 3, 170, 56
_N_COLUMNS = 10
_LIGHT, _DARK = (222, 235, 247), (0, 90, 160)
_FONT = "font-family='sans-serif'"


def architecture_svg(
    params: Mapping[str, Any], options: Mapping[str, Sequence[Any]], *, title: str
) -> str:
    """Return a picture of an architecture: the darker a cell, the larger the option.

    Args:
        params: The active parameters.
        options: Of every parameter the options that there are, from small to large.
        title: The heading.

    Example:
        >>> svg = architecture_svg({"depth": 2}, {"depth": [1, 2]}, title="trial 7")
        >>> svg.startswith("<svg"), "trial 7" in svg
        (True, True)
    """
    groups = groups_of([*params, *options])
    groups = [group for group in groups if any(name in params for name in group.names)]
    rows = [
        (group.label if start == 0 else "", group.names[start : start + _N_COLUMNS])
        for group in groups
        for start in range(0, len(group.names), _N_COLUMNS)
    ]
    width = _LABEL + max((len(names) for _, names in rows), default=1) * _CELL + 20
    height = _TOP + len(rows) * (_CELL + 8) + 12
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}'>",
        f"<rect width='{width}' height='{height}' fill='white'/>",
        f"<text x='14' y='32' {_FONT} font-size='18'>{escape(title)}</text>",
    ]
    for row, (label, names) in enumerate(rows):
        y = _TOP + row * (_CELL + 8)
        parts.append(
            f"<text x='14' y='{y + 27}' {_FONT} font-size='13'>{escape(_short(label))}</text>"
        )
        for column, name in enumerate(names):
            parts.append(_cell(_LABEL + column * _CELL, y, name, params, options.get(name, ())))
    return "\n".join([*parts, "</svg>"])


def _cell(x: int, y: int, name: str, params: Mapping[str, Any], options: Sequence[Any]) -> str:
    size = _CELL - _GAP
    if name not in params:
        return (
            f"<rect x='{x}' y='{y}' width='{size}' height='{size}' rx='4' fill='none' "
            f"stroke='#cccccc' stroke-dasharray='3'>"
            f"<title>{escape(name)}: not active</title></rect>"
        )
    share = _share(params[name], options)
    mixed = [round(a + share * (b - a)) for a, b in zip(_LIGHT, _DARK, strict=True)]
    value = params[name]
    shown = f"{value:.3g}" if isinstance(value, float) else str(value)
    ink = "white" if share > 0.5 else "black"
    font = 14 if len(shown) <= 4 else 9
    return (
        f"<rect x='{x}' y='{y}' width='{size}' height='{size}' rx='4' "
        f"fill='rgb({mixed[0]},{mixed[1]},{mixed[2]})'>"
        f"<title>{escape(name)} = {escape(shown)}</title></rect>"
        f"<text x='{x + size / 2}' y='{y + size / 2 + 5}' {_FONT} font-size='{font}' "
        f"text-anchor='middle' fill='{ink}'>{escape(_short(shown, 9))}</text>"
    )


def _share(value: Any, options: Sequence[Any]) -> float:
    """Where an option stands from the smallest, 0, to the largest, 1."""
    if value in options and len(options) > 1:
        return list(options).index(value) / (len(options) - 1)
    return 0.3


def _short(text: str, n: int = 22) -> str:
    return text if len(text) <= n else f"{text[: n - 1]}…"
