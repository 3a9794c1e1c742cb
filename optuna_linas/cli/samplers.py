"""Samplers by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.sources import is_source, load_source

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["SAMPLERS", "MakeSampler", "choose_sampler"]

MakeSampler: TypeAlias = "Callable[[Any, int | str | None], BaseSampler]"
"""From a search space or `None`, and what `--cost` names, to the sampler."""

SAMPLERS = (
    "linas",
    "linas-image",
    "linas-translation",
    "linas-recommendation",
    "nag",
    "agemoea",
    "tpe",
    "nsga2",
    "random",
)


def choose_sampler(name: str, *, seed: int | None, cost: str | None) -> MakeSampler:
    """Return what makes a sampler once the problem is known; what is wrong is said at once.

    Args:
        name: One of `SAMPLERS`, or FILE.py:NAME of a sampler or of a function that makes one.
        seed: Its seed; `None` draws one.
        cost: What NAG's budgets limit, as the command line has it.

    Returns:
        From the search space, where it is known, and what `cost` names to the sampler. One of the
        user's own is made already.

    Raises:
        WrongUse: An unknown name, no sampler, or no cost for NAG.
    """
    import optuna

    if is_source(name):
        found = load_source(name)
        own = found() if callable(found) else found
        if not isinstance(own, optuna.samplers.BaseSampler):
            raise WrongUse(f"{name} is no Optuna sampler but {type(own).__name__}.")
        return lambda space, goal: own
    if name not in SAMPLERS:
        raise WrongUse(
            f"Unknown sampler {name!r}. Choose one of {', '.join(SAMPLERS)}, or your own as "
            "FILE.py:NAME."
        )
    if name == "nag" and cost is None:
        raise WrongUse(
            "NAG needs what its budgets limit: --cost with an objective's index or a user "
            "attribute of the trials, such as --cost latency_ms."
        )
    if name == "nag" and cost == "0":
        raise WrongUse(
            "--cost 0 is the objective that NAG makes as good as it can within the budget: name "
            "another one, or a user attribute of the trials."
        )
    return partial(_made, name, seed)


def _made(name: str, seed: int | None, space: Any, cost: int | str | None) -> BaseSampler:
    import optuna

    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    from optuna_linas import LINASSampler, NAGSampler, PymooSampler

    if name == "linas":
        return LINASSampler(space=space, seed=seed)
    if name == "agemoea":
        return PymooSampler("agemoea", space=space, seed=seed)
    if name == "nag":
        assert cost is not None
        try:
            return NAGSampler(cost=cost, space=space, seed=seed)
        except ValueError as error:  # the cost's name turns out to be the value's
            raise WrongUse(str(error)) from None
    modality = name.removeprefix("linas-")  # one of the paper's, as the command line checks
    return LINASSampler.paper(modality, space=space, seed=seed)  # type: ignore[arg-type]
