"""A study's page in optuna-dashboard: our figures, a summary, the networks and their files.

`publish` writes them into the study's storage, which any running dashboard shows; there is no
other server. `DashboardCallback` does so while a search runs.
"""

from optuna_linas.dashboard.callback import DashboardCallback, PublishingWarning
from optuna_linas.dashboard.publishing import publish

__all__ = ["DashboardCallback", "PublishingWarning", "publish"]
