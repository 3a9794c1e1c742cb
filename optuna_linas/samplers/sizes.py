"""How many trials a start and a batch have where the user does not say."""

from __future__ import annotations

from optuna_linas.linas import has_corners
from optuna_linas.space import SearchSpace

__all__ = ["size_of_batch", "size_of_start"]

_LARGEST_BATCH = 100
"""Beyond it the stored plan would grow with the study, and what was learned last be used late."""


def size_of_start(space: SearchSpace) -> int:
    """Return the trials before the first prediction."""
    return 12 if has_corners(space) else 15


def size_of_batch(given: int | None, n_trials: int) -> int:
    """Return the trials between two fits: as given, or a twentieth of those so far."""
    return min(max(5, n_trials // 20), _LARGEST_BATCH) if given is None else given
