"""LINAS: lightly trained predictors and an inner evolutionary search propose each batch."""

from optuna_linas.linas.fitting import MIN_EXAMPLES
from optuna_linas.linas.propose import Settings, propose
from optuna_linas.linas.published import published
from optuna_linas.linas.startup import startup

__all__ = ["MIN_EXAMPLES", "Settings", "propose", "published", "startup"]
