"""Stops a study whose front no longer improves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna import logging as optuna_logging
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import FloatArray
from optuna_linas.given import check_count, check_number
from optuna_linas.goals import Goal
from optuna_linas.pareto import hypervolume, non_dominated
from optuna_linas.study_values import values_of

__all__ = ["HypervolumeStagnation"]

_logger = optuna_logging.get_logger("optuna.linas")

_MARGIN = 0.1
"""How far behind the front's end the reference point lies, so that the ends count too."""


class HypervolumeStagnation:
    """A callback that stops a study after `patience` trials that brought next to nothing.

    It compares the hypervolume of the measured trials with that of all but the last `patience` of
    them, and stops the study if it has grown by less than `min_improvement` of itself. Both are up
    to the same point: a little behind the ends of the front or, where that is worse, the median
    trial. So a penalty of 1e9 does not hide what the search still gains. With one objective the
    hypervolume is how much better than that point the best trial is.

    Everything follows from the study's trials: a study that is resumed, or has several workers, is
    judged as a whole. Failed and pruned trials do not count.

    Args:
        patience: Measured trials without improvement. A few batches of the sampler at least: 50
            for a search of several hundred trials.
        min_improvement: What counts as an improvement, as a share of the hypervolume.
        reference: The point up to which volume counts, in the user's directions, `float[m]`; by
            default as above.
        objectives: What the front is of: indices and user attributes; by default what the study
            is searched for.

    Raises:
        ValueError: A patience below 1, a negative improvement.
        TypeError: Another kind of argument.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        >>> study.optimize(
        ...     lambda trial: trial.suggest_int("depth", 1, 3),
        ...     n_trials=200,
        ...     callbacks=[HypervolumeStagnation(patience=20)],
        ... )
        >>> len(study.trials) < 40
        True
    """

    def __init__(
        self,
        patience: int,
        *,
        min_improvement: float = 1e-3,
        reference: Sequence[float] | None = None,
        objectives: Sequence[Goal | str] | None = None,
    ) -> None:
        check_count("patience", patience, least=1)
        check_number("min_improvement", min_improvement, least=0.0)
        self._patience = patience
        self._min_improvement = min_improvement
        self._reference = None if reference is None else np.asarray(reference, dtype=float)
        self._objectives = objectives

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Stop `study` if it has stagnated; called by `study.optimize` after each trial."""
        if trial.state == TrialState.COMPLETE and self.has_stagnated(study):
            _logger.info(
                f"The last {self._patience} trials have improved the hypervolume by less than "
                f"{self._min_improvement:g} of itself: the study stops."
            )
            study.stop()

    def has_stagnated(self, study: Study) -> bool:
        """Return whether the last `patience` measured trials brought next to nothing.

        Never while fewer are measured, no trial before them satisfies all constraints, or none is
        better than the reference point.

        Raises:
            ValueError: The reference point has another number of values than there are objectives.
        """
        data = values_of(study, self._objectives)
        if self._reference is not None and self._reference.shape != (len(data.names),):
            raise ValueError(
                f"The reference point needs a value for each of {list(data.names)}, got "
                f"{self._reference.tolist()}."
            )
        n_before = len(data.trials) - self._patience
        before = data.losses[:n_before][data.feasible[:n_before]] if n_before > 0 else ()
        if len(before) == 0:
            return False
        now = data.losses[data.feasible]
        point = _reference(now) if self._reference is None else self._reference * data.signs
        volume = hypervolume(now, point)
        return volume > 0 and volume - hypervolume(before, point) <= self._min_improvement * volume


def _reference(losses: FloatArray) -> FloatArray:
    front = losses[non_dominated(losses)]
    ideal = front.min(axis=0)
    far = np.maximum(front.max(axis=0), np.median(losses, axis=0))
    # An objective that is the same everywhere must not make every volume 0.
    depth = np.where(far > ideal, (1.0 + _MARGIN) * (far - ideal), 1.0)
    point: FloatArray = ideal + depth
    return point
