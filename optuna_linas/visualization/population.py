"""A population's history: who descends from whom, how good it was, what it consisted of.

The attributes that `PBTNASSampler` and `PBTMember` record are all that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.assignment import Assignment
from optuna_linas.lineage import Lineage, read_lineage
from optuna_linas.visualization.style import COLORS, explained_empty_figure, hover_text, layout
from optuna_linas.visualization.values import objective_names

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_lineage", "plot_option_shares", "plot_population"]

_EMPTY = "No complete trial of a population yet"


def plot_lineage(study: Study, *, objective: int = 0) -> go.Figure:
    """Return the family tree: a point per member and step, lines to where its weights come from.

    A grey line is a member that goes on, a blue one leads to a child from its base, an orange one
    from its donor. Points are coloured by their score.

    Args:
        study: A study with a population.
        objective: Which objective the colour shows.

    Raises:
        ValueError: The study has no population.
    """
    import plotly.graph_objects as go

    steps = _steps(read_lineage(study))
    if not steps:
        return explained_empty_figure(_EMPTY)
    places = {trial.number: place for place, trial in steps.items()}
    figure = go.Figure()
    for name, color, width, is_shown in _LINKS:
        x: list[float | None] = []
        y: list[float | None] = []
        for place, trial in steps.items():
            for i, parent in enumerate(trial.user_attrs.get("pbt_parents", ())):
                if parent in places and is_shown(places[parent][1] == place[1], i):
                    x += [places[parent][0], place[0], None]
                    y += [places[parent][1], place[1], None]
        line = {"color": color, "width": width}
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip")
    figure.add_scatter(
        x=[generation for generation, _ in steps],
        y=[slot for _, slot in steps],
        mode="markers",
        name="members",
        showlegend=False,
        marker={
            "color": [trial.values[objective] for trial in steps.values()],
            "colorscale": "Viridis",
            "size": 10,
            "colorbar": {"title": objective_names(study)[objective]},
        },
        text=[_hover(trial) for trial in steps.values()],
        hovertemplate="%{text}<extra></extra>",
    )
    figure.update_layout(**layout(f"Lineage of {study.study_name}", x="generation", y="slot"))
    figure.update_layout(legend={"orientation": "h", "y": 1.08})
    return figure


_LINKS: tuple[tuple[str, str, float, Callable[[bool, int], bool]], ...] = (
    ("goes on", "#BBBBBB", 1.0, lambda is_same_slot, i: is_same_slot and i == 0),
    ("base of a child", COLORS[0], 1.5, lambda is_same_slot, i: not is_same_slot and i == 0),
    ("donor of layers", COLORS[4], 1.0, lambda is_same_slot, i: i == 1),
)


def plot_population(study: Study, *, objective: int = 0) -> go.Figure:
    """Return every member's score over the epochs trained, with the best and the median.

    Args:
        study: A study with a population.
        objective: Which objective.

    Raises:
        ValueError: The study has no population.
    """
    import plotly.graph_objects as go

    lineage = read_lineage(study)
    steps = _steps(lineage)
    if not steps:
        return explained_empty_figure(_EMPTY)
    epochs = _epochs_at_end(lineage)
    score = {place: trial.values[objective] for place, trial in steps.items()}
    figure = go.Figure()
    figure.add_scatter(
        x=[epochs[generation] for generation, _ in steps],
        y=list(score.values()),
        mode="markers",
        name="members",
        marker={"color": "#BBBBBB", "size": 6},
        text=[_hover(trial) for trial in steps.values()],
        hovertemplate="%{text}<extra></extra>",
    )
    is_maximised = study.directions[objective].name == "MAXIMIZE"
    generations = sorted({generation for generation, _ in steps})
    of = {g: [value for place, value in score.items() if place[0] == g] for g in generations}
    for name, color, summary in (
        ("best", COLORS[0], max if is_maximised else min),
        ("median", COLORS[1], np.median),
    ):
        figure.add_scatter(
            x=[epochs[generation] for generation in generations],
            y=[float(summary(of[generation])) for generation in generations],
            mode="lines+markers",
            name=name,
            line={"color": color, "width": 2.5},
        )
    title = f"Population of {study.study_name}"
    figure.update_layout(**layout(title, x="epochs", y=objective_names(study)[objective]))
    return figure


def plot_option_shares(study: Study, names: Sequence[str] | None = None) -> go.Figure:
    """Return, for each variable, which share of the population has each option in each generation.

    Args:
        study: A study with a population.
        names: The variables; by default all that are no hyper-parameters and have at most 12
            different values.

    Raises:
        ValueError: The study has no population, or no member has a variable of that name.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    lineage = read_lineage(study)
    steps = _steps(lineage)
    if not steps:
        return explained_empty_figure(_EMPTY)
    values: dict[str, list[str]] = {}
    for trial in steps.values():
        for name, value in trial.params.items():
            known = values.setdefault(name, [])
            known += [str(value)] * (str(value) not in known)
    if names is None:
        skipped = lineage.plan.hyperparameters
        names = [n for n in sorted(values) if n not in skipped and len(values[n]) <= 12]
    missing = [name for name in names if name not in values]
    if missing:
        raise ValueError(f"No member has {missing}; there are {sorted(values)}.")
    if not names:
        return explained_empty_figure("No variable with few options")
    n_columns = min(3, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = make_subplots(n_rows, n_columns, subplot_titles=list(names), shared_xaxes=True)
    generations = sorted({generation for generation, _ in steps})
    n_members = {g: sum(place[0] == g for place in steps) for g in generations}
    for i, name in enumerate(names):
        for j, option in enumerate(sorted(values[name])):
            shares = [
                sum(
                    place[0] == g and str(trial.params.get(name, _ABSENT)) == option
                    for place, trial in steps.items()
                )
                / n_members[g]
                for g in generations
            ]
            figure.add_trace(
                go.Scatter(
                    x=generations,
                    y=shares,
                    name=f"{name} = {option}",
                    mode="lines",
                    stackgroup=name,
                    line={"width": 0.5, "color": COLORS[j % len(COLORS)]},
                    hovertemplate=f"{option}: %{{y:.0%}}<extra></extra>",
                    showlegend=False,
                ),
                row=i // n_columns + 1,
                col=i % n_columns + 1,
            )
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    title = f"Share of each option in {study.study_name}"
    figure.update_layout(title=title, template="plotly_white", height=120 + 220 * n_rows)
    return figure


_ABSENT = object()


def _steps(lineage: Lineage) -> dict[tuple[int, int], FrozenTrial]:
    """The trial that counted for each (generation, slot), where there is one."""
    found = {}
    for place in sorted(lineage.attempts):
        trial = lineage.counting(*place)
        if trial is not None:
            found[place] = trial
    return found


def _epochs_at_end(lineage: Lineage) -> dict[int, int]:
    """How many epochs a member has been trained for after each generation."""
    lengths: dict[int, int] = {}
    for (generation, _), trials in lineage.attempts.items():
        own = Assignment.of(trials[0])
        assert own is not None
        lengths[generation] = own.n_epochs
    total, ends = 0, {}
    for generation in sorted(lengths):
        total += lengths[generation]
        ends[generation] = total
    return ends


def _hover(trial: FrozenTrial) -> str:
    attrs = trial.user_attrs
    where = f"slot {attrs['pbt_slot']}, generation {attrs['pbt_generation']}"
    donated = ", ".join(attrs["pbt_donated"])
    return f"{hover_text(trial)}<br>{where}" + (f"<br>donated: {donated}" if donated else "")
