"""How many trials a start and a batch have where the user does not say."""

from __future__ import annotations

from optuna_linas.linas import MIN_EXAMPLES, has_corners
from optuna_linas.space import SearchSpace
from optuna_linas.structure import has_too_few

__all__ = ["size_of_batch", "size_of_first_fit", "size_of_start"]

_LARGEST_BATCH, _LARGEST_OF_MANY = 100, 250
"""Beyond it the stored plan would grow with the study, and what was learned last be used late."""
_SHARE, _SHARE_IF_DEAR = 25, 20
"""What each few trials tell at once shows late in a search; but a generator is dear to fit."""
_ENOUGH = 8
_USUAL, _SMALL = 5, 3
"""Where most is unknown yet, each result changes what is worth measuring next."""


def size_of_start(space: SearchSpace) -> int:
    """Return the trials before the first prediction."""
    return 12 if has_corners(space) else 15


def size_of_first_fit(n_startup: int | None) -> int:
    """Return the usable trials without which nothing is predicted: 8, or a shorter start.

    One worker has a whole start by then; of many workers' trials few have ended when all of the
    start have begun, and what four of them tell is worth less than more of a start.
    """
    return _ENOUGH if n_startup is None else max(MIN_EXAMPLES, min(n_startup, _ENOUGH))


def size_of_batch(
    given: int | None,
    space: SearchSpace,
    n_trials: int,
    n_running: int = 0,
    *,
    dear: bool = False,
) -> int:
    """Return the trials between two fits: as given, or a share of those so far.

    At least a quarter of the trials that run: hundreds of workers would else spend their time
    waiting for plans. What one of so many learns later than it might changes little for the rest.

    Args:
        given: What the user says.
        space: The search space.
        n_trials: Trials so far that can be learned from.
        n_running: Trials that run.
        dear: Whether a fit takes seconds.
    """
    if given is not None:
        return given
    least = _SMALL if has_too_few(space, n_trials) and not dear else _USUAL
    share = _SHARE_IF_DEAR if dear else _SHARE
    return max(least, min(n_trials // share, _LARGEST_BATCH), min(n_running // 4, _LARGEST_OF_MANY))
