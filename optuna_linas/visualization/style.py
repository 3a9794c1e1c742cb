"""What all figures share: colours that the colour-blind can tell apart, layout, hover texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["COLORS", "explained_empty_figure", "hover_text", "layout"]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette."""

_MAX_LINES = 24


def layout(title: str, *, x: str, y: str) -> dict[str, Any]:
    """Return the layout of a figure with two titled axes."""
    return {
        "title": title,
        "xaxis_title": x,
        "yaxis_title": y,
        "template": "plotly_white",
        "hovermode": "closest",
    }


def hover_text(trial: FrozenTrial) -> str:
    """Return a trial's number, values and parameters as HTML lines."""
    values = ", ".join(f"{value:.5g}" for value in trial.values)
    lines = [f"<b>trial {trial.number}</b>: {values}"]
    lines += [f"{name} = {value}" for name, value in trial.params.items()]
    if len(lines) > _MAX_LINES:
        hidden = len(lines) - _MAX_LINES
        lines = [*lines[:_MAX_LINES], f"... and {hidden} more"]
    return "<br>".join(lines)


def explained_empty_figure(reason: str) -> go.Figure:
    """Return a figure without data that says why."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_annotation(text=reason, showarrow=False, font={"size": 18})
    figure.update_layout(
        template="plotly_white", xaxis={"visible": False}, yaxis={"visible": False}
    )
    return figure
