"""The search space of a study, as its sampler declares it or as its trials show it."""

from __future__ import annotations

import logging

from optuna.study import Study

from optuna_linas.goals import Goals
from optuna_linas.samplers.planned import PlannedSampler
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace

__all__ = ["space_of"]

_logger = logging.getLogger(__name__)


def space_of(study: Study) -> SearchSpace | None:
    """Return the declared space of the study's sampler, or the one that its trials show.

    Conditions under which a parameter exists are learned from the trials. Parameters with a single
    option are no variables. `None` while no trial has ended that suggested anything.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        >>> study.optimize(lambda trial: trial.suggest_int("depth", 1, 3), n_trials=2)
        >>> space_of(study)
        SearchSpace(1 variables, 0 of them conditional)
    """
    sampler = study.sampler
    if isinstance(sampler, PlannedSampler) and sampler.space is not None:
        return sampler.space
    table = TrialTable(Goals(study.directions), None, _logger.debug)
    table.update(study.get_trials(deepcopy=False))
    return table.space
