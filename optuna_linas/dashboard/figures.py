"""Which figures a study has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from optuna.study import Study

from optuna_linas.answers import knee_point
from optuna_linas.dashboard.facts import Front, is_predicted
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.space import SearchSpace
from optuna_linas.study_values import goals_of
from optuna_linas.visualization import (
    plot_architecture,
    plot_hypervolume,
    plot_lineage,
    plot_option_shares,
    plot_parallel_coordinate,
    plot_population,
    plot_predictor_quality,
    plot_search_progress,
    plot_subnetwork,
)
from optuna_linas.visualization.progress import MOST_OBJECTIVES

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["StudyFigure", "figures_of"]


@dataclass(frozen=True)
class StudyFigure:
    """A figure of a study that can be drawn.

    Attributes:
        figure_id: What it is called on the study's page.
        draw: Draws it; may raise.
    """

    figure_id: str
    draw: Callable[[], go.Figure]


def figures_of(study: Study, front: Front, space: SearchSpace | None) -> Iterator[StudyFigure]:
    """Yield what there is to see of a study, most telling first.

    Args:
        study: Any study.
        front: Its front.
        space: Its search space, where it is known.

    Example:
        >>> import optuna
        >>> from optuna_linas.dashboard.facts import front_of
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> [figure.figure_id for figure in figures_of(study, front_of(study), None)]
        ['search-progress', 'hypervolume']
    """
    n_goals = len(goals_of(study))
    if n_goals <= MOST_OBJECTIVES:
        yield StudyFigure("search-progress", partial(plot_search_progress, study))
    if n_goals > 1:
        yield StudyFigure("hypervolume", partial(plot_hypervolume, study))
    if is_predicted(study):
        yield StudyFigure("predictor-quality", partial(plot_predictor_quality, study))
    if PopulationPlan.of(study) is not None:
        yield StudyFigure("population", partial(plot_population, study))
        yield StudyFigure("lineage", partial(plot_lineage, study))
        yield StudyFigure("option-shares", partial(plot_option_shares, study))
    if space is not None and front.trials:
        yield StudyFigure("architecture", partial(plot_architecture, study, space=space))
        # A trial of this front: one that is newer may not be of this space.
        knee = front.position(knee_point(study).number)
        trial = front.trials[knee or 0]
        yield StudyFigure("network", partial(plot_subnetwork, study, trial, space=space))
        yield StudyFigure("parallel", partial(plot_parallel_coordinate, study, space=space))
