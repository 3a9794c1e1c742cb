"""LINAS: lightly trained predictors and an inner evolutionary search propose each batch."""

from optuna_linas.linas.fitting import MIN_EXAMPLES
from optuna_linas.linas.propose import Proposal, Settings, make_proposal, propose
from optuna_linas.linas.published import published
from optuna_linas.linas.startup import has_corners, startup

__all__ = [
    "MIN_EXAMPLES",
    "Proposal",
    "Settings",
    "has_corners",
    "make_proposal",
    "propose",
    "published",
    "startup",
]
