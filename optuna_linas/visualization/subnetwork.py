"""One network as a drawing of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.answers import knee_point
from optuna_linas.arrays import BoolArray
from optuna_linas.given import check_given
from optuna_linas.goals import Goal, goal_name
from optuna_linas.space import SearchSpace
from optuna_linas.structure import option_levels
from optuna_linas.study_space import space_of
from optuna_linas.study_values import check_study, goals_of, values_of, why_empty
from optuna_linas.visualization.options import shade
from optuna_linas.visualization.stages import Box, stages_of
from optuna_linas.visualization.style import counted, explained_empty_figure, name_label, title

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_subnetwork"]

_PER_ROW = 8
_PLAIN = "#E3ECF4"
"""For options without an order."""
_WIDTH, _HEIGHT = 0.92, 0.84


def plot_subnetwork(
    study: Study,
    trial: FrozenTrial | int | None = None,
    *,
    objectives: Sequence[Goal | str] | None = None,
    space: SearchSpace | None = None,
) -> go.Figure:
    """Return a drawing of one network: a row for each stage, a box for each layer.

    A darker box has larger options; a dashed one is a layer that the network does not have. What is
    a stage and what a layer follows from the names of the variables and their conditions:
    `kernel_3` belongs to layer 3, which belongs to the stage whose depth decides on it.

    Args:
        study: Any study.
        trial: A trial of it, or its number; by default the knee of the front.
        objectives: What the front is of: indices and user attributes; by default what the study
            was searched for.
        space: The search space; by default the sampler's, or what the trials show.

    Returns:
        The figure; an empty one that says why where there is nothing to draw.

    Raises:
        TypeError: `study` is no study, or `trial` neither a trial nor a number.
        ValueError: The study has no such trial.
        SpaceMismatchError: The trial is not of the space.

    Example:
        >>> import optuna
        >>> plot_subnetwork(optuna.create_study()).layout.annotations[0].text
        'No complete trial yet'
    """
    import plotly.graph_objects as go

    check_study(study)
    if trial is not None:
        check_given(trial, (FrozenTrial, int), "a trial of the study, or its number")
    text = f"A network of {study.study_name}"
    if trial is None:
        data = values_of(study, objectives)
        if not data.feasible.any():
            reason = "No trial satisfies all constraints yet" if data.trials else why_empty(study)
            return explained_empty_figure(reason, text)
        trial = knee_point(study, objectives=objectives)
    elif isinstance(trial, int):
        trial = _numbered(study, trial)
    space = space_of(study) if space is None else space
    if space is None:
        return explained_empty_figure("The trials have no parameters with several options", text)
    arch = space.encode(trial.params)
    drawing = _Drawing(space, trial.params, space.present(arch[None])[0], _levels(space, arch))
    y, ticks = 0.0, []
    for stage in stages_of(space):
        rows = [stage.boxes[i : i + _PER_ROW] for i in range(0, len(stage.boxes), _PER_ROW)]
        ticks.append((y, drawing.heading(stage.name, stage.variables)))
        for row in rows or [[]]:
            for x, box in enumerate(row):
                drawing.add(x, y, box)
            y += 1.0
    figure = go.Figure()
    for shape in drawing.shapes:
        figure.add_shape(shape)
    figure.add_scatter(
        x=drawing.x,
        y=drawing.y,
        mode="text",
        text=drawing.labels,
        textfont={"color": drawing.colors, "size": 11},
        hovertext=drawing.hovers,
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(
        title=title(text, _said(study, trial, objectives, drawing)),
        template="plotly_white",
        height=int(150 + y * (16 * drawing.n_lines + 12) / _HEIGHT),
    )
    figure.update_xaxes(visible=False, range=[-0.6, max(drawing.x, default=1.0) + 0.6])
    figure.update_yaxes(
        range=[y - 0.4, -0.6],
        tickvals=[at for at, _ in ticks],
        ticktext=[label for _, label in ticks],
        showgrid=False,
        zeroline=False,
    )
    return figure


class _Drawing:
    """The boxes of one network."""

    def __init__(
        self,
        space: SearchSpace,
        params: Mapping[str, object],
        active: BoolArray,
        levels: list[float | None],
    ) -> None:
        self._space, self._params, self._active, self._levels = space, params, active, levels
        self.shapes: list[dict[str, object]] = []
        self.x: list[float] = []
        self.y: list[float] = []
        self.labels: list[str] = []
        self.colors: list[str] = []
        self.hovers: list[str] = []
        self.n_lines = 1
        self.n_missing = 0

    def heading(self, name: str, variables: list[int]) -> str:
        """What stands to the left of a stage."""
        said = [self._said(j, "stage") for j in variables if self._active[j]]
        return f"<b>{name}</b>" + "".join(f"<br>{each}" for each in said)

    def add(self, x: float, y: float, box: Box) -> None:
        on = [j for j in box.variables if self._active[j]]
        levels = [level for j in on if (level := self._levels[j]) is not None]
        level = float(np.mean(levels)) if levels else None
        self.n_lines = max(self.n_lines, len(box.variables) + (box.number is not None))
        self.n_missing += box.number is not None and not on
        self.shapes.append(
            {
                "type": "rect",
                "x0": x - _WIDTH / 2,
                "x1": x + _WIDTH / 2,
                "y0": y - _HEIGHT / 2,
                "y1": y + _HEIGHT / 2,
                "fillcolor": "white" if not on else _PLAIN if level is None else shade(level),
                "line": {"color": "#888888", "width": 1, "dash": "solid" if on else "dash"},
                "layer": "below",
            }
        )
        said = [self._said(j, str(box.number)) for j in on]
        number = [] if box.number is None else [f"<b>{box.number}</b>"]
        self.x.append(x)
        self.y.append(y)
        self.labels.append("<br>".join([*number, *(said if on else ["no layer"])]))
        is_dark = level is not None and level > 0.3
        self.colors.append("#888888" if not on else "white" if is_dark else "black")
        exact = [escape(f"{name} = {self._params[name]}", quote=False) for name in self._names(on)]
        lacking = [f"{self._space.names[j]}: inactive" for j in box.variables if j not in on]
        self.hovers.append("<br>".join([*exact, *lacking]))

    def _names(self, variables: list[int]) -> list[str]:
        return [self._space.names[j] for j in variables]

    def _said(self, j: int, number: str) -> str:
        name = self._space.names[j]
        value = self._params[name]
        shown = f"{value:.3g}" if isinstance(value, float) else escape(str(value), quote=False)
        stem = name.rstrip("0123456789").rstrip("_.") if number != "None" else name
        return f"{stem.replace('_', ' ')} {shown}"


def _levels(space: SearchSpace, arch: np.ndarray) -> list[float | None]:
    return [
        None if levels is None else float(levels[index])
        for levels, index in zip(option_levels(space), arch, strict=True)
    ]


def _numbered(study: Study, number: int) -> FrozenTrial:
    for trial in study.get_trials(deepcopy=False):
        if trial.number == number:
            return trial
    raise ValueError(f"The study {study.study_name!r} has no trial {number}.")


def _said(
    study: Study,
    trial: FrozenTrial,
    objectives: Sequence[Goal | str] | None,
    drawing: _Drawing,
) -> str:
    parts = [f"trial {trial.number}"]
    if trial.values is not None:
        goals = goals_of(study, objectives)
        values = goals.values(trial.values, trial.user_attrs) or []
        parts += [
            f"{name_label(goal_name(study, goal))} = {value:.4g}"
            for goal, value in zip(goals.goals, values, strict=False)
        ]
    if drawing.n_missing:
        parts.append(f"without {counted(drawing.n_missing, 'layer')} of the largest")
    return ", ".join(parts)
