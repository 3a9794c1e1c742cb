"""Errors that say what does not go together, and what to do."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.distributions import distribution_of, space_from_distributions
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.goals import Attr, Goal, is_number
from optuna_linas.space import SearchSpace

__all__ = [
    "check_distribution",
    "check_fit",
    "check_seed",
    "resolve_space",
]


def check_fit(
    ours: Sequence[FrozenTrial], space: SearchSpace | None, objectives: Sequence[Goal] | None
) -> None:
    """Explain why none of the complete trials that a sampler proposed can be learned from.

    Args:
        ours: Finished trials that the sampler proposed.
        space: The declared space, if any.
        objectives: What is optimised, if given.

    Raises:
        ValueError: An attribute that is an objective is never set, or never to a number.
        SpaceMismatchError: The space and the objective function do not go together.
    """
    complete = [trial for trial in ours if trial.state == TrialState.COMPLETE]
    if not complete:
        return
    for goal in objectives or ():
        if isinstance(goal, Attr) and not any(
            is_number(t.user_attrs.get(goal.name)) for t in complete
        ):
            raise ValueError(
                f"{goal} is an objective of the search, but no complete trial has that user "
                f"attribute as a number; trial {complete[0].number} has "
                f"{sorted(complete[0].user_attrs)}. Set it in the objective function: "
                f"trial.set_user_attr({goal.name!r}, value)."
            )
    if space is None:
        return
    for trial in complete:
        try:
            space.encode(trial.params)
        except SpaceMismatchError as error:
            raise SpaceMismatchError(
                f"The space given to the sampler does not fit the study's parameters, as trial "
                f"{trial.number} shows. {error} Pass the space that the objective suggests from, "
                "or leave `space` out to infer it."
            ) from None


def resolve_space(
    space: SearchSpace | Mapping[str, BaseDistribution] | None,
) -> SearchSpace | None:
    """Return the space that a user declared, or `None`.

    Raises:
        TypeError: Neither a `SearchSpace` nor a mapping.
        ValueError: It has no variables.
    """
    if isinstance(space, Mapping):
        space = space_from_distributions(space)
    if space is not None and not isinstance(space, SearchSpace):
        raise TypeError(
            "space is a SearchSpace (such as a supernet's `space`) or a mapping from parameter "
            f"name to optuna distribution; got {type(space).__name__}."
        )
    if space is not None and len(space) == 0:
        raise ValueError("space has no variables. Leave `space` out to infer it from the trials.")
    return space


def check_distribution(space: SearchSpace, name: str, suggested: BaseDistribution) -> None:
    """Raise if an objective suggests a variable of a declared space in another way.

    Raises:
        SpaceMismatchError: Another kind of distribution, another scale, or other choices.
    """
    declared = distribution_of(space[name])
    is_same_kind = type(declared) is type(suggested)
    is_same_scale = getattr(declared, "log", None) == getattr(suggested, "log", None)
    if is_same_kind and is_same_scale and (space[name].is_number or declared == suggested):
        return
    raise SpaceMismatchError(
        f"The space given to the sampler declares {name!r} as {declared}, but the objective "
        f"suggests it as {suggested}. Make the two the same, or leave `space` out to infer it."
    )


def check_seed(seed: object) -> None:
    """Raise if a seed is neither a whole number nor `None`.

    Raises:
        TypeError: It is neither.
    """
    try:
        if seed is not None:
            operator.index(seed)  # type: ignore[arg-type]  # the TypeError is the question
    except TypeError:
        raise TypeError(f"seed is a whole number or None, got {seed!r}.") from None
