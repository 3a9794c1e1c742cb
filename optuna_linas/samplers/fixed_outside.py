"""Parameters that Optuna's `PartialFixedSampler` fixes: what its trials may become.

It asks the sampler that it wraps for all other parameters and does not say to which values it sets
its own. A search that does not know would hand out networks that differ in nothing else.

Workers of one study share one plan, which does not tell what it was planned for. So one that fixes
nothing takes what another has planned for the values it fixes, until that batch is used up; nothing
is measured twice, but its trials are spent there. Who fixes other values makes of the rows what
they are with its own. Workers that fix different things are better off with studies of their own.

Shapes: `d` variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from optuna.samplers import PartialFixedSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.distributions import distributions_of
from optuna_linas.history import History
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace

__all__ = ["fixed_outside", "history_inside", "inside", "narrowed"]


def fixed_outside(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters that samplers around the study's own set for a trial, and their values.

    What the trial was enqueued with comes first, in Optuna too.

    Example:
        >>> import optuna
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")  # "experimental"
        ...     sampler = PartialFixedSampler({"depth": 2}, optuna.samplers.RandomSampler())
        >>> study = optuna.create_study(sampler=sampler)
        >>> fixed_outside(study, study.ask()._cached_frozen_trial)
        {'depth': 2}
    """
    fixed: dict[str, Any] = {}
    sampler = study.sampler
    while isinstance(sampler, PartialFixedSampler):
        fixed = {**sampler._fixed_params, **fixed}
        sampler = sampler._base_sampler
    enqueued = trial.system_attrs.get("fixed_params", {})
    return {name: value for name, value in fixed.items() if name not in enqueued}


def narrowed(space: SearchSpace, fixed: Mapping[str, Any]) -> SearchSpace:
    """Return the space whose canonical rows have the values of `fixed`; itself if it has none.

    Names and values that the space does not have change nothing. Where a known range lacks a value,
    rows have the nearest one: of `suggest_int("m", 1, 1)` Optuna makes 1, whatever is fixed. (In a
    wider range it takes the fixed value as it is, and nothing can be learned from the trial.)

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2, 3], "width": [8, 16]})
        >>> narrowed(space, {"depth": 2}).canonical([[0, 1], [2, 0]])
        array([[1, 1],
               [1, 0]])
    """
    distributions = distributions_of(space)
    for j, variable in enumerate(space.variables):
        if variable.name not in fixed:
            continue
        with suppress(ValueError, OverflowError):
            # As Optuna stores it: of "2" and 2.5 it makes 2, of True the choice 1.
            distribution = distributions[variable.name]
            stored = distribution.to_internal_repr(fixed[variable.name])
            option = variable.index(distribution.to_external_repr(stored))
            known = space if isinstance(space, ObservedSpace) else ObservedSpace(space.variables)
            space = known.fixing(j, option)
    return space


def inside(space: SearchSpace, archs: IntArray) -> BoolArray:
    """Return which of canonical rows `int[n, d]` of a wider space are of a narrowed one."""
    same: BoolArray = (space.canonical(archs) == archs).all(axis=1)
    return same


def history_inside(space: SearchSpace, history: History) -> History:
    """Return what a history of a wider space tells of the networks of a narrowed one."""
    measured, failed = inside(space, history.codes), inside(space, history.failed)
    return replace(
        history.only(measured),
        failed=history.failed[failed],
        failed_numbers=history.failed_numbers[failed],
    )
