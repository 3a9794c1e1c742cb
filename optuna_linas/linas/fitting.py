"""The predictors of one iteration, fitted: from architectures to losses and violations.

Shapes: `n` architectures, `m` objectives, `d` variables.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray, cut_off
from optuna_linas.fence import FAR, fenced
from optuna_linas.history import History
from optuna_linas.linas.bounded import bounded
from optuna_linas.linas.choosing import choose_predictors
from optuna_linas.predictors import (
    Predictor,
    StructuredGP,
    make_predictor,
)
from optuna_linas.predictors.blocks import Advice
from optuna_linas.predictors.explained import Explained
from optuna_linas.space import SearchSpace
from optuna_linas.structure import has_too_few

__all__ = ["MIN_EXAMPLES", "FittedPredictors", "KnownColumn", "check_predictors"]

MIN_EXAMPLES = 4
"""Measurements below which nothing is fitted and proposals are random."""

KnownColumn = Callable[[IntArray], FloatArray]
"""From rows `int[n, d]` to the losses `float[n]` of an objective that can be computed."""

_LIKELY = 0.5
"""The chance of failing above which a network counts as infeasible."""


def check_predictors(predictors: Sequence[str | Predictor], n_objectives: int) -> None:
    """Raise if there is neither one predictor nor one per objective.

    Raises:
        ValueError: Another number.
    """
    if len(predictors) not in (1, n_objectives):
        raise ValueError(
            f"Give one predictor for all objectives or one for each of the {n_objectives}; got "
            f"{len(predictors)}."
        )


class FittedPredictors:
    """One predictor per loss, those on the search space together, and one per constraint.

    Args:
        space: The search space.
        history: What is measured.
        predictors: One for all objectives or one each.
        known: Functions from rows to the losses of columns that need no predictor.
        masked: Zero the features of inactive variables.
        optimism: Standard deviations that predictions of several objectives are lowered by, where
            the predictor knows them. (One objective explores by itself: see `explore`.)
        advice: What another search would predict, which the Gaussian process learns from.
        steps: Whether the search goes on from what is measured, rather than once and for all from
            random examples; see `StructuredGP`.
        failures: A model of which networks fail, if there is one: what it expects to fail counts as
            infeasible.
        rng: The source of all randomness.
    """

    def __init__(
        self,
        space: SearchSpace,
        history: History,
        predictors: Sequence[str | Predictor],
        *,
        known: Mapping[int, KnownColumn],
        masked: bool,
        optimism: float,
        advice: Advice | None = None,
        steps: bool = True,
        failures: StructuredGP | None = None,
        rng: np.random.Generator,
    ) -> None:
        self._measured = measured = cut_off(history.losses)
        self._space, self._masked, self._optimism = space, masked, optimism
        self._m = measured.shape[1]
        self._chosen = [predictors[k % len(predictors)] for k in range(self._m)]
        self._known: dict[int, KnownColumn] = dict(known)
        learned = [k for k in range(self._m) if k not in self._known]
        holds_back = steps and not has_too_few(space, len(history))
        if undecided := [k for k in learned if self._chosen[k] == "auto"]:
            best = choose_predictors(
                space, history.codes, measured[:, undecided], advice, holds_back=holds_back
            )
            for k, name in zip(undecided, best, strict=True):
                self._chosen[k] = name
        self._together = [k for k in learned if self._chosen[k] == "gp"]
        self._joint: StructuredGP | None = None
        if self._together:
            self._joint = StructuredGP(space, advice, holds_back=holds_back)
            self._joint.fit(history.codes, measured[:, self._together])
        self._features = features = space.features(history.codes, masked=masked)
        self._single = {
            k: Explained(make_predictor(self._chosen[k], rng), k)
            for k in learned
            if k not in self._together
        }
        for k, model in self._single.items():
            model.fit(features, measured[:, k])
        self._guards: list[tuple[Predictor, float]] = []
        for column in history.constraints.T:
            told = ~np.isnan(column)
            if told.sum() >= MIN_EXAMPLES:
                values = bounded(column[told])
                guard = make_predictor("ridge")
                guard.fit(features[told], values)
                self._guards.append((guard, float(_spread(values))))
        self._failures = failures
        self._scale = _spread(fenced(measured, FAR))
        self._worst = measured.max(axis=0) + 1e6 * self._scale

    def __call__(self, archs: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return predicted losses `float[n, m]` and violations `float[n]` of `archs`."""
        predicted, deviation, X = self._predict(archs, sure=self._m == 1 or self._optimism == 0)
        if deviation is not None:
            predicted[:, self._together] -= self._optimism * deviation
        return self._rounded(predicted), self._violations(archs, X)

    def mean(self, archs: IntArray) -> FloatArray:
        """Return the losses of `archs` as they are expected, without optimism, `float[n, m]`."""
        return self._rounded(self._predict(archs, sure=True)[0])

    @property
    def names(self) -> tuple[str, ...]:
        """What predicts each objective."""
        names = {**dict.fromkeys(self._together, "gp"), **dict.fromkeys(self._known, "computed")}
        for k, model in self._single.items():
            chosen = self._chosen[k]
            names[k] = chosen if isinstance(chosen, str) else type(model.predictor).__name__
        return tuple(names[k] for k in range(self._m))

    def foretold(self) -> tuple[IntArray, FloatArray] | None:
        """Return examples, `int[a]`, and what was foretold of them, `float[a, m]`, if it is known.

        See `StructuredGP.foretold`; of objectives that are computed it is what they are.
        """
        if self._joint is None or self._single:
            return None
        positions, losses = self._joint.foretold()
        foretold = self._measured[positions]
        foretold[:, self._together] = losses
        return positions, foretold

    @property
    def knows_deviation(self) -> bool:
        """Whether there is one objective, and its predictor knows how sure it is."""
        return self._m == 1 and self._joint is not None

    def explore(self, archs: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return predicted loss and negative deviation `float[n, 2]`, and violations `float[n]`.

        The front of the two leads from the best guesses to what nothing is known of.
        """
        predicted, deviation, X = self._predict(archs, sure=False)
        assert deviation is not None
        unknown = -np.round(deviation[:, 0] / self.unit, 9) * self.unit
        return np.column_stack([self._rounded(predicted), unknown]), self._violations(archs, X)

    @property
    def unit(self) -> float:
        """What losses of the first objective are counted in: their range."""
        return float(self._scale[0])

    def covariance(self, archs: IntArray) -> FloatArray:
        """Return the posterior covariance of the one objective in squared `unit`, `float[n, n]`."""
        assert self._joint is not None
        in_units: FloatArray = np.round(self._joint.covariance(archs, 0) / self.unit**2, 9)
        return in_units

    def _predict(
        self, archs: IntArray, *, sure: bool
    ) -> tuple[FloatArray, FloatArray | None, FloatArray]:
        """Mean losses, deviations unless `sure` or unknown, and what features are needed."""
        predicted, deviation = np.zeros((len(archs), self._m)), None
        need_features = bool(self._single or self._guards)
        X = self._space.features(archs, masked=self._masked) if need_features else predicted
        if self._joint is not None:
            if sure:
                predicted[:, self._together] = self._joint.predict(archs)
            else:
                mean, deviation = self._joint.predict_with_deviation(archs, unseen=self._m > 1)
                predicted[:, self._together] = mean
        for k, model in self._single.items():
            predicted[:, k] = model.predict(X)
            if not np.isfinite(predicted[:, k]).any():
                self._warn_if_blind(k, model)
        for column, losses_of in self._known.items():
            predicted[:, column] = cut_off(losses_of(archs))
        return predicted, deviation, X

    def _warn_if_blind(self, k: int, model: Explained) -> None:
        """Warn of a predictor that has no finite number even for what it has learned from."""
        if not np.isfinite(model.predict(self._features)).any():
            _warn_once(
                f"The predictor {type(model.predictor).__name__} of objective {k} predicts no "
                "finite number, not even for the examples that it has learned from: nothing guides "
                "the search there. Choose another one, or see why it does not learn."
            )

    def _rounded(self, predicted: FloatArray) -> FloatArray:
        # Equal architectures under equal models tie; so they must with another number of threads,
        # whose sums differ in the last digits, or a search would not repeat elsewhere.
        rounded = np.round(predicted / self._scale, 9) * self._scale
        return np.where(np.isfinite(predicted), rounded, self._worst)

    def _violations(self, archs: IntArray, X: FloatArray) -> FloatArray:
        violations = np.zeros(len(archs))
        for guard, spread in self._guards:  # in units of their spread, or the largest unit rules
            violations += np.round(np.maximum(guard.predict(X), 0.0) / spread, 9)
        if self._failures is not None:
            excess = self._failures.predict(archs)[:, 0] - _LIKELY
            violations += np.round(np.maximum(excess, 0.0), 9)
        return violations


def _spread(values: FloatArray) -> FloatArray:
    """The range of each column, 1 where all values are the same or too near to divide by it."""
    spread = np.asarray(np.ptp(values, axis=0), dtype=float)
    return np.where(spread > 1e-150, spread, 1.0)  # squares are divided by, too


@lru_cache(maxsize=256)
def _warn_once(message: str) -> None:
    # Not once for every batch: other packages reset what Python remembers of its warnings.
    warnings.warn(message, UserWarning, stacklevel=4)
