"""From a search's history to the networks that a budget generator must not answer with.

A trial that failed or violated a constraint speaks against its network. Whether it speaks against
others is for the trials to decide, as in a LINAS search (see `optuna_linas.linas.failures`): what
crashes by chance does not, an operation that the device does not know does.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.history import History
from optuna_linas.linas.failures import learn_failures
from optuna_linas.nag import Avoided
from optuna_linas.space import SearchSpace

__all__ = ["avoided_of"]


def avoided_of(space: SearchSpace, history: History) -> Avoided | None:
    """Return what failed or violated a constraint, and whether that tells of others; or `None`.

    Args:
        space: The search space.
        history: What was measured, and what failed.

    Example:
        >>> space = SearchSpace.from_choices({"op": ["a", "b"], "width": list(range(20))})
        >>> rows = space.canonical([[i % 2, i // 2] for i in range(40)])
        >>> uses_b = rows[:, :1].astype(float)
        >>> history = History(rows, rows.astype(float), uses_b, np.arange(40))  # "b" is not allowed
        >>> avoided = avoided_of(space, history)
        >>> len(avoided.archs), bool(avoided.tell.all())
        (20, True)
    """
    rows, numbers, allowed = space.canonical(history.codes), history.numbers, history.feasible
    failed = space.canonical(history.failed.reshape(-1, len(space)))
    broken = rows[~allowed]
    if len(failed) + len(broken) == 0:
        return None
    tell = []
    # Of their own each: crashes by chance do not blur what a constraint rules out.
    for worse, worse_numbers, better, better_numbers in (
        (failed, history.failed_numbers, rows, numbers),
        (broken, numbers[~allowed], rows[allowed], numbers[allowed]),
    ):
        model = learn_failures(space, better, worse, better_numbers, worse_numbers)
        tell.append(np.full(len(worse), model is not None))
    return Avoided(np.concatenate([failed, broken]), np.concatenate(tell))
