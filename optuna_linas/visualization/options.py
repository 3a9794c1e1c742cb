"""How figures show the options of a variable: an order, colours, and few enough of them.

A long range of numbers is shown in `N_BINS` parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.structure import option_levels
from optuna_linas.visualization.style import COLORS, SCALE

__all__ = ["ShownVariable", "shade", "shown_variables"]

N_BINS = 5
_MOST_OPTIONS = 9


@dataclass(frozen=True)
class ShownVariable:
    """A variable as figures show it.

    Attributes:
        name: Its name.
        labels: What is shown of its options, in their order.
        colors: One each: shades for what has an order, else colours that differ.
        of_option: From an option's index to its label's, `int[n_options]`.
        places: Where each option lies, from 0 to 1, `float[n_options]`.
        ticks: Places with what an axis says there.
        is_ordered: Whether more is darker.
    """

    name: str
    labels: tuple[str, ...]
    colors: tuple[str, ...]
    of_option: IntArray
    places: FloatArray
    ticks: tuple[tuple[float, str], ...]
    is_ordered: bool


def shown_variables(space: SearchSpace) -> list[ShownVariable]:
    """Return how each variable of a space is shown.

    Example:
        >>> space = SearchSpace.from_choices({"width": [16, 64, 32], "op": ["conv", "skip"]})
        >>> [(v.labels, v.is_ordered) for v in shown_variables(space)]
        [(('16', '32', '64'), True), (('conv', 'skip'), False)]
    """
    return [
        _shown(name, options, levels)
        for name, options, levels in zip(
            space.names, space.choices, option_levels(space), strict=True
        )
    ]


def shade(level: float) -> str:
    """Return the colour of a place between 0, the least, and 1, the most.

    Example:
        >>> shade(0.0), shade(1.0)
        ('rgb(119, 201, 88)', 'rgb(68, 1, 84)')
    """
    at = min(max(level, 0.0), 1.0) * (len(SCALE) - 1)
    i = min(int(at), len(SCALE) - 2)
    mixed = (
        round(low + (at - i) * (high - low))
        for low, high in zip(_rgb(SCALE[i]), _rgb(SCALE[i + 1]), strict=True)
    )
    return f"rgb({', '.join(map(str, mixed))})"


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def _shown(name: str, options: Sequence[object], levels: FloatArray | None) -> ShownVariable:
    n = len(options)
    is_ordered = levels is not None or n == 1
    order = np.argsort(levels, kind="stable") if levels is not None else np.arange(n)
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    places = rank / max(n - 1, 1) if n > 1 else np.array([0.5])
    of_option, labels = rank, tuple(_text(options[i]) for i in order)
    ticks = tuple((float(places[i]), label) for i, label in zip(order, labels, strict=True))
    if n > _MOST_OPTIONS and levels is not None:
        of_option = rank * N_BINS // n
        bins = [[options[i] for i in order if of_option[i] == b] for b in range(N_BINS)]
        shown = [order[round(at * (n - 1))] for at in np.linspace(0, 1, N_BINS)]
        ticks = tuple((float(places[i]), _text(options[i])) for i in shown)
        labels = tuple(
            _text(of[0]) if len(of) == 1 else f"{_text(of[0])}–{_text(of[-1])}" for of in bins
        )
    n_labels = len(labels)
    colors = (
        tuple(shade(i / (n_labels - 1) if n_labels > 1 else 0.5) for i in range(n_labels))
        if is_ordered
        else tuple(COLORS[i % len(COLORS)] for i in range(n_labels))
    )
    return ShownVariable(name, labels, colors, of_option, places, ticks, is_ordered)


def _text(option: object) -> str:
    return f"{option:.3g}" if isinstance(option, float) else escape(str(option), quote=False)
