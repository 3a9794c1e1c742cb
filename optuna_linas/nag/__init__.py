"""Pareto-Frontier-aware neural architecture generation: an architecture for any budget, at once."""

from optuna_linas.nag.avoided import Avoided
from optuna_linas.nag.examples import MIN_TRIALS, MIN_WORKING, examples_of
from optuna_linas.nag.fitting import fit
from optuna_linas.nag.model import BudgetModel
from optuna_linas.nag.penalties import are_measured, suspected
from optuna_linas.nag.rewards import REWARDS, Reward
from optuna_linas.nag.settings import PAPER, EvaluatorSettings, Settings

__all__ = [
    "MIN_TRIALS",
    "MIN_WORKING",
    "PAPER",
    "REWARDS",
    "Avoided",
    "BudgetModel",
    "EvaluatorSettings",
    "Reward",
    "Settings",
    "are_measured",
    "examples_of",
    "fit",
    "suspected",
]
