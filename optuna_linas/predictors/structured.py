"""A Gaussian process that knows the structure of a search space.

Its kernel is a sum whose weights the evidence chooses for each objective:

| part      | on                                                  | learns                     |
|-----------|-----------------------------------------------------|----------------------------|
| linear    | one-hot, scaled by each variable's relevance        | what every option is worth |
| quadratic | the same, squared                                   | which variables interact   |
| ordinal   | levels and squared levels of ordered variables      | smooth effects of sizes    |
| linear    | sums over groups of alike variables, and over their | capacity, early and late   |
|           | contiguous pieces                                   |                            |
| RBF       | sums over groups of alike variables                 | saturation of capacity     |
| RBF       | one-hot, in small spaces without order              | what networks nearby are   |
| RBF       | numbers with long grids, as points of a cube        | smooth bends of numbers    |
| linear    | the share of each word among the options of         | what an operation is worth |
|           | variables alike (`op_0`, `op_1`, ...)               | wherever it is             |
| linear    | what a model of another search predicts, if any     | how far it can be trusted  |
| RBF       | what the linear parts predict for all objectives    | any bend in one direction  |

The last part takes for certain what the linear parts say, and a model with it is far too sure: of
networks that other searches found, errors are 5 to 20 of its standard deviations. So predictions
have it and deviations are those of the model without it, whose errors are 1 to 3.5 of them. With
fewer examples than options without an order, the linear parts go through nearly all examples, and
there is nothing to be learned from the bend along them: it is left out.

Deviations are then made to fit: each example, foretold from all others, is off by so many of its
deviations, and where that is less than one they all shrink by it. Where capacity explains nearly
everything the priors of weights and noise hold them up, and a search would doubt what is certain.
(Examples fewer than options without an order say too little of one another: relevances go by all.)

Three more things are left to the evidence before any weight is fitted: whether a word means
something similar in all variables that may take it, or else its part is left out (the words of a
disguised space mean nothing); whether networks nearby tell more than options and their pairs, or
else theirs is; and whether losses are explained better when bent (see `warp`).

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006; for the relevance see
`relevance`, for the weights `evidence`. Words among the options carry an order only by what
depends on them, and variables with unlike names form no group: what is left of the kernel then is
learned from the measurements alone.

Shapes: `n` examples, `k` candidates, `m` objectives, `d` variables.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.fence import NEAR, Fence
from optuna_linas.predictors.bends import RBF, Bends
from optuna_linas.predictors.block_scaler import BlockScaler, column_variances
from optuna_linas.predictors.blocks import Advice, Blocks, FeatureBlocks
from optuna_linas.predictors.evidence import factorize, kernel_weights, speak_for
from optuna_linas.predictors.grams import kernels_between, linear_parts
from optuna_linas.predictors.posterior import Anchors, MeanTerms, Posterior
from optuna_linas.predictors.surprise import from_those_before, never_shown, repeated_rows, surprise
from optuna_linas.predictors.warp import Warp, choose_warp
from optuna_linas.ranking import front_rank
from optuna_linas.space import SearchSpace
from optuna_linas.structure import has_too_few, mostly_ordered, soon_known

__all__ = ["StructuredGP"]

_MAX_FITTED = 100
"""Examples that the relevances and kernel weights are fitted on: their cost is cubic."""

_MAX_EXAMPLES = 1_000
"""Examples that predictions rest on; beyond, those furthest from the front are left out."""

_MAX_ANCHORS = 150
"""Examples that deviations rest on."""

_MAX_CELLS = 1 << 24
"""Rows times one-hot features that are predicted at once: all of 8,000 words would be too many."""

_INDEX_LENGTH = 1.5


class StructuredGP:
    """Predicts the losses of architectures of one space, all objectives together.

    Args:
        space: The search space.
        advice: From architectures `int[n, d]` to what another search predicts of them,
            `float[n, q]`, if there is one: features that the evidence may trust or not.
        holds_back: Whether to learn the last bend, which says little of what lies beyond all
            examples. A search that extends its front step by step gains by that; what is foretold
            of networks far from random examples loses. By default where the examples are not too
            few for it (`optuna_linas.structure.has_too_few`).
        warped: Whether losses are bent where the evidence says so and most options have no order.
            (Among sizes, corners of the space look like skewed losses, and a search loses by it.)
            Deviations are then larger where losses are, and bounds of a promised coverage must not
            depend on that.
        shrinks: Whether deviations shrink to what the examples foretell of one another. A search
            gains by it; who promises something had rather doubt.

    Example:
        >>> space = SearchSpace.from_choices({f"width_{i}": [1, 2, 4] for i in range(4)})
        >>> archs = space.sample(20, np.random.default_rng(0))
        >>> losses = archs.sum(axis=1, keepdims=True).astype(float)
        >>> model = StructuredGP(space).fit(archs, losses)
        >>> bool(np.abs(model.predict(archs) - losses).max() < 0.1)
        True
    """

    def __init__(
        self,
        space: SearchSpace,
        advice: Advice | None = None,
        *,
        holds_back: bool | None = None,
        warped: bool = True,
        shrinks: bool = True,
    ) -> None:
        self._space, self._holds_back, self._shrinks = space, holds_back, shrinks
        self._may_warp = warped and not mostly_ordered(space)
        self._may_have_near = soon_known(space)
        self._all_blocks = FeatureBlocks(space, advice)

    def fit(self, archs: IntArray, losses: FloatArray) -> StructuredGP:
        """Learn from architectures and their losses; returns itself.

        Losses far on the bad side (beyond 1.5 interquartile ranges, as in a box plot) are drawn in
        towards that fence (see `Fence`): how bad a failed network is must not drown the
        differences between good ones.

        Args:
            archs: `int[n, d]`.
            losses: `float[n, m]`.
        """
        rows = np.arange(len(archs))
        if len(archs) > _MAX_EXAMPLES:
            rows = np.sort(np.argsort(front_rank(losses), kind="stable")[:_MAX_EXAMPLES])
            archs, losses = archs[rows], losses[rows]
        self._fence = Fence(losses, NEAR)
        near = self._fence(losses)
        n = len(near)
        fitted = np.unique(np.linspace(0, n - 1, min(n, _MAX_FITTED)).astype(np.int64))
        raw, grams, targets = self._describe(archs, near, fitted)
        linear, bends = linear_parts(self._train), self._bends

        # First the linear parts with the bends that are there, then the bend along what they say.
        at = np.unique(np.linspace(0, n - 1, min(n, _MAX_ANCHORS)).astype(np.int64))
        learned = self._learn(grams, linear, targets, fitted)
        self._anchors = Anchors(
            at,
            [part[at] for part in linear],
            np.stack([weights for weights, _, _ in learned]),
            [_inverse_root(gram[np.ix_(at, at)], noise) for _, noise, gram in learned],
        )
        self._anchored = rows[at], targets[at]
        too_few = has_too_few(self._space, n)
        self._surprise = np.ones(len(learned))
        self._never_shown: IntArray = at[:0]
        if self._shrinks and not too_few:
            variables, is_ordered = self._space.feature_variables, self._blocks.is_ordered
            never = never_shown(raw.one_hot, variables, is_ordered)
            self._never_shown = raw.advice.shape[1] + never
            again = repeated_rows(archs[at])
            roots = zip(self._anchors.inverse_roots, targets[at].T, strict=True)
            self._surprise = np.array([surprise(root, target, again) for root, target in roots])
        index_weights, along = np.zeros((sum(part.shape[1] for part in linear), 0)), None
        self._has_last_bend = not too_few if self._holds_back is None else self._holds_back
        if self._has_last_bend:
            index_weights = np.stack(self._weights, axis=1)
            index = np.hstack(linear) @ index_weights
            unit = np.maximum(index.std(axis=0), 1e-9)
            index /= unit
            index_weights /= unit
            along = RBF(index, _INDEX_LENGTH)
            self._learn(np.concatenate([grams, along(index)[None]]), linear, targets, fitted)
        maps = self._scaler.maps(self._blocks, raw.advice.shape[1])
        one_hot, weights = self._train.one_hot, np.stack(self._weights, axis=1)
        self._posterior = Posterior(
            maps,
            MeanTerms(weights, self._duals, one_hot, bends, along, index_weights),
            self._anchors,
        )
        return self

    def _describe(
        self, archs: IntArray, losses: FloatArray, fitted: IntArray
    ) -> tuple[Blocks, FloatArray, FloatArray]:
        """Choose features and warps; returns blocks, kernels `float[q, n, n]` and targets."""
        self._blocks, self._warps = self._all_blocks, [Warp()] * losses.shape[1]
        raw, targets = self._blocks(archs), self._standardise(losses)
        variances = self._variances(raw, targets, fitted)
        self._has_near = self._may_have_near
        grams = self._scale(raw, variances)
        some = grams[:, fitted[:, None], fitted]
        if self._train.words.shape[1]:
            without = np.delete(some, len(linear_parts(self._train)) - 1, axis=0)
            if not speak_for(targets[fitted], some, without):
                self._blocks, some = self._blocks.without_words(), without
                raw = self._blocks(archs)
                grams = self._scale(raw, variances)
        if self._has_near:
            without = np.delete(some, len(linear_parts(self._train)) + Bends.NEAR, axis=0)
            if not speak_for(targets[fitted], some, without):
                self._has_near, some = False, without
                grams = self._scale(raw, variances)
        if self._may_warp:
            self._warps = [choose_warp(some, column) for column in losses[fitted].T]
        self._is_warped = any(warp.power != 1.0 for warp in self._warps)
        if self._is_warped:
            pairs = zip(self._warps, losses.T, strict=True)
            targets = self._standardise(np.column_stack([warp(column) for warp, column in pairs]))
            grams = self._scale(raw, self._variances(raw, targets, fitted))
        return raw, grams, targets

    def _standardise(self, values: FloatArray) -> FloatArray:
        """Values in units of their spread from their mean, which are remembered."""
        self._mean = values.mean(axis=0)
        spread = values.std(axis=0)
        self._spread = np.where(spread > 1e-12 * np.maximum(np.abs(self._mean), 1e-300), spread, 1)
        # The mean of equal numbers may be off by its last digit.
        targets: FloatArray = np.where(spread == self._spread, values - self._mean, 0.0)
        return targets / self._spread

    def _variances(self, raw: Blocks, targets: FloatArray, fitted: IntArray) -> FloatArray:
        """How much the fitted examples say that each one-hot column matters, `float[f]`."""
        return column_variances(raw.one_hot[fitted], targets[fitted], self._space.feature_variables)

    def _scale(self, raw: Blocks, variances: FloatArray) -> FloatArray:
        """Scale the examples' blocks by what matters; returns their kernels `float[q, n, n]`."""
        self._scaler = BlockScaler(raw, variances)
        self._train = self._scaler(raw)
        self._bends = Bends(self._train, near=self._has_near)
        return kernels_between(self._train, self._train, self._bends)

    def _learn(
        self, grams: FloatArray, linear: list[FloatArray], targets: FloatArray, fitted: IntArray
    ) -> list[tuple[FloatArray, float, FloatArray]]:
        """Fit what is predicted; returns each objective's weights, noise and weighted kernel."""
        some = grams[:, fitted[:, None], fitted]
        learned, duals = [], []
        self._weights: list[FloatArray] = []
        self._unexplained = np.zeros(targets.shape[1])
        for k, target in enumerate(targets.T):
            weights, noise, _ = kernel_weights(some, target[fitted])
            gram = np.tensordot(weights, grams, 1)
            dual = cho_solve(factorize(gram, noise), target)
            self._unexplained[k] = np.sqrt(noise)
            self._weights.append(_primal(linear, weights[: len(linear)], dual))
            duals.append(weights[len(linear) :, None] * dual)
            learned.append((weights, noise, gram))
        self._duals = np.stack(duals, axis=2)
        return learned

    def predict(self, archs: IntArray) -> FloatArray:
        """Return the predicted losses of `archs` `int[k, d]`, `float[k, m]`."""
        means = [
            self._posterior.mean(self._blocks.columns(rows), self._blocks.numbers(rows))
            for rows in self._in_turns(archs)
        ]
        return self._unwarped(np.concatenate(means))

    def predict_with_deviation(
        self, archs: IntArray, *, unseen: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return predicted losses and their posterior standard deviations, `float[k, m]` each.

        Beyond `_MAX_ANCHORS` examples the deviations rest on as many of them, and are somewhat too
        large.

        Args:
            archs: `int[k, d]`.
            unseen: Whether what the fit takes for noise, which the features do not tell, counts as
                unknown, too: where a network always measures the same, it is unknown of every
                network that is not measured.
        """
        turns = []
        for rows in self._in_turns(archs):
            columns = self._blocks.columns(rows)
            mean, variance = self._posterior.mean_and_variance(columns, self._blocks.numbers(rows))
            turns.append((mean, variance, self._scale_of(columns)))
        mean, variance, scale = (np.concatenate(each) for each in zip(*turns, strict=True))
        deviation = np.sqrt(np.maximum(variance, 0.0))
        if unseen:
            deviation = np.hypot(deviation, self._unexplained)
        deviation = deviation * scale
        return self._unwarped(mean), deviation * self._slopes(mean, deviation)

    def foretold(self) -> tuple[IntArray, FloatArray]:
        """Return examples, `int[a]`, and their losses as those before them tell, `float[a, m]`.

        They are those that deviations rest on, and come in the order in which they were learned
        from. Relevances and weights are those that all examples speak for.
        """
        positions, targets = self._anchored
        pairs = zip(self._anchors.inverse_roots, targets.T, strict=True)
        means = np.column_stack([from_those_before(root, target) for root, target in pairs])
        return positions, self._unwarped(means)

    def covariance(self, archs: IntArray, objective: int) -> FloatArray:
        """Return the posterior covariance of one objective's true losses, `float[k, k]`.

        Args:
            archs: `int[k, d]`.
            objective: Its column.
        """
        blocks = self._scaler(self._blocks(archs))
        weights = self._anchors.weights[objective]
        root, at = self._anchors.inverse_roots[objective], self._anchors.positions
        to_examples = kernels_between(blocks, self._train, self._bends)
        half = root @ np.tensordot(weights, to_examples, 1)[:, at].T
        prior = np.tensordot(
            weights, kernels_between(blocks, blocks, Bends(blocks, near=self._has_near)), 1
        )
        columns = self._blocks.columns(archs)
        mean = self._posterior.mean(columns, self._blocks.numbers(archs))
        scale = np.broadcast_to(self._scale_of(columns), mean.shape)[:, objective]
        posterior: FloatArray = (prior - half.T @ half) * np.outer(scale, scale)
        deviation = np.sqrt(np.maximum(np.diag(posterior), 0.0))
        slopes = self._slopes(mean, np.tile(deviation[:, None], mean.shape[1]))[:, objective]
        return posterior * np.outer(slopes, slopes)

    def _scale_of(self, columns: FloatArray) -> FloatArray:
        """What deviations shrink to, `float[k, m]`: of what no example shows they do not."""
        scale = np.broadcast_to(self._surprise, (len(columns), len(self._surprise)))
        if not len(self._never_shown):
            return scale
        is_new = columns[:, self._never_shown].any(axis=1, keepdims=True)
        return np.where(is_new, 1.0, scale)

    def _in_turns(self, archs: IntArray) -> list[IntArray]:
        """The rows, so few at a time that their features fit into memory."""
        n_cells = len(archs) * len(self._space.feature_variables)
        if n_cells <= _MAX_CELLS:
            return [archs]
        return np.array_split(archs, n_cells // _MAX_CELLS + 1)

    def _unwarped(self, targets: FloatArray) -> FloatArray:
        """The losses that targets stand for, `float[k, m]`."""
        bent: FloatArray = targets * self._spread + self._mean
        if self._is_warped:
            pairs = zip(self._warps, bent.T, strict=True)
            bent = np.column_stack([warp.inverse(column) for warp, column in pairs])
        return self._fence.inverse(bent)

    def _slopes(self, targets: FloatArray, deviations: FloatArray) -> FloatArray:
        """What a loss is lower by per unit of its target, a deviation down, `float[k, m]`.

        Down, as optimism goes: along the tangent, which may be far steeper than that, the poorest
        would promise most.
        """
        if not self._is_warped:
            return np.broadcast_to(self._spread, targets.shape)
        bent, below = targets * self._spread + self._mean, deviations * self._spread
        columns = zip(self._warps, bent.T, below.T, strict=True)
        slopes: FloatArray = np.column_stack([w.secant(x, step) for w, x, step in columns])
        return slopes * self._spread


def _primal(linear: list[FloatArray], scales: FloatArray, dual: FloatArray) -> FloatArray:
    """The weights of the linear parts' columns, `float[columns]`."""
    return np.concatenate([s * (part.T @ dual) for s, part in zip(scales, linear, strict=True)])


def _inverse_root(covariance: FloatArray, noise: float) -> FloatArray:
    """The inverse of the Cholesky factor: a search multiplies faster than it solves."""
    root = factorize(covariance, noise)[0]
    inverse: FloatArray = solve_triangular(root, np.eye(len(root)), lower=True)
    return inverse
