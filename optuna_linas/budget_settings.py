"""A generator's settings with the few that are arguments of their own."""

from __future__ import annotations

from dataclasses import replace

from optuna_linas.given import check_count
from optuna_linas.nag import REWARDS, Reward, Settings

__all__ = ["settings_of"]


def settings_of(
    base: Settings, n_budgets: int | None, n_steps: int | None, reward: str | Reward | None
) -> Settings:
    """Return settings in which those that are given replace others.

    Args:
        base: What holds where nothing else is given.
        n_budgets: The budgets that are trained on.
        n_steps: Policy-gradient steps.
        reward: A name of `optuna_linas.nag.REWARDS`, or a reward.

    Raises:
        ValueError: A number that is too small, or an unknown reward.
        TypeError: A number or a reward of the wrong kind.

    Example:
        >>> settings_of(Settings(), n_budgets=5, n_steps=None, reward="tunas").n_budgets
        5
    """
    if n_budgets is not None:
        check_count("n_budgets", n_budgets, least=2)
        base = replace(base, n_budgets=int(n_budgets))
    if n_steps is not None:
        check_count("n_steps", n_steps, least=0)
        base = replace(base, n_steps=int(n_steps))
    if isinstance(reward, str):
        if reward not in REWARDS:
            raise ValueError(f"Unknown reward {reward!r}. Choose one of {sorted(REWARDS)}.")
        reward = REWARDS[reward]
    elif reward is not None and not callable(reward):
        raise TypeError(f"A reward is a name or is called with `Generated`; got {reward!r}.")
    return base if reward is None else replace(base, reward=reward)
