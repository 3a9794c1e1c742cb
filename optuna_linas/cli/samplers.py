"""Samplers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.sources import is_source, load_source

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["SAMPLERS", "make_sampler"]

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


def make_sampler(
    name: str, *, seed: int | None, space: Any = None, cost: int | str | None = None
) -> BaseSampler:
    """Return a sampler.

    Args:
        name: One of `SAMPLERS`, or FILE.py:NAME of a sampler or of a function that makes one.
        seed: Its seed; `None` draws one.
        space: The search space, if it is known.
        cost: What NAG's budgets limit: an objective's index or an attribute.

    Raises:
        WrongUse: An unknown name, or no cost for NAG.
    """
    import optuna

    if is_source(name):
        found = load_source(name)
        found = found() if callable(found) else found
        if not isinstance(found, optuna.samplers.BaseSampler):
            raise WrongUse(f"{name} is no Optuna sampler but {type(found).__name__}.")
        return found
    if name in SAMPLERS[:4]:
        from optuna_linas import LINASSampler

        if name == "linas":
            return LINASSampler(space=space, seed=seed)
        return LINASSampler.paper(name.removeprefix("linas-"), space=space, seed=seed)  # type: ignore[arg-type]
    if name == "nag":
        if cost is None:
            raise WrongUse(
                "NAG needs what its budgets limit: --cost with an objective's index or a user "
                "attribute of the trials, such as --cost latency_ms."
            )
        from optuna_linas import NAGSampler

        return NAGSampler(cost=cost, space=space, seed=seed)
    if name == "agemoea":
        from optuna_linas import PymooSampler

        return PymooSampler("agemoea", space=space, seed=seed)
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    raise WrongUse(
        f"Unknown sampler {name!r}. Choose one of {', '.join(SAMPLERS)}, or your own as "
        "FILE.py:NAME."
    )
