"""Between Optuna's distributions and the package's variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from optuna_linas.option import is_sequence, same_option
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = [
    "agrees",
    "distribution_of",
    "distributions_of",
    "merge",
    "nearest",
    "planned_distributions",
    "space_from_distributions",
    "variable_of",
]

_N_REMEMBERED = 16
"""Spaces whose distributions are remembered: they are announced and suggested with every trial."""


def distribution_of(variable: Variable) -> BaseDistribution:
    """Return the Optuna distribution of a variable.

    `suggest` declares it and samplers announce it: Optuna wants the two to be the same.

    Example:
        >>> distribution_of(Variable.integer("units", 8, 64, step=8))
        IntDistribution(high=64, log=False, low=8, step=8)
    """
    if variable.kind == "categorical":
        return CategoricalDistribution(variable.options)
    if variable.kind == "integer":
        step = 1 if variable.step is None else int(variable.step)
        return IntDistribution(int(variable.low), int(variable.high), log=variable.log, step=step)
    return FloatDistribution(
        variable.low, _reachable(variable), log=variable.log, step=variable.step
    )


def distributions_of(space: SearchSpace) -> Mapping[str, BaseDistribution]:
    """Return the distribution of each variable of a space, the same objects each time.

    Example:
        >>> space = SearchSpace.from_choices({"kernel": [3, 5]})
        >>> distributions_of(space)["kernel"]
        CategoricalDistribution(choices=(3, 5))
    """
    return _distributions_of(_Same(space))


def planned_distributions(space: SearchSpace) -> Mapping[str, BaseDistribution]:
    """Return the distributions that a plan can be announced with, the same objects each time.

    Without those of one value, which nobody samples, and without choices among tuples or lists: a
    database makes lists of tuples, and Optuna then takes them for other choices.

    Example:
        >>> space = SearchSpace.from_choices({"kernel": [3, 5], "stride": [1]})
        >>> list(planned_distributions(space))
        ['kernel']
    """
    return _planned_distributions(_Same(space))


@dataclass(frozen=True, eq=False)
class _Same:
    """A space that equals itself alone: Python takes options 0 and 1 for False and True."""

    space: SearchSpace

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.space is other.space

    def __hash__(self) -> int:
        return id(self.space)


@lru_cache(maxsize=_N_REMEMBERED)
def _distributions_of(same: _Same) -> Mapping[str, BaseDistribution]:
    return MappingProxyType({v.name: distribution_of(v) for v in same.space.variables})


@lru_cache(maxsize=_N_REMEMBERED)
def _planned_distributions(same: _Same) -> Mapping[str, BaseDistribution]:
    found = distributions_of(same.space)
    plain = (v for v in same.space.variables if not any(map(is_sequence, v.options)))
    return MappingProxyType({v.name: found[v.name] for v in plain if not found[v.name].single()})


def _reachable(variable: Variable) -> float:
    """Return the last step of a float's range: Optuna warns where `high` is between two steps."""
    if variable.step is None:
        return variable.high
    # In decimals as Optuna does it: as floats, 0.3 is not three steps of 0.1.
    low, high, step = (Decimal(str(v)) for v in (variable.low, variable.high, variable.step))
    return float(low + (high - low) // step * step)


def variable_of(
    name: str, distribution: BaseDistribution, conditions: Sequence[Condition] = ()
) -> Variable:
    """Return the variable of an Optuna distribution.

    Raises:
        TypeError: No distribution of Optuna's.
    """
    if isinstance(distribution, CategoricalDistribution):
        return Variable.categorical(name, distribution.choices, conditions)
    if isinstance(distribution, IntDistribution):
        return Variable.integer(
            name,
            distribution.low,
            distribution.high,
            step=distribution.step,
            log=distribution.log,
            conditions=conditions,
        )
    if isinstance(distribution, FloatDistribution):
        return Variable.floating(
            name,
            distribution.low,
            distribution.high,
            step=distribution.step,
            log=distribution.log,
            conditions=conditions,
        )
    raise TypeError(
        f"{name!r} has no Optuna distribution but {distribution!r}. Give one, such as "
        "IntDistribution(1, 8); or make a space of lists of options: "
        "SearchSpace.from_choices({...})."
    )


def space_from_distributions(distributions: Mapping[str, BaseDistribution]) -> SearchSpace:
    """Return a space without conditions, in the order of the mapping.

    Example:
        >>> space_from_distributions({"lr": FloatDistribution(1e-4, 1e-1, log=True)})
        SearchSpace(1 variables, 0 of them conditional)
    """
    return SearchSpace([variable_of(name, dist) for name, dist in distributions.items()])


def nearest(distribution: BaseDistribution, value: Any) -> Any:
    """Return a value of the distribution: this one, or for a number the nearest in its range.

    A choice may be told in another way, as a list for a tuple. `None` where there is none.

    Example:
        >>> nearest(IntDistribution(1, 4), 6), nearest(IntDistribution(2, 8, step=3), 6)
        (4, 5)
    """
    if _contains(distribution, value):
        return value
    if isinstance(distribution, CategoricalDistribution):
        # A database makes lists of tuples.
        return next((c for c in distribution.choices if same_option(c, value)), None)
    if not isinstance(distribution, (IntDistribution, FloatDistribution)):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(distribution, IntDistribution):
        if value != value:
            return None
        low, step = distribution.low, distribution.step
        at = round(min(max(value, low), distribution.high))
        # In whole numbers: floats do not tell large ones apart.
        value = min(low + (at - low + step // 2) // step * step, distribution.high)
    else:
        value = min(max(value, distribution.low), distribution.high)
        if distribution.step is not None and value == value:
            n_steps = round((value - distribution.low) / distribution.step)
            value = min(distribution.low + n_steps * distribution.step, distribution.high)
    return value if _contains(distribution, value) else None


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:
        return False


def agrees(known: BaseDistribution, seen: BaseDistribution, value: Any) -> bool:
    """Whether `merge` of two distributions of one parameter has a value of the second.

    Other ranges and steps of a number agree. Another kind or scale does not, nor does a choice that
    the first does not have.

    Example:
        >>> width = CategoricalDistribution([8, 16])
        >>> agrees(width, CategoricalDistribution([8, 16, 32]), 32)
        False
        >>> agrees(IntDistribution(8, 16), IntDistribution(8, 32), 32)
        True
    """
    if type(known) is not type(seen):
        return False
    if isinstance(known, CategoricalDistribution):
        return any(same_option(choice, value) for choice in known.choices)
    return bool(getattr(known, "log", None) == getattr(seen, "log", None))


def merge(old: BaseDistribution, new: BaseDistribution) -> BaseDistribution:
    """Return the distribution that covers both, for a range that changes between trials.

    Optuna lets the range and step of a number change, not its kind or `log`, nor the choices of a
    categorical parameter: `old` comes back where the two do not go together.
    """
    if old == new or type(old) is not type(new):
        return old
    if isinstance(old, IntDistribution) and isinstance(new, IntDistribution):
        low, high = min(old.low, new.low), max(old.high, new.high)
        aligned = old.step == new.step and (old.low - new.low) % old.step == 0
        return IntDistribution(low, high, log=old.log, step=old.step if aligned else 1)
    if isinstance(old, FloatDistribution) and isinstance(new, FloatDistribution):
        low_, high_ = min(old.low, new.low), max(old.high, new.high)
        step = old.step if old.step == new.step and old.low == new.low else None
        return FloatDistribution(low_, high_, log=old.log, step=step)
    return old
