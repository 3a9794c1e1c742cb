"""What the networks on the front have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study

from optuna_linas.arrays import FloatArray
from optuna_linas.goals import Goal
from optuna_linas.space import SearchSpace
from optuna_linas.study_values import check_study
from optuna_linas.visualization.front_archs import EncodedTrials, Unexplained, encoded_trials
from optuna_linas.visualization.options import ShownVariable, shown_variables
from optuna_linas.visualization.style import (
    COLORS,
    SCALE,
    counted,
    explained_empty_figure,
    name_label,
    title,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_architecture"]

_AGREED = 0.9
"""Share of the front from which on an option counts as common to it."""

_ABSENT_COLOR = "#F2F2F2"
_MAX_TICKS = 10
_MAX_SAID = 5


def plot_architecture(
    study: Study,
    *,
    objectives: Sequence[Goal | str] | None = None,
    names: Sequence[str] | None = None,
    space: SearchSpace | None = None,
) -> go.Figure:
    """Return the options along the Pareto front, and which share of it has each option.

    To the left a column for each network on the front, the cheapest first, and a row for each
    variable: the darker, the more; pale grey where the network has no such variable. To the right
    the share of the front that has each option. Options without an order have colours of their own.

    Args:
        study: Any study.
        objectives: What the front is of: indices and user attributes; by default what the study
            was searched for.
        names: The variables to show; by default all that have several options.
        space: The search space; by default the sampler's, or what the trials show.

    Returns:
        The figure; of a study without usable trials an empty one that says why.

    Raises:
        TypeError: `study` is no study.
        ValueError: An attribute that no trial has, or a name that the space does not have.

    Example:
        >>> import optuna
        >>> from optuna.distributions import IntDistribution
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> for depth, values in ((1, (0.7, 1.0)), (2, (0.9, 2.0))):
        ...     study.add_trial(optuna.create_trial(
        ...         values=values,
        ...         params={"depth": depth},
        ...         distributions={"depth": IntDistribution(1, 3)},
        ...     ))
        >>> [(bar.customdata[0], bar.x[0]) for bar in plot_architecture(study).select_traces("bar")]
        [('1', 0.5), ('2', 0.5), ('3', 0.0), ('inactive', 0.0)]
    """
    from plotly.subplots import make_subplots

    check_study(study)
    text = f"Networks on the front of {study.study_name}"
    try:
        trials = encoded_trials(study, objectives, space, names)
    except Unexplained as reason:
        return explained_empty_figure(str(reason), text)
    front = trials.front()
    if not front:
        return explained_empty_figure("No network on the front is of the search space", text)
    chosen = [
        (j, variable)
        for j, variable in enumerate(shown_variables(trials.space))
        if (len(variable.labels) > 1 if names is None else variable.name in names)
    ]
    if not chosen:
        return explained_empty_figure("No variable has several options", text)
    figure = make_subplots(
        1,
        2,
        shared_yaxes=True,
        column_widths=[0.55, 0.45],
        horizontal_spacing=0.02,
        subplot_titles=["along the front", "share of the front"],
    )
    _add_columns(figure, trials, front, chosen)
    said = _add_shares(figure, trials, front, chosen)
    cost = name_label(trials.data.names[-1])
    figure.update_xaxes(title_text=f"the networks by {cost}, the best first", row=1, col=1)
    figure.update_xaxes(title_text="share", tickformat=".0%", range=[0, 1], row=1, col=2)
    figure.update_yaxes(autorange="reversed", tickmode="linear", dtick=1, showgrid=False)
    agreed = ", ".join(said[:_MAX_SAID]) + (
        f" and {len(said) - _MAX_SAID} more" * (len(said) > _MAX_SAID)
    )
    figure.update_layout(
        title=title(
            text,
            f"{counted(len(front), 'network')}; "
            + (
                f"at least {_AGREED:.0%} of them agree on ".replace("%", " %") + agreed
                if said
                else "they agree on no option"
            ),
        ),
        template="plotly_white",
        margin={"t": 110},
        barmode="stack",
        uniformtext={"mode": "hide", "minsize": 9},
        bargap=0.08,
        height=240 + 17 * len(chosen) if len(chosen) > 12 else 220 + 30 * len(chosen),
        showlegend=False,
        hovermode="closest",
    )
    return figure


def _add_columns(
    figure: go.Figure,
    trials: EncodedTrials,
    front: list[int],
    chosen: list[tuple[int, ShownVariable]],
) -> None:
    """A heat map of the ordered options, one of the unordered, and one of what is inactive."""
    names = [variable.name for _, variable in chosen]
    networks = [_network(trials, i) for i in front]
    shape = (len(chosen), len(front))
    ordered, unordered, absent = (np.full(shape, np.nan) for _ in range(3))
    said = np.full(shape, "inactive", dtype=object)
    for row, (j, variable) in enumerate(chosen):
        on = trials.active[front, j]
        label = variable.of_option[trials.archs[front, j]]
        target = ordered if variable.is_ordered else unordered
        values = variable.places[trials.archs[front, j]]
        target[row, on] = (values if variable.is_ordered else label % len(COLORS) + 0.5)[on]
        absent[row, ~on] = 0.0
        said[row, on] = np.array(variable.labels, dtype=object)[label[on]]
    n = len(COLORS)
    steps = [[(i + end) / n, COLORS[i]] for i in range(n) for end in (0, 1)]
    for cells, scale, most in (
        (ordered, list(SCALE), 1.0),
        (unordered, steps, float(n)),
        (absent, [[0.0, _ABSENT_COLOR], [1.0, _ABSENT_COLOR]], 1.0),
    ):
        if np.isnan(cells).all():
            continue
        figure.add_heatmap(
            z=cells.round(3),
            y=names,
            x=networks,
            colorscale=scale,
            zmin=0.0,
            zmax=most,
            showscale=False,
            hoverongaps=False,
            xgap=1,
            ygap=1,
            text=np.where(np.isnan(cells), "", said),
            # The column shows the architecture; its name says which trial it is of.
            hovertemplate="%{y} = %{text}<br>%{x}<extra></extra>",
            row=1,
            col=1,
        )
    costs = trials.data.values[trials.rows[front], -1]
    ticks = np.unique(np.linspace(0, len(front) - 1, min(_MAX_TICKS, len(front))).astype(int))
    figure.update_xaxes(
        type="category",
        tickvals=[networks[i] for i in ticks],
        ticktext=[f"{costs[i]:.3g}" for i in ticks],
        tickangle=0,
        row=1,
        col=1,
    )


def _network(trials: EncodedTrials, i: int) -> str:
    row = trials.rows[i]
    values = zip(trials.data.names, trials.data.values[row], strict=True)
    said = ", ".join(f"{name_label(name)} {value:.5g}" for name, value in values)
    return f"trial {trials.data.trials[row].number}: {said}"


def _add_shares(
    figure: go.Figure,
    trials: EncodedTrials,
    front: list[int],
    chosen: list[tuple[int, ShownVariable]],
) -> list[str]:
    """Stacked bars; returns the options that nearly all of the front has."""
    shares = [_shares(trials, front, j, variable) for j, variable in chosen]
    agreed = []
    for (_, variable), share in zip(chosen, shares, strict=True):
        if share[:-1].max() >= _AGREED:
            agreed.append(f"{variable.name} = {variable.labels[int(share[:-1].argmax())]}")
    for k in range(max(len(variable.labels) for _, variable in chosen) + 1):
        names, widths, colors, labels = [], [], [], []
        for (_, variable), share in zip(chosen, shares, strict=True):
            if k < len(share):
                names.append(variable.name)
                widths.append(float(share[k]))
                colors.append((*variable.colors, _ABSENT_COLOR)[k])
                labels.append((*variable.labels, "inactive")[k])
        figure.add_bar(
            y=names,
            x=widths,
            orientation="h",
            marker={"color": colors, "line": {"width": 0}},
            text=[label if width > 0 else "" for label, width in zip(labels, widths, strict=True)],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"size": 10},
            customdata=labels,
            hovertemplate="%{y}: %{customdata} in %{x:.0%} of the front<extra></extra>",
            row=1,
            col=2,
        )
    return agreed


def _shares(trials: EncodedTrials, front: list[int], j: int, variable: ShownVariable) -> FloatArray:
    """The share of each label, and at the end of networks that lack the variable."""
    on = trials.active[front, j]
    labels = variable.of_option[trials.archs[front, j][on]]
    counts = np.bincount(labels, minlength=len(variable.labels))
    return np.append(counts, (~on).sum()) / len(front)
