"""LINAS: lightly trained predictors and an inner evolutionary search propose each batch."""

from optuna_linas.linas.propose import MIN_EXAMPLES, Settings, propose

__all__ = ["MIN_EXAMPLES", "Settings", "propose"]
