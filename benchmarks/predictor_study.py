"""How well predictors learn from few measurements: the LINAS paper's predictor study.

Cummings et al., "A Hardware-Aware Framework for Accelerating Neural Architecture Search Across
Modalities", 2022, figures 2, 6 and 7: error and rank correlation against the number of training
examples, on the same held-out examples, over repeated draws of the training examples.

Shapes: `n` networks, `d` variables, `m` objectives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.summary import mean_and_error
from benchmarks.tables import Measured
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.history import History
from optuna_linas.linas.fitting import FittedPredictors
from optuna_linas.predictors import kendall_tau, mape_percent
from optuna_linas.space import SearchSpace

__all__ = ["Examples", "Learner", "split", "study"]

N_TEST = 500
TEST_SEED = 0


@dataclass(frozen=True)
class Learner:
    """A predictor and what it is shown.

    Attributes:
        predictor: A name that `LINASSampler` takes.
        masked: Whether features of variables that a network does not have are zeroed.
    """

    predictor: str
    masked: bool = True

    def __str__(self) -> str:
        return self.predictor if self.masked else f"{self.predictor}, plain features"


@dataclass(frozen=True)
class Examples:
    """Networks and their losses (less is better).

    Attributes:
        archs: `int[n, d]`.
        losses: `float[n, m]`.
    """

    archs: IntArray
    losses: FloatArray

    def first(self, order: IntArray, n: int) -> Examples:
        """Return the first `n` of an order."""
        return Examples(self.archs[order[:n]], self.losses[order[:n]])


def split(measured: Measured, n_test: int = N_TEST) -> tuple[Examples, Examples]:
    """Return the examples to learn from and the `n_test` to predict: always the same.

    Networks without a value are left out.

    Raises:
        ValueError: The table has no more than `n_test` networks.
    """
    signs = np.array([-1.0 if goal.direction == "maximize" else 1.0 for goal in measured.goals])
    told = np.flatnonzero(np.isfinite(measured.values).all(axis=1))
    if len(told) <= n_test:
        raise ValueError(
            f"{n_test} test examples of {len(told)} leave none to learn from: take fewer (--test)."
        )
    order = np.random.default_rng(TEST_SEED).permutation(told)
    everything = Examples(measured.archs, measured.values * signs)
    return everything.first(order[n_test:], len(order)), everything.first(order, n_test)


def study(
    measured: Measured,
    learners: Sequence[Learner],
    sizes: Sequence[int],
    *,
    repeats: int,
    n_test: int = N_TEST,
    on_fit: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, Any]:
    """Return every learner's errors and rank correlations as plain data.

    Args:
        measured: The table.
        learners: What is compared.
        sizes: Numbers of training examples; those that the table does not have are left out.
        repeats: Draws of training examples. Each draw of a size continues the smaller one's, and
            all learners see the same.
        n_test: Examples to predict.
        on_fit: Called after each fit.
        clock: Seconds that this process has used.

    Raises:
        ValueError: The table has no more than `n_test` networks, or fewer besides than any size.
    """
    rest, test = split(measured, n_test)
    possible = [n for n in sizes if n <= len(rest.archs)]
    if not possible:
        raise ValueError(
            f"Besides {n_test} test examples there are {len(rest.archs)} to learn from, fewer than "
            f"{min(sizes)}: take fewer of either (--test, --sizes)."
        )
    orders = [
        np.random.default_rng([TEST_SEED, r]).permutation(len(rest.archs)) for r in range(repeats)
    ]
    found: dict[str, Any] = {}
    for learner in learners:
        scores = np.zeros((len(possible), repeats, 2, len(measured.goals)))
        seconds = np.zeros((len(possible), repeats))
        for i, n in enumerate(possible):
            for r, order in enumerate(orders):
                start = clock()
                predicted = _predict(learner, measured.space, rest.first(order, n), test.archs, r)
                seconds[i, r] = clock() - start
                scores[i, r] = _scores(test.losses, predicted)
                on_fit()
        found[str(learner)] = {
            "seconds": [mean_and_error(row.tolist()) for row in seconds],
            "objectives": {
                goal.name: {
                    "mape_percent": [mean_and_error(row[:, 0, k].tolist()) for row in scores],
                    "kendall_tau": [mean_and_error(row[:, 1, k].tolist()) for row in scores],
                }
                for k, goal in enumerate(measured.goals)
            },
        }
    return {
        "goals": [vars(goal) for goal in measured.goals],
        "n_measured": len(measured.archs),
        "n_variables": len(measured.space),
        "n_test": n_test,
        "repeats": repeats,
        "sizes": possible,
        "predictors": found,
    }


def _predict(
    learner: Learner, space: SearchSpace, train: Examples, archs: IntArray, repeat: int
) -> FloatArray:
    """Return predicted losses `float[n, m]`, fitted as the sampler fits."""
    n = len(train.archs)
    history = History(train.archs, train.losses, np.zeros((n, 0)), np.arange(n))
    fitted = FittedPredictors(
        space,
        history,
        (learner.predictor,),
        known={},
        masked=learner.masked,
        optimism=0.0,
        rng=np.random.default_rng(repeat),
    )
    return fitted(archs)[0]


def _scores(measured: FloatArray, predicted: FloatArray) -> FloatArray:
    """Return MAPE (%) and Kendall's rank correlation of each column, `float[2, m]`."""
    pairs = list(zip(measured.T, predicted.T, strict=True))
    return np.array([[mape_percent(m, p) for m, p in pairs], [kendall_tau(m, p) for m, p in pairs]])
