"""Ask a trial for an architecture of a search space, define-by-run."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from optuna_linas.distributions import distributions_of
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["suggest"]


def suggest(trial: optuna.trial.BaseTrial, space: SearchSpace) -> dict[str, Option]:
    """Suggest every variable whose conditions hold, parents before the variables they decide on.

    So the trial shows only the parameters that its network has, and define-by-run samplers see
    the conditions.

    Args:
        trial: A running trial, or an `optuna.trial.FixedTrial`.
        space: The variables and their conditions.

    Returns:
        The values of the active variables: the `params` that `space.encode` and a supernet take.

    Raises:
        ValueError: The study already has other choices under one of the names.

    Example:
        >>> space = SearchSpace.from_choices(
        ...     {"depth": [1, 2], "kernel_1": [3, 5]}, conditions={"kernel_1": {"depth": [2]}}
        ... )
        >>> suggest(optuna.trial.FixedTrial({"depth": 1, "kernel_1": 5}), space)
        {'depth': 1}
    """
    params: dict[str, Option] = {}
    distributions = distributions_of(space)
    for position in space.parents_first:
        if _is_active(position, space, params):
            name = space.variables[position].name
            params[name] = _suggest_one(trial, name, distributions[name])
    return params


def _is_active(position: int, space: SearchSpace, params: Mapping[str, Option]) -> bool:
    for at, allowed in space.requirements(position):
        parent = space.variables[at]
        # By grid index, as the space does it: a value between two grid points counts as the nearer.
        if parent.name not in params or not allowed[parent.index(params[parent.name])]:
            return False
    return True


def _suggest_one(trial: optuna.trial.BaseTrial, name: str, wanted: BaseDistribution) -> Option:
    if isinstance(wanted, IntDistribution):
        return trial.suggest_int(name, wanted.low, wanted.high, step=wanted.step, log=wanted.log)
    if isinstance(wanted, FloatDistribution):
        return trial.suggest_float(name, wanted.low, wanted.high, step=wanted.step, log=wanted.log)
    assert isinstance(wanted, CategoricalDistribution)
    return trial.suggest_categorical(name, wanted.choices)
