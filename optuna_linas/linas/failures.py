"""Which networks fail, where the network is the reason: out of memory, an unsupported operation.

A trial that fails tells no value, but what it tried is known. Whether that says anything of other
networks is for the trials to decide: machines crash, too, and workers are killed. A model has to
tell held-out failures from held-out successes before it is believed.

Shapes: `n` architectures, `d` variables.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.predictors import StructuredGP
from optuna_linas.space import SearchSpace

__all__ = ["learn_failures"]

_MIN_FAILURES = 3
_MAX_CHANCE = 0.01
"""How often crashes by chance may look predictable; a search asks again with every batch."""
_N_FOLDS = 5
_MAX_COMPARED = 100
"""Examples of either kind that decide: more would take seconds and change nothing."""


def learn_failures(space: SearchSpace, worked: IntArray, failed: IntArray) -> StructuredGP | None:
    """Return a model of which networks fail; `None` where that cannot be told from the network.

    It predicts 1 for what failed and 0 for what worked, so that above .5 failure is more likely
    than success. It is believed if, cross-validated, it ranks failures above successes as chance
    would in one of a hundred cases (Mann and Whitney's test).

    Args:
        space: The search space.
        worked: Canonical rows, `int[n, d]`.
        failed: Canonical rows, `int[k, d]`.

    Example:
        >>> space = SearchSpace.from_choices({"op": ["a", "b"], "width": list(range(20))})
        >>> rows = space.canonical([[i % 2, i // 2] for i in range(40)])
        >>> model = learn_failures(space, worked=rows[::2], failed=rows[1::2])  # "b" fails
        >>> (model.predict(rows[:2])[:, 0] > 0.5).tolist()
        [False, True]
        >>> by_chance = np.random.default_rng(0).random(40) < 0.3
        >>> learn_failures(space, rows[~by_chance], rows[by_chance]) is None
        True
    """
    if len(failed) < _MIN_FAILURES or len(worked) < _MIN_FAILURES:
        return None
    rows = np.concatenate([_spread_out(worked), _spread_out(failed)])
    has_failed = np.arange(len(rows)) >= min(len(worked), _MAX_COMPARED)
    if _chance(_held_out(space, rows, has_failed), has_failed) > _MAX_CHANCE:
        return None
    everything = np.concatenate([worked, failed])
    return _fitted(space, everything, np.arange(len(everything)) >= len(worked))


def _spread_out(rows: IntArray) -> IntArray:
    some = np.linspace(0, len(rows) - 1, min(len(rows), _MAX_COMPARED)).astype(np.int64)
    chosen: IntArray = rows[some]
    return chosen


def _held_out(space: SearchSpace, rows: IntArray, has_failed: BoolArray) -> FloatArray:
    """What is predicted of each row by a model that has not seen it, `float[n]`."""
    from sklearn.model_selection import StratifiedKFold

    n_folds = min(_N_FOLDS, has_failed.sum(), (~has_failed).sum())
    predicted = np.zeros(len(rows))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    for train, test in folds.split(rows, has_failed):
        predicted[test] = _fitted(space, rows[train], has_failed[train]).predict(rows[test])[:, 0]
    return predicted


def _chance(predicted: FloatArray, has_failed: BoolArray) -> float:
    """How often a ranking by chance is as good."""
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(predicted[has_failed], predicted[~has_failed], alternative="greater")
    return float(test.pvalue)


def _fitted(space: SearchSpace, rows: IntArray, has_failed: BoolArray) -> StructuredGP:
    # Two values are no losses: they are not bent, and nothing bends along what explains them.
    model = StructuredGP(space, holds_back=False, warped=False)
    return model.fit(rows, has_failed[:, None].astype(float))
