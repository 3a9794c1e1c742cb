"""A search space as JSON, by way of Optuna's own notation for distributions."""

from __future__ import annotations

import json
import warnings
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    distribution_to_json,
    json_to_distribution,
)

from optuna_linas.distributions import distribution_of, variable_of
from optuna_linas.space import SearchSpace
from optuna_linas.stored_json import explained, string
from optuna_linas.variable import Condition

__all__ = ["space_from_json", "space_to_json"]

_MAX_NESTED = 8


def space_to_json(space: SearchSpace) -> list[dict[str, Any]]:
    """Return the variables of a space, in order, as JSON has it.

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2], "k": [3, 5]}, {"k": {"depth": [2]}})
        >>> space_from_json(space_to_json(space)) == space
        True
    """
    return [
        {
            "name": variable.name,
            "distribution": json.loads(distribution_to_json(distribution_of(variable))),
            "conditions": [[c.parent, list(c.options)] for c in variable.conditions],
        }
        for variable in space.variables
    ]


def space_from_json(variables: list[dict[str, Any]]) -> SearchSpace:
    """Return the space of `space_to_json`.

    Raises:
        ValueError: It is something else.
    """
    with explained("The search space"):
        return SearchSpace(
            [
                variable_of(
                    string(each["name"]),
                    _distribution(each["distribution"]),
                    [
                        Condition(string(parent), _as_tuple(options))
                        for parent, options in each["conditions"]
                    ],
                )
                for each in variables
            ]
        )


def _distribution(fields: dict[str, Any]) -> BaseDistribution:
    """A distribution whose choices are what a storage can keep."""
    for choice in fields["attributes"].get("choices", ()):
        if not _is_choice(choice):
            raise TypeError(f"{str(choice)[:40]} is no choice")
    with warnings.catch_warnings():
        # Of choices that a database makes lists of: whoever suggested them has been warned.
        warnings.simplefilter("ignore", UserWarning)
        found = json_to_distribution(json.dumps(fields))
        if isinstance(found, CategoricalDistribution):
            return CategoricalDistribution([_as_tuple(choice) for choice in found.choices])
    return found


def _as_tuple(value: Any) -> Any:
    """What JSON has as a list, as the tuple that it was."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _is_choice(value: object, depth: int = _MAX_NESTED) -> bool:
    """Whether it is a word, a number or nothing, or a list of such, as (3, 3) becomes in JSON."""
    if isinstance(value, list):
        return depth > 0 and all(_is_choice(each, depth - 1) for each in value)
    return isinstance(value, bool | int | float | str | None)
