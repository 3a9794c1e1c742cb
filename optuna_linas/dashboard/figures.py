"""Which figures a study has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.study import Study

from optuna_linas.population_plan import PopulationPlan
from optuna_linas.visualization import (
    plot_hypervolume,
    plot_lineage,
    plot_option_shares,
    plot_population,
    plot_search_progress,
)

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
    draw: Callable[[Study], go.Figure]


def figures_of(study: Study) -> Iterator[StudyFigure]:
    """Yield what there is to see of a study, most telling first.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> [figure.figure_id for figure in figures_of(study)]
        ['search-progress', 'hypervolume']
    """
    n_objectives = len(study.directions)
    if n_objectives == 2:
        yield StudyFigure("search-progress", plot_search_progress)
    if n_objectives > 1:
        yield StudyFigure("hypervolume", plot_hypervolume)
    if PopulationPlan.of(study) is not None:
        yield StudyFigure("population", plot_population)
        yield StudyFigure("lineage", plot_lineage)
        yield StudyFigure("option-shares", plot_option_shares)
