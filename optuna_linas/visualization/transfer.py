"""Fronts found on one platform, measured on another (figures 12 and 13 of the LINAS paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import FloatArray
from optuna_linas.given import check_given
from optuna_linas.goals import Goal
from optuna_linas.pareto import hypervolume
from optuna_linas.study_values import StudyValues, values_of
from optuna_linas.visualization.hover import hover_of
from optuna_linas.visualization.style import (
    COLORS,
    axis_label,
    explained_empty_figure,
    title,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_platform_transfer"]

_TITLE = "Fronts on other platforms than their own"
_PER_ROW = 3
_MARGIN = 0.1
"""How far behind both fronts their reference point lies, as a share of their range."""


def plot_platform_transfer(
    studies: Mapping[str, Study],
    measured: Mapping[tuple[str, str], Study] | None = None,
    *,
    objectives: Sequence[Goal | str] | Mapping[str, Sequence[Goal | str]] | None = None,
) -> go.Figure:
    """Return a panel for each platform: its own front, and the others' fronts as measured on it.

    A front that loses much shows that the platform wants a search of its own. The legend says
    which share of the own front's hypervolume the other one keeps (up to a point a tenth of the
    range behind the worst of both fronts).

    A network that was found on another platform is looked up in the study of this one by its
    parameters. A search with `LINASSampler(warm_start=other_study)` has measured much of the
    other front; else measure it in a study of its own::

        for trial in phone_study.best_trials:
            phone_on_server.enqueue_trial(trial.params)
        phone_on_server.optimize(objective_on_server, n_trials=len(phone_study.best_trials))
        plot_platform_transfer(
            {"phone": phone_study, "server": server_study},
            {("phone", "server"): phone_on_server},
        )

    Where one study has measured every network on all platforms, name it for each, and say by
    `objectives` which attributes are whose.

    Args:
        studies: Platform to the study that was searched on it.
        measured: (where found, where measured) to a study with these measurements.
        objectives: Two goals, or the two goals of each platform:
            `{"phone": [0, "phone_ms"], "server": [0, "server_ms"]}`. By default what the studies
            were searched for.

    Returns:
        The figure; an empty one that says why where there is nothing to compare.

    Raises:
        TypeError: Something else than studies by name.
        ValueError: Another number of objectives, an unknown platform, or different directions.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(direction="maximize")
        >>> for accuracy, phone, server in ((0.7, 1.0, 3.0), (0.8, 2.0, 2.0)):
        ...     attributes = {"phone_ms": phone, "server_ms": server}
        ...     study.add_trial(optuna.create_trial(value=accuracy, user_attrs=attributes))
        >>> figure = plot_platform_transfer(
        ...     {"phone": study, "server": study},
        ...     objectives={"phone": [0, "phone_ms"], "server": [0, "server_ms"]},
        ... )
        >>> [trace.name for trace in figure.data]
        ['found on phone', 'found on server', 'found on phone', 'found on server']
    """
    from plotly.subplots import make_subplots

    _check_studies(studies, "platform")
    measured = {} if measured is None else measured
    _check_studies(measured, "pair of platforms, (where found, where measured),")
    unknown = sorted({name for pair in measured for name in pair} - set(studies))
    if unknown:
        raise ValueError(f"`measured` names {unknown}; the platforms are {list(studies)}.")
    goals = objectives if isinstance(objectives, Mapping) else dict.fromkeys(studies, objectives)
    if missing := [name for name in studies if name not in goals]:
        raise ValueError(f"`objectives` says nothing of {missing}.")
    data = {name: values_of(study, goals[name]) for name, study in studies.items()}
    for name, each in data.items():
        if len(each.names) != 2:
            raise ValueError(
                f"Fronts are compared in two objectives; the study of {name!r} has "
                f"{len(each.names)}. Name two: objectives=[0, 'latency_ms']."
            )
    if len({tuple(each.signs) for each in data.values()}) > 1:
        raise ValueError("Studies with different directions have no fronts to compare.")
    if not any(each.feasible.any() for each in data.values()):
        reason = "No complete, feasible trial yet" if studies else "No study was given"
        return explained_empty_figure(reason, _TITLE)
    n_columns = min(_PER_ROW, len(studies))
    n_rows = -(-len(studies) // n_columns)
    figure = make_subplots(
        n_rows,
        n_columns,
        subplot_titles=[f"measured on {name}" for name in studies],
        horizontal_spacing=0.25 / n_columns,
    )
    colors = dict(zip(studies, cycle(COLORS), strict=False))
    for panel, (target, own) in enumerate(data.items()):
        place = {"row": panel // n_columns + 1, "col": panel % n_columns + 1}
        kept = []
        for source in studies:
            if source == target:
                here, rows, n_asked = own, own.sorted_front(), None
            else:
                elsewhere = measured.get((source, target), studies[target])
                here = values_of(elsewhere, goals[target])
                wanted = [data[source].trials[i] for i in data[source].sorted_front()]
                rows, n_asked = _same_networks(here, wanted), len(wanted)
            if n_asked is not None:
                kept.append(_said(source, here, rows, own, n_asked))
            texts = hover_of(here)
            is_own = source == target
            figure.add_scatter(
                x=here.values[rows, 1],
                y=here.values[rows, 0],
                mode="lines+markers" if is_own else "markers",
                line={"color": colors[source], "shape": "hv", "width": 2},
                marker={
                    "color": colors[source],
                    "size": 7,
                    "symbol": "circle" if is_own else "diamond-open",
                },
                name=f"found on {source}",
                legendgroup=source,
                showlegend=panel == 0,
                text=[f"found on {source}, measured on {target}<br>{texts[i]}" for i in rows],
                hovertemplate="%{text}<extra></extra>",
                **place,
            )
        x, y = (axis_label(own.names[j], is_maximised=own.is_maximised(j)) for j in (1, 0))
        figure.update_xaxes(title_text=x + ("<br>" + "<br>".join(kept) if kept else ""), **place)
        figure.update_yaxes(title_text=y, **place)
    figure.update_layout(
        title=title(
            _TITLE,
            "line: the platform's own front; diamonds: fronts found elsewhere, measured here",
        ),
        template="plotly_white",
        margin={"t": 110},
        hovermode="closest",
        height=140 + 440 * n_rows,
        legend={"orientation": "h", "x": 1.0, "xanchor": "right", "y": 1.05, "yanchor": "bottom"},
        showlegend=True,
    )
    return figure


def _check_studies(studies: object, whose: str) -> None:
    check_given(studies, Mapping, f"a dict from {whose} to a study")
    assert isinstance(studies, Mapping)
    for name, study in studies.items():
        check_given(study, Study, f"under {name!r} a study")


def _same_networks(data: StudyValues, wanted: Sequence[FrozenTrial]) -> list[int]:
    """Positions of the first trials with the parameters of the wanted ones, where there are any."""
    known: dict[tuple[tuple[str, object], ...], int] = {}
    for i, trial in enumerate(data.trials):
        known.setdefault(tuple(sorted(trial.params.items())), i)
    keys = (tuple(sorted(trial.params.items())) for trial in wanted)
    return [known[key] for key in keys if key in known]


def _said(source: str, here: StudyValues, rows: list[int], own: StudyValues, n_asked: int) -> str:
    if not rows:
        return f"{source}'s front is not measured here"
    theirs: FloatArray = here.losses[rows]
    ours: FloatArray = own.losses[own.front]
    share = ""
    if len(ours):
        both = np.concatenate([theirs, ours])
        # A little behind the worst, so that the ends of a front count too.
        reference = both.max(axis=0) + _MARGIN * np.ptp(both, axis=0)
        volume = hypervolume(ours, reference)
        if volume > 0:
            share = f" keeps {hypervolume(theirs, reference) / volume:.0%} of the hypervolume"
    counted = (
        "" if len(rows) == n_asked else f" ({len(rows)} of its {n_asked} networks are measured)"
    )
    return f"{source}'s front{share.replace('%', ' %')}{counted}"
