"""What an objective function does in a search: the errors it raises, how many values it returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["Watched"]


class Watched:
    """An objective that remembers in which trial an error was raised: threads run several.

    It remembers too whether its values are as many as the directions: where they are not, and never
    were, the command is wrong and not the trial, and every further trial would fail as this one.

    Args:
        objective: Called with a trial.
        n_directions: Of the study.
        n_wrong: How many trials in a row with another number of values tell that all will: one, or
            two if trials before this command had the right number.
        keep_errors: Remember errors. Those that end nothing hold what the trial had in memory.

    Attributes:
        wrong_count: The number of the trial that told it and of its values; `None` if none did.

    Example:
        >>> from optuna.trial import create_trial
        >>> watched = Watched(lambda trial: (0.9, 12.0), n_directions=1, keep_errors=True)
        >>> watched(create_trial(value=0.0))
        (0.9, 12.0)
        >>> watched.wrong_count[1]
        2
    """

    def __init__(
        self,
        objective: Callable[[Trial], Any],
        n_directions: int,
        *,
        n_wrong: int = 1,
        keep_errors: bool,
    ) -> None:
        self._objective = objective
        self._n_directions = n_directions
        self._keep_errors = keep_errors
        self._n_wrong = n_wrong
        self._is_right = False
        self._raised: list[tuple[Exception, int]] = []
        self.wrong_count: tuple[int, int] | None = None

    def __call__(self, trial: Trial) -> Any:
        """Return what the objective returns."""
        try:
            returned = self._objective(trial)
        except Exception as error:
            if self._keep_errors:
                self._raised.append((error, trial.number))
            raise
        values = returned if isinstance(returned, Sequence) else [returned]
        if values and all(_is_measured(value) for value in values):
            self._is_right |= len(values) == self._n_directions
            self._n_wrong -= not self._is_right
            if self._n_wrong == 0 and self.wrong_count is None:
                self.wrong_count = (trial.number, len(values))
        return returned

    def trial_of(self, error: Exception) -> int | None:
        """Return the number of the trial that raised this; `None` if it came from elsewhere."""
        return next((number for raised, number in self._raised if raised is error), None)


def _is_measured(value: Any) -> bool:
    # A lone NaN or `None` says that the trial failed, and not how many values the others have.
    try:
        return not math.isnan(float(value))
    except (TypeError, ValueError):
        return False
