"""Whether to trust the predictions: figures 2, 6 and 7 of the LINAS paper, for one's own search."""

from __future__ import annotations

from itertools import cycle
from math import lcm
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study

from optuna_linas.arrays import FloatArray
from optuna_linas.goals import goal_name
from optuna_linas.predictors.quality import kendall_tau, mape_percent
from optuna_linas.samplers.predictions import PredictedTrials, predicted_trials
from optuna_linas.study_values import check_study, why_empty
from optuna_linas.visualization.hover import hover_texts
from optuna_linas.visualization.pooled_quality import N_POOLED, pooled
from optuna_linas.visualization.style import (
    COLORS,
    SCALE,
    count_bar,
    counted,
    explained_empty_figure,
    name_label,
    title,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_predictor_quality"]


def plot_predictor_quality(study: Study) -> go.Figure:
    """Return predicted against measured values, and how quality grew with the training examples.

    Above, a panel for each objective: on the diagonal a prediction was right. Below, Kendall's
    rank correlation (1: every pair in the right order) and the mean absolute error in percent,
    against the number of examples that the predictors had learned from: a dot for each batch, a
    line over the last 30 trials, as a small batch says little by itself.

    Args:
        study: A study searched with `LINASSampler` or `NAGSampler`, which leave what they
            predict with each trial.

    Returns:
        The figure; an empty one that says why where nothing was predicted yet.

    Raises:
        TypeError: `study` is no study.

    Example:
        >>> import optuna
        >>> figure = plot_predictor_quality(optuna.create_study())
        >>> figure.layout.annotations[0].text
        'No complete trial yet'
    """
    from plotly.subplots import make_subplots

    check_study(study)
    text = f"Predictions in {study.study_name}"
    told = predicted_trials(study)
    if not told.batches:
        reason = why_empty(study)
        if "finite" in reason:
            reason = (
                "No measured trial was predicted: the sampler does not, or is still at its start"
            )
        return explained_empty_figure(reason, text)
    names = [name_label(goal_name(study, goal)) for goal in told.goals.goals]
    n = len(names)
    n_columns = lcm(n, 2)
    figure = make_subplots(
        2,
        n_columns,
        specs=[_spans(n, n_columns), _spans(2, n_columns)],
        vertical_spacing=0.17,
        horizontal_spacing=0.12 / max(1, n - 1),
    )
    texts = _texts(told, names)
    predicted, measured = (
        np.concatenate([getattr(batch, name) for batch in told.batches])
        for name in ("predicted", "measured")
    )
    iterations = [batch.iteration for batch in told.batches for _ in batch.trials]
    for j, name in enumerate(names):
        place = {"row": 1, "col": 1 + j * (n_columns // n)}
        ends = _ends(predicted[:, j], measured[:, j])
        figure.add_scatter(
            x=ends,
            y=ends,
            mode="lines",
            line={"color": "#888888", "dash": "dash"},
            name="right",
            showlegend=False,
            hoverinfo="skip",
            **place,
        )
        figure.add_scatter(
            x=measured[:, j],
            y=predicted[:, j],
            mode="markers",
            name=name,
            showlegend=False,
            marker={
                "color": iterations,
                "colorscale": SCALE,
                "size": 7,
                "opacity": 0.8,
                "showscale": j == n - 1,
                "colorbar": {**count_bar("iteration", iterations), "y": 0.8, "len": 0.45},
            },
            text=texts,
            hovertemplate="%{text}<extra></extra>",
            **place,
        )
        figure.update_xaxes(title_text=f"measured<br>{name}", **place)
        figure.update_yaxes(title_text=f"predicted<br>{name}", **place)
    for column, (label, quality) in enumerate(_QUALITIES):
        place = {"row": 2, "col": 1 + column * (n_columns // 2)}
        for j, (name, color) in enumerate(zip(names, cycle(COLORS), strict=False)):
            examples = [batch.n_examples for batch in told.batches]
            batches = [
                quality(batch.measured[:, j], batch.predicted[:, j]) for batch in told.batches
            ]
            figure.add_scatter(
                x=examples,
                y=batches,
                mode="markers",
                name=name,
                legendgroup=name,
                showlegend=False,
                marker={"color": color, "size": 5, "opacity": 0.4},
                hovertemplate=f"{name}: %{{y:.3g}} in a batch after %{{x}} examples<extra></extra>",
                **place,
            )
            figure.add_scatter(
                x=examples,
                y=[pooled(told.batches[: i + 1], j, quality) for i in range(len(told.batches))],
                mode="lines",
                name=name,
                legendgroup=name,
                showlegend=column == 0,
                line={"color": color, "width": 2.5},
                hovertemplate=f"{name}: %{{y:.3g}} after %{{x}} examples<extra></extra>",
                **place,
            )
        figure.update_xaxes(title_text="training examples", **place)
        figure.update_yaxes(title_text=label, **place)
    used = " and ".join(dict.fromkeys(told.batches[-1].predictors))
    figure.update_layout(
        title=title(
            text,
            f"{counted(len(iterations), 'trial')} in {counted(len(told.batches), 'iteration')}"
            + (f", now predicted by {used}" if used else "")
            + f"; below: dots for a batch, lines over the last {N_POOLED} trials",
        ),
        template="plotly_white",
        hovermode="closest",
        height=760,
        legend={"y": 0.2, "yanchor": "middle"},
    )
    return figure


_QUALITIES = (
    ("Kendall's τ, higher is better", kendall_tau),
    ("error (MAPE, %), lower is better", mape_percent),
)


def _spans(n_panels: int, n_columns: int) -> list[dict[str, int] | None]:
    """A row of subplots of equal width, as plotly describes it."""
    width = n_columns // n_panels
    return [{"colspan": width} if i % width == 0 else None for i in range(n_columns)]


def _ends(predicted: FloatArray, measured: FloatArray) -> list[float]:
    both = np.concatenate([predicted, measured])
    return [float(both.min()), float(both.max())]


def _texts(told: PredictedTrials, names: list[str]) -> list[str]:
    trials, said = [], []
    for batch in told.batches:
        for trial, foretold, found in zip(
            batch.trials, batch.predicted, batch.measured, strict=True
        ):
            trials.append(trial)
            said.append(
                [
                    f"{name}: {right:.5g}, predicted {guess:.5g}"
                    for name, guess, right in zip(names, foretold, found, strict=True)
                ]
            )
    return hover_texts(trials, said)
