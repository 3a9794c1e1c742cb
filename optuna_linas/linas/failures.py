"""Which networks fail, where the network is the reason: out of memory, an unsupported operation.

A trial that fails tells no value, but what it tried is known. Whether that says anything of other
networks is for the trials to decide: machines crash, too, and workers are killed. A model has to
tell held-out failures from held-out successes before it is believed, and from those of the same
time: a search is at different places at different times, and while a disk was full, everything
failed where it was then. Only while nothing works any more all times are compared: either all that
the search looks at fails, and it has to look elsewhere, or it does not matter where it looks. When
something works again, it may go back once: the first time may have been an outage.

Shapes: `n` architectures that worked, `k` that failed, `d` variables.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optuna_linas.arrays import LARGEST, BoolArray, FloatArray, IntArray, row_bytes
from optuna_linas.history import History
from optuna_linas.predictors import StructuredGP
from optuna_linas.predictors.failure_model import failure_model
from optuna_linas.selection import first_of_each
from optuna_linas.space import SearchSpace

__all__ = ["learn_failures", "without_accidents"]

_MIN_FAILURES = 3
_MAX_CHANCE = 0.01
"""How often crashes by chance may look predictable; a search asks again with every batch."""
_MIN_DOUBT = 0.1
"""How often crashes by chance look as predictable as infinities that are believed no longer."""
_N_FOLDS = 5
_MAX_COMPARED = 100
"""Examples of either kind that decide: more would take seconds and change nothing."""
_PERIOD = 10
"""Trials of the same time."""


def learn_failures(
    space: SearchSpace,
    worked: IntArray,
    failed: IntArray,
    worked_numbers: IntArray,
    failed_numbers: IntArray,
) -> StructuredGP | None:
    """Return a model of which networks fail; `None` where that cannot be told from the network.

    It predicts 1 for what failed and 0 for what worked, so that above .5 failure is more likely
    than success. It is believed if, cross-validated, it ranks failures above successes of the same
    ten trials as chance would in one of a hundred cases (van Elteren's stratified test after
    Wilcoxon, Mann and Whitney, 1960); above all successes while ten failures are the last results,
    and from the second time on that ten follow one another. Those of the first time do not count
    from when they have ended until then.

    Args:
        space: The search space.
        worked: Canonical rows, `int[n, d]`.
        failed: Canonical rows, `int[k, d]`.
        worked_numbers: The numbers of their trials, `int[n]`.
        failed_numbers: Likewise, `int[k]`.

    Example:
        >>> space = SearchSpace.from_choices({"op": ["a", "b"], "width": list(range(20))})
        >>> rows = space.canonical([[i % 2, i // 2] for i in range(40)])
        >>> time = np.arange(40)
        >>> model = learn_failures(space, rows[::2], rows[1::2], time[::2], time[1::2])  # "b" fails
        >>> (model.predict(rows[:2])[:, 0] > 0.5).tolist()
        [False, True]
        >>> bad = np.random.default_rng(0).random(40) < 0.3  # by chance
        >>> learn_failures(space, rows[~bad], rows[bad], time[~bad], time[bad]) is None
        True
    """
    gap = np.searchsorted(np.sort(worked_numbers), failed_numbers)
    in_a_row = np.flatnonzero(np.bincount(gap, minlength=len(worked) + 1) >= _PERIOD)
    is_stuck = len(worked) in in_a_row
    if len(in_a_row) == 1 and not is_stuck:  # it may have been an outage
        failed, failed_numbers = (each[gap != in_a_row[0]] for each in (failed, failed_numbers))
    if len(failed) < _MIN_FAILURES or len(worked) < _MIN_FAILURES:
        return None
    some, others = _compared(worked_numbers, failed_numbers)
    rows = np.concatenate([worked[some], failed[others]])
    periods = np.concatenate([worked_numbers[some], failed_numbers[others]]) // _PERIOD
    if is_stuck or len(in_a_row) > 1:
        periods = np.zeros_like(periods)
    has_failed = np.arange(len(rows)) >= len(some)
    # Without a success and a failure of the same time there is nothing to compare.
    if not np.isin(periods[has_failed], periods[~has_failed]).any():
        return None
    if _chance(_held_out(space, rows, has_failed), has_failed, periods) > _MAX_CHANCE:
        return None
    everything = np.concatenate([worked, failed])
    return failure_model(space, everything, np.arange(len(everything)) >= len(worked))


def without_accidents(space: SearchSpace, history: History) -> History:
    """Return a history whose infinite values count as failures if the networks do not explain them.

    Of networks that do not work an infinite value is the worst that a predictor can learn from. By
    chance, as of a device that hangs now and then, it would condemn the best networks with all that
    are like them. It is by chance, as far as anybody can tell, where a model cross-validated does
    not rank the infinite above the finite of the same ten trials better than nine in ten rankings
    by chance; or where it has nothing to compare, as all of them are of times when all were.

    Args:
        space: The search space.
        history: What is measured.

    Example:
        >>> space = SearchSpace.from_choices({"op": ["a", "b"], "width": list(range(20))})
        >>> rows = space.canonical([[i % 2, i // 2] for i in range(40)])
        >>> bad = np.random.default_rng(0).random(40) < 0.3  # by chance
        >>> losses = np.where(bad, LARGEST, 1.0)[:, None]
        >>> history = History(rows, losses, np.zeros((40, 0)), np.arange(40))
        >>> after = without_accidents(space, history)
        >>> int(bad.sum()), len(after), np.array_equal(after.failed, rows[bad])
        (10, 30, True)
    """
    is_infinite: BoolArray = np.all(history.losses == LARGEST, axis=1)
    if min(is_infinite.sum(), (~is_infinite).sum()) < _MIN_FAILURES:
        return history
    bad, good = np.flatnonzero(is_infinite), np.flatnonzero(~is_infinite)
    some, others = _compared(history.numbers[good], history.numbers[bad])
    few = np.sort(np.concatenate([good[some], bad[others]]))
    predicted = _held_out(space, history.codes[few], is_infinite[few])
    if _chance(predicted, is_infinite[few], history.numbers[few] // _PERIOD) <= _MIN_DOUBT:
        return history
    finite = history.only(~is_infinite)
    numbers = np.concatenate([history.failed_numbers, history.numbers[is_infinite]])
    failed = np.concatenate([history.failed.reshape(-1, len(space)), history.codes[is_infinite]])
    order = np.argsort(numbers)
    # What another trial has measured did not fail.
    order = order[first_of_each(failed[order], set(row_bytes(finite.codes)))]
    return replace(finite, failed=failed[order], failed_numbers=numbers[order])


def _compared(good_numbers: IntArray, bad_numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Which successes and failures are compared: those of the same time first."""
    bad = _spread_out(len(bad_numbers))
    is_near = np.isin(good_numbers // _PERIOD, bad_numbers[bad] // _PERIOD)
    near, others = np.flatnonzero(is_near), np.flatnonzero(~is_near)
    near = near[_spread_out(len(near))]
    some = others[_spread_out(len(others), _MAX_COMPARED - len(near))]
    return np.sort(np.concatenate([near, some])), bad


def _spread_out(n: int, most: int = _MAX_COMPARED) -> IntArray:
    some: IntArray = np.linspace(0, n - 1, min(n, most)).astype(np.int64)
    return some


def _held_out(space: SearchSpace, rows: IntArray, has_failed: BoolArray) -> FloatArray:
    """What is predicted of each row by a model that has not seen it, `float[n]`."""
    from sklearn.model_selection import StratifiedKFold

    n_folds = min(_N_FOLDS, has_failed.sum(), (~has_failed).sum())
    predicted = np.zeros(len(rows))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    for train, test in folds.split(rows, has_failed):
        model = failure_model(space, rows[train], has_failed[train])
        predicted[test] = model.predict(rows[test])[:, 0]
    return predicted


def _chance(predicted: FloatArray, has_failed: BoolArray, periods: IntArray) -> float:
    """How often rankings by chance within the periods are as good."""
    from scipy.stats import norm, rankdata

    surplus = variance = 0.0
    for period in np.unique(periods[has_failed]):
        here = periods == period
        n, k = int(here.sum()), int((here & has_failed).sum())
        # What the ranks of failures add up to by chance, and its variance; each period weighs by
        # its size, as van Elteren showed to be best.
        ranks = rankdata(predicted[here])[has_failed[here]]
        surplus += (ranks.sum() - k * (n + 1) / 2) / (n + 1)
        variance += k * (n - k) * (n + 1) / 12 / (n + 1) ** 2
    return float(norm.sf(surplus / np.sqrt(variance))) if variance > 0 else 1.0
