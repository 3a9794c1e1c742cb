"""The picture of the super-network benchmark: each row's front and hypervolume curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.picture import write_page
from optuna_linas.visualization.style import COLORS

__all__ = ["draw", "write_picture"]


def write_picture(results: Mapping[str, Any], path: Path) -> None:
    """Write a page that needs nothing else."""
    write_page([draw(results)], path, "optuna-linas: super-networks")


def draw(results: Mapping[str, Any]) -> go.Figure:
    """Draw, for each row, all networks measured, and hypervolume against evaluations."""
    rows = results["rows"]
    titles = [title for name in rows for title in (name, f"{name}: hypervolume")]
    figure = make_subplots(max(len(rows), 1), 2, subplot_titles=titles or ("nothing",))
    for r, row in enumerate(rows.values(), start=1):
        for color, (sampler, values) in zip(COLORS, row["values"].items(), strict=False):
            look = {"name": sampler, "legendgroup": sampler, "marker_color": color}
            figure.add_scatter(
                x=[v[1] for v in values],
                y=[v[0] for v in values],
                mode="markers",
                showlegend=r == 1,
                **look,
                row=r,
                col=1,
            )
            curve = row["hypervolume"][sampler]
            figure.add_scatter(
                x=list(range(1, len(curve) + 1)),
                y=curve,
                mode="lines",
                showlegend=False,
                **look,
                row=r,
                col=2,
            )
        figure.update_xaxes(title=row["objectives"][1], row=r, col=1)
        figure.update_yaxes(title=row["objectives"][0], row=r, col=1)
        figure.update_xaxes(title="evaluations", row=r, col=2)
    figure.update_layout(template="plotly_white", height=360 * max(len(rows), 1))
    return figure
