"""Ask a trial for an architecture of a search space, define-by-run."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from optuna_linas.distributions import distribution_of
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option, Variable

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
    decided: set[str] = set()
    waiting = list(space.variables)
    while waiting:  # ends: a space's conditions never run in a circle
        ready = [v for v in waiting if all(c.parent in decided for c in v.conditions)]
        for variable in ready:
            if _is_active(variable, space, params):
                params[variable.name] = _suggest_one(trial, variable)
        decided.update(variable.name for variable in ready)
        waiting = [v for v in waiting if v.name not in decided]
    return params


def _is_active(variable: Variable, space: SearchSpace, params: Mapping[str, Option]) -> bool:
    for condition in variable.conditions:
        if condition.parent not in params:
            return False
        # By grid index, as the space does it: a value between two grid points counts as the nearer.
        parent = space[condition.parent]
        allowed = {parent.index(option) for option in condition.options}
        if parent.index(params[condition.parent]) not in allowed:
            return False
    return True


def _suggest_one(trial: optuna.trial.BaseTrial, variable: Variable) -> Option:
    wanted = distribution_of(variable)
    if isinstance(wanted, IntDistribution):
        return trial.suggest_int(
            variable.name, wanted.low, wanted.high, step=wanted.step, log=wanted.log
        )
    if isinstance(wanted, FloatDistribution):
        return trial.suggest_float(
            variable.name, wanted.low, wanted.high, step=wanted.step, log=wanted.log
        )
    assert isinstance(wanted, CategoricalDistribution)
    return trial.suggest_categorical(variable.name, wanted.choices)
