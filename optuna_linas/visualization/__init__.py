"""Figures of a study: from a study to a plotly figure, as in optuna.visualization."""

from optuna_linas.visualization.architecture import plot_architecture
from optuna_linas.visualization.attainment import plot_attainment
from optuna_linas.visualization.budgets import plot_budget_front, plot_budget_histogram
from optuna_linas.visualization.hypervolume import (
    hypervolume_history,
    plot_hypervolume,
    shared_reference,
)
from optuna_linas.visualization.parallel import plot_parallel_coordinate
from optuna_linas.visualization.pooled_quality import predictor_quality
from optuna_linas.visualization.population import (
    plot_lineage,
    plot_option_shares,
    plot_population,
)
from optuna_linas.visualization.predictors import plot_predictor_quality
from optuna_linas.visualization.progress import plot_search_progress
from optuna_linas.visualization.subnetwork import plot_subnetwork
from optuna_linas.visualization.transfer import plot_platform_transfer

__all__ = [
    "hypervolume_history",
    "plot_architecture",
    "plot_attainment",
    "plot_budget_front",
    "plot_budget_histogram",
    "plot_hypervolume",
    "plot_lineage",
    "plot_option_shares",
    "plot_parallel_coordinate",
    "plot_platform_transfer",
    "plot_population",
    "plot_predictor_quality",
    "plot_search_progress",
    "plot_subnetwork",
    "predictor_quality",
    "shared_reference",
]
