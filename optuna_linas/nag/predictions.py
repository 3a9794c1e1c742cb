"""Values and costs of architectures that nobody has measured, with what they may be at worst.

The upper bound of a cost is calibrated on architectures that the model has not seen (see
`calibration`). That makes "within 37 ms" a statement about measurements: the paper, which looks
latencies up in a table, has no such margin.

Shapes: `n` measured and `k` other architectures, `d` variables. Values and costs are losses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.fence import FAR, fenced
from optuna_linas.nag.avoided import Avoidance
from optuna_linas.nag.calibration import (
    UNCALIBRATED,
    Calibration,
    calibrate,
    least_deviations,
)
from optuna_linas.nag.cost_scale import CostScale
from optuna_linas.nag.examples import Examples
from optuna_linas.nag.promises import Frontier
from optuna_linas.predictors import StructuredGP
from optuna_linas.predictors.trusted_order import trusted_order
from optuna_linas.space import SearchSpace
from optuna_linas.structure import has_too_few

__all__ = ["Predictions", "ValueCostModel"]


@dataclass(frozen=True)
class Predictions:
    """What is expected of `k` architectures.

    Attributes:
        values: Expected losses of quality, `float[k]`.
        deviations: Of the values; 0 for a measured one, `float[k]`.
        costs: Expected costs, `float[k]`.
        bounds: What the costs stay below, `float[k]`; the cost itself for a measured one, and
            infinite for one that failed or is to be avoided.
    """

    values: FloatArray
    deviations: FloatArray
    costs: FloatArray
    bounds: FloatArray

    @property
    def losses(self) -> FloatArray:
        """Expected value and cost, as they are measured, `float[k, 2]`."""
        return np.column_stack([self.values, self.costs])

    def cautious(self, caution: float) -> FloatArray:
        """Return values plus `caution` deviations: what an architecture must be good by."""
        return self.values + caution * self.deviations

    def rows(self, index: IntArray) -> Predictions:
        """Return the predictions of some of the architectures."""
        return Predictions(*(column[index] for column in vars(self).values()))

    def joined(self, other: Predictions) -> Predictions:
        """Return the predictions of these architectures and then of others."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Predictions(*(np.concatenate(pair) for pair in pairs))


class ValueCostModel:
    """Predicts value and cost from what was measured.

    Costs with a common sign are learned as logarithms (see `cost_scale`), and values that are
    penalties as somewhat worse than all others (see `optuna_linas.fence`).

    Args:
        space: The search space.
        examples: What was measured, and what failed.
        calibration: What predictions are corrected by.

    Attributes:
        archs: What was measured, `int[n, d]`.
        losses: Value and cost of each, minimised, `float[n, 2]`.
        values: What is learned of the values, penalties no further off than any trade-off,
            `float[n]`.
        known: What was measured and then what failed, `int[n + f, d]`.
        told: What counts as value and cost of each, `float[n + f, 2]`.
        trusted: The space in which numbers are words where the examples speak against their order.
    """

    def __init__(
        self, space: SearchSpace, examples: Examples, calibration: Calibration = UNCALIBRATED
    ) -> None:
        self.space, self.examples = space, examples
        self.archs, self.losses = examples.archs, examples.losses
        self.known = np.concatenate([examples.archs, examples.failed])
        self.told = np.concatenate([examples.losses, examples.failed_losses])
        self.calibration = calibration
        self._scale = CostScale(self.losses[:, 1])
        targets = _targets(self.told, self._scale)
        self._least = least_deviations(targets[: len(self.archs)])
        # A promise to be better than a penalty would be as large as that.
        self.values = targets[: len(self.archs), 0]
        self._best_at = Frontier(np.column_stack([self.values, self.losses[:, 1]]))
        self._at = {arch.tobytes(): i for i, arch in enumerate(self.known)}
        avoided = examples.avoided
        self._avoids = None if avoided is None else Avoidance(space, examples.archs, avoided)
        self.trusted = _trusted(space, examples)
        model = _gp(self.trusted, len(self.known))
        self._model = model.fit(self.known, targets)

    @classmethod
    def calibrated(
        cls,
        space: SearchSpace,
        examples: Examples,
        *,
        coverage: float | None,
        caution: float,
        rng: np.random.Generator,
    ) -> ValueCostModel:
        """Return a model whose deviations and margin were measured on held-out architectures.

        Args:
            space: The search space.
            examples: What was measured, in this order, and what failed, of which no bound is told.
            coverage: The share of costs that should stay below their bound; `None` for no
                calibration.
            caution: How many deviations better than a measurement a prediction will have to be.
            rng: Decides on the folds.
        """
        if coverage is None:
            return cls(space, examples)
        n = len(examples)
        trusted = _trusted(space, examples)
        found = calibrate(
            lambda rows, targets: _gp(trusted, n).fit(rows, targets).predict_with_deviation,
            examples.archs,
            _targets(examples.losses, CostScale(examples.losses[:, 1])),
            coverage=coverage,
            caution=caution,
            rng=rng,
        )
        return cls(space, examples, found)

    def predict(self, archs: IntArray) -> Predictions:
        """Return what is expected of canonical rows `int[k, d]`; measured ones are as measured.

        Of what a row promises beyond the best measured one that costs no more, that share is
        expected which such promises have kept.
        """
        if len(archs) == 0:
            return Predictions(*[np.zeros(0)] * 4)
        means, deviations = self._model.predict_with_deviation(archs)
        deviations = np.maximum(deviations, self._least)
        values, costs = means[:, 0], self._scale.inverse(means[:, 1])
        scales, margins = self.calibration.near(means[:, 1])
        bounds = self._scale.inverse(means[:, 1] + margins * deviations[:, 1])
        if self._avoids is not None:
            bounds = np.where(self._avoids(archs), np.inf, bounds)
        spread = deviations[:, 0] * scales
        best = self._best_at(costs)
        promised = np.maximum(np.where(np.isfinite(best), best - values, 0.0), 0.0)
        values = values + (1.0 - self.calibration.kept) * promised
        for i, arch in enumerate(archs):
            at = self._at.get(arch.tobytes())
            if at is not None:
                values[i], costs[i] = self.told[at]
                bounds[i] = costs[i] if at < len(self.archs) else np.inf
                spread[i] = 0.0
        return Predictions(values, spread, costs, bounds)


def _trusted(space: SearchSpace, examples: Examples) -> SearchSpace:
    losses = examples.losses
    return trusted_order(space, examples.archs, _targets(losses, CostScale(losses[:, 1])))


def _gp(space: SearchSpace, n_examples: int) -> StructuredGP:
    """The model of all examples, unfitted: those of fewer must be of its kind to calibrate it."""
    # Not warped: margins are counted in deviations, and most costs are logarithms already. Nor
    # surer than it is of itself: one promise more was believed in eight searches, and not kept.
    holds_back = not has_too_few(space, n_examples)
    return StructuredGP(space, holds_back=holds_back, warped=False, shrinks=False)


def _targets(losses: FloatArray, scale: CostScale) -> FloatArray:
    """What the model learns: values, no further off than any trade-off is, and scaled costs."""
    return np.column_stack([fenced(losses[:, :1], FAR), scale(losses[:, 1])])
