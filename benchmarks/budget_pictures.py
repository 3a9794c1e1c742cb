"""The pictures of the budget benchmark: figures 3 to 5 of the NAG paper on this data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from benchmarks.picture import write_page
from optuna_linas.visualization import plot_budget_histogram
from optuna_linas.visualization.style import COLORS, layout

__all__ = ["draw_fronts", "write_pictures"]

_SHOWN = ("generator", "best trial of the study", "single-budget searches", "OFA's evolution")


def write_pictures(results: Mapping[str, Any], path: Path) -> None:
    """Write one page: for every problem its fronts, and the histogram of the first seed."""
    figures = []
    for name, problem in results["problems"].items():
        costs = {float(b): c for b, c in problem["runs"][0]["histogram"].items()}
        histogram = plot_budget_histogram(costs, cost_name=problem["cost"])
        histogram.update_layout(title=f"{name}: 1,000 draws for each budget, as measured")
        figures += [draw_fronts(name, problem), histogram]
    write_page(figures, path, "optuna-linas: budgets")


def draw_fronts(name: str, problem: Mapping[str, Any]) -> go.Figure:
    """Draw the true value of what each method chose against the budget, means over seeds."""
    sign = -1.0 if problem["maximised"] else 1.0
    figure = go.Figure()
    figure.add_scatter(
        x=problem["budgets"],
        y=sign * np.array(problem["best_known_loss"]),
        name="best known",
        line={"color": "grey", "dash": "dot"},
    )
    for method, color in zip(_SHOWN, COLORS, strict=False):
        losses = [run["methods"][method]["loss"] for run in problem["runs"]]
        figure.add_scatter(
            x=problem["budgets"],
            y=sign * np.mean(losses, axis=0),
            name=method,
            mode="lines+markers",
            line={"color": color},
        )
    figure.update_layout(
        **layout(name, x=f"budget: {problem['cost']}", y=f"true {problem['value']}")
    )
    return figure
