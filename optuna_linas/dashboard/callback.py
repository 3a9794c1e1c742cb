"""Publishing while a search runs."""

from __future__ import annotations

import threading
import warnings
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.dashboard.writing import Contents, write_page
from optuna_linas.given import check_count

__all__ = ["DashboardCallback", "PublishingWarning"]


class PublishingWarning(UserWarning):
    """The study's page in optuna-dashboard is not up to date; the search goes on."""


class DashboardCallback:
    """Keeps a study's page in optuna-dashboard up to date: a callback for `study.optimize`.

    After every `every`-th trial of the study the page is written anew, by the worker that ran that
    trial; any number of workers may each have such a callback. What goes wrong never stops the
    search: the first failure is a warning, later ones are silent. The last trials of a search need
    not be a full round: call `publish(study)` at its end.

    Args:
        every: Trials between two publications. One takes some tenths of a second.
        options: The arguments of `publish`.

    Raises:
        ValueError: `every` is less than one.
        TypeError: `every` is not a whole number.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> def objective(trial):
        ...     return trial.suggest_int("depth", 1, 9), trial.suggest_int("width", 1, 9)
        >>> study.optimize(objective, n_trials=4, callbacks=[DashboardCallback(every=2)])
    """

    def __init__(self, every: int = 10, **options: Any) -> None:
        check_count("every", every, least=1)
        self._every, self._contents = every, Contents(**options)
        self._is_at_work = threading.Lock()
        self._has_warned = False

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Publish, if it is this trial's turn and no other thread is at it."""
        if (trial.number + 1) % self._every or not self._is_at_work.acquire(blocking=False):
            return
        try:
            problems = self._publish(study)
        finally:
            self._is_at_work.release()
        if problems and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"The page of study {study.study_name!r} in optuna-dashboard is not up to date; "
                f"the search goes on. {problems[0]}",
                PublishingWarning,
                stacklevel=2,
            )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_is_at_work"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._is_at_work = threading.Lock()

    def _publish(self, study: Study) -> list[str]:
        """Publish; return what went wrong."""
        try:
            return write_page(study, self._contents, only_newer=True)
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
