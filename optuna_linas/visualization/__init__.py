"""Figures of a study: from a study to a plotly figure, as in optuna.visualization."""

from optuna_linas.visualization.budgets import plot_budget_front, plot_budget_histogram
from optuna_linas.visualization.hypervolume import (
    hypervolume_history,
    plot_hypervolume,
    shared_reference,
)
from optuna_linas.visualization.population import (
    plot_lineage,
    plot_option_shares,
    plot_population,
)
from optuna_linas.visualization.progress import plot_search_progress

__all__ = [
    "hypervolume_history",
    "plot_budget_front",
    "plot_budget_histogram",
    "plot_hypervolume",
    "plot_lineage",
    "plot_option_shares",
    "plot_population",
    "plot_search_progress",
    "shared_reference",
]
