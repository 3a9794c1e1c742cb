"""Architecture search as Optuna samplers."""

from optuna_linas.samplers.linas import LINASSampler

__all__ = ["LINASSampler"]
