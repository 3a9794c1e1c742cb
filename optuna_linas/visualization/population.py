"""A population's history: who descends from whom, how good it was, what it consisted of.

The attributes that `PBTNASSampler` and `PBTMember` record are all that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import FloatArray
from optuna_linas.assignment import Assignment
from optuna_linas.goals import Goal, goal_name
from optuna_linas.lineage import Lineage, read_lineage
from optuna_linas.natural_order import natural_order
from optuna_linas.study_values import check_study, goals_of
from optuna_linas.visualization.hover import hover_texts
from optuna_linas.visualization.style import (
    COLORS,
    GREY,
    SCALE,
    axis_label,
    counted,
    explained_empty_figure,
    layout,
    name_label,
    title,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_lineage", "plot_option_shares", "plot_population"]

_EMPTY = "No complete trial of a population yet"
_NONE = "The study has no population: none of its trials is PBTNASSampler's"


def plot_lineage(study: Study, *, objective: Goal | str = 0) -> go.Figure:
    """Return the family tree: a point per member and step, lines to where its weights come from.

    A grey line is a member that goes on, a blue one leads to a child from its base, an orange one
    from its donor. Points are coloured by their score.

    Args:
        study: A study with a population.
        objective: What the colour shows: an objective's index or a user attribute.

    Returns:
        The figure; of a study without a population an empty one that says so.

    Raises:
        TypeError: `study` is no study.
        ValueError: The study does not have the objective.

    Example:
        >>> import optuna
        >>> from optuna_linas import PBTNASSampler
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(sampler=PBTNASSampler(4, 2, 1, seed=0))
        >>> study.optimize(lambda trial: trial.suggest_categorical("width", [8, 16]))
        >>> plot_lineage(study).layout.xaxis.title.text
        'generation'
    """
    import plotly.graph_objects as go

    check_study(study)
    text = f"Lineage of {study.study_name}"
    lineage = _lineage(study)
    steps = {} if lineage is None else _steps(lineage)
    if not steps:
        return explained_empty_figure(_NONE if lineage is None else _EMPTY, text)
    scores, name, _ = _scores(study, steps, objective)
    places = {trial.number: place for place, trial in steps.items()}
    figure = go.Figure()
    for link, color, width, is_shown in _LINKS:
        x: list[float | None] = []
        y: list[float | None] = []
        for place, trial in steps.items():
            for i, parent in enumerate(trial.user_attrs.get("pbt_parents", ())):
                if parent in places and is_shown(places[parent][1] == place[1], i):
                    x += [places[parent][0], place[0], None]
                    y += [places[parent][1], place[1], None]
        line = {"color": color, "width": width}
        figure.add_scatter(x=x, y=y, mode="lines", name=link, line=line, hoverinfo="skip")
    figure.add_scatter(
        x=[generation for generation, _ in steps],
        y=[slot for _, slot in steps],
        mode="markers",
        name="members",
        showlegend=False,
        marker={
            "color": list(scores.values()),
            "colorscale": SCALE,
            "size": 10,
            "colorbar": {"title": name_label(name), "thickness": 14},
        },
        text=_texts(steps, scores, name),
        hovertemplate="%{text}<extra></extra>",
    )
    n_generations = len({generation for generation, _ in steps})
    said = f"{counted(len(steps), 'step')} of training in {counted(n_generations, 'generation')}"
    figure.update_layout(**layout(text, x="generation", y="slot", subtitle=said))
    figure.update_layout(legend={"orientation": "h", "y": 1.08})
    return figure


_LINKS: tuple[tuple[str, str, float, Callable[[bool, int], bool]], ...] = (
    ("goes on", GREY, 1.0, lambda is_same_slot, i: is_same_slot and i == 0),
    ("base of a child", COLORS[0], 1.5, lambda is_same_slot, i: not is_same_slot and i == 0),
    ("donor of layers", COLORS[4], 1.0, lambda is_same_slot, i: i == 1),
)


def plot_population(study: Study, *, objective: Goal | str = 0) -> go.Figure:
    """Return every member's score over the epochs trained, with the best and the median.

    Args:
        study: A study with a population.
        objective: Which objective, by its index, or a user attribute.

    Returns:
        The figure; of a study without a population an empty one that says so.

    Raises:
        TypeError: `study` is no study.
        ValueError: The study does not have the objective.

    Example:
        >>> import optuna
        >>> from optuna_linas import PBTNASSampler
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(sampler=PBTNASSampler(4, 2, 1, seed=0))
        >>> study.optimize(lambda trial: trial.suggest_categorical("width", [8, 16]))
        >>> plot_population(study).layout.xaxis.title.text
        'epochs trained'
    """
    import plotly.graph_objects as go

    check_study(study)
    text = f"Population of {study.study_name}"
    lineage = _lineage(study)
    steps = {} if lineage is None else _steps(lineage)
    if lineage is None or not steps:
        return explained_empty_figure(_NONE if lineage is None else _EMPTY, text)
    epochs = _epochs_at_end(lineage)
    score, name, is_maximised = _scores(study, steps, objective)
    figure = go.Figure()
    figure.add_scatter(
        x=[epochs[generation] for generation, _ in steps],
        y=list(score.values()),
        mode="markers",
        name="members",
        marker={"color": GREY, "size": 6},
        text=_texts(steps, score, name),
        hovertemplate="%{text}<extra></extra>",
    )
    generations = sorted({generation for generation, _ in steps})
    of = {g: [value for place, value in score.items() if place[0] == g] for g in generations}
    for label, color, summary in (
        ("best", COLORS[0], max if is_maximised else min),
        ("median", COLORS[1], np.median),
    ):
        figure.add_scatter(
            x=[epochs[generation] for generation in generations],
            y=[float(summary(of[generation])) for generation in generations],
            mode="lines+markers",
            name=label,
            line={"color": color, "width": 2.5},
        )
    label = axis_label(name, is_maximised=is_maximised)
    n_members = len({slot for _, slot in steps})
    said = f"{counted(n_members, 'member')}, {counted(len(generations), 'generation')}"
    figure.update_layout(**layout(text, x="epochs trained", y=label, subtitle=said))
    return figure


def plot_option_shares(study: Study, names: Sequence[str] | None = None) -> go.Figure:
    """Return, for each variable, which share of the population has each option in each generation.

    Args:
        study: A study with a population.
        names: The variables; by default all that are no hyper-parameters and have at most 12
            different values.

    Returns:
        The figure; of a study without a population an empty one that says so.

    Raises:
        TypeError: `study` is no study.
        ValueError: No member has a variable of that name.

    Example:
        >>> import optuna
        >>> from optuna_linas import PBTNASSampler
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(sampler=PBTNASSampler(4, 2, 1, seed=0))
        >>> study.optimize(lambda trial: trial.suggest_categorical("width", [8, 16]))
        >>> len(plot_option_shares(study).data)
        2
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    check_study(study)
    text = f"Share of each option in {study.study_name}"
    lineage = _lineage(study)
    steps = {} if lineage is None else _steps(lineage)
    if lineage is None or not steps:
        return explained_empty_figure(_NONE if lineage is None else _EMPTY, text)
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
        return explained_empty_figure("No variable with few options", text)
    n_columns = min(3, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = make_subplots(n_rows, n_columns, subplot_titles=list(names), shared_xaxes=True)
    generations = sorted({generation for generation, _ in steps})
    for i, name in enumerate(names):
        place = {"row": i // n_columns + 1, "col": i % n_columns + 1}
        below = np.zeros(len(generations))
        for j, option in enumerate(sorted(values[name], key=natural_order)):
            shares = _shares(steps, generations, name, option)
            figure.add_trace(
                go.Scatter(
                    x=generations,
                    y=shares.tolist(),
                    name=f"{name} = {option}",
                    mode="lines",
                    stackgroup=name,
                    line={"width": 0.5, "color": COLORS[j % len(COLORS)]},
                    hovertemplate=f"{option}: %{{y:.0%}}<extra></extra>",
                    showlegend=False,
                ),
                **place,
            )
            # Its name stands where it is widest.
            widest = int(shares.argmax())
            figure.add_annotation(
                x=generations[widest],
                y=below[widest] + shares[widest] / 2,
                text=escape(option, quote=False),
                showarrow=False,
                xanchor="left"
                if widest == 0
                else "right"
                if widest == len(shares) - 1
                else "center",
                font={"size": 11},
                **place,
            )
            below += shares
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    figure.update_xaxes(title_text="generation", row=n_rows)
    figure.update_yaxes(title_text="share of the members", col=1)
    figure.update_layout(title=title(text), template="plotly_white", height=140 + 220 * n_rows)
    return figure


_ABSENT = object()


def _shares(
    steps: dict[tuple[int, int], FrozenTrial], generations: list[int], name: str, option: str
) -> FloatArray:
    """Which share of each generation has the option."""
    has: dict[int, list[bool]] = {generation: [] for generation in generations}
    for (generation, _), trial in steps.items():
        has[generation].append(str(trial.params.get(name, _ABSENT)) == option)
    return np.array([np.mean(has[generation]) for generation in generations])


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


def _lineage(study: Study) -> Lineage | None:
    """The population, or `None` where the study has none."""
    try:
        return read_lineage(study)
    except ValueError:
        return None


def _scores(
    study: Study, steps: dict[tuple[int, int], FrozenTrial], objective: Goal | str
) -> tuple[dict[tuple[int, int], float], str, bool]:
    """What each step scored (NaN without the attribute), its name, and whether more is better."""
    goals = goals_of(study, [objective])
    scores = {}
    for place, trial in steps.items():
        value = goals.values(trial.values, trial.user_attrs)
        scores[place] = float("nan") if value is None else value[0]
    return scores, goal_name(study, goals.goals[0]), goals.signs[0] < 0


def _texts(
    steps: dict[tuple[int, int], FrozenTrial], scores: dict[tuple[int, int], float], name: str
) -> list[str]:
    said = []
    for place, trial in steps.items():
        attrs = trial.user_attrs
        donated = ", ".join(attrs["pbt_donated"])
        said.append(
            [
                f"{name} = {scores[place]:.5g}",
                f"slot {attrs['pbt_slot']}, generation {attrs['pbt_generation']}",
                *([f"donated: {donated}"] if donated else []),
            ]
        )
    return hover_texts(list(steps.values()), said)
