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
| RBF       | numbers with long grids, as points of a cube        | smooth bends of numbers    |
| linear    | what a model of another search predicts, if any     | how far it can be trusted  |
| RBF       | what the linear parts predict for all objectives    | any bend in one direction  |

The last part takes for certain what the linear parts say, and a model with it is far too sure: of
networks that other searches found, errors are 5 to 20 of its standard deviations. So predictions
have it and deviations are those of the model without it, whose errors are 1 to 3.5 of them. With
fewer examples than options without an order, the linear parts go through nearly all examples, and
there is nothing to be learned from the bend along them: it is left out.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006; for the relevance see
`relevance`, for the weights `evidence`. Words among the options carry an order only by what
depends on them, and variables with unlike names form no group: what is left of the kernel then is
learned from the measurements alone.

Shapes: `n` examples, `k` candidates, `m` objectives, `d` variables.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.predictors.blocks import Advice, Blocks, FeatureBlocks
from optuna_linas.predictors.evidence import factorize, kernel_weights
from optuna_linas.predictors.fence import NEAR, fenced
from optuna_linas.predictors.relevance import relevance
from optuna_linas.ranking import front_rank
from optuna_linas.space import SearchSpace
from optuna_linas.structure import has_too_few

__all__ = ["StructuredGP"]

_MAX_FITTED = 100
"""Examples that the relevances and kernel weights are fitted on: their cost is cubic."""

_MAX_EXAMPLES = 1_000
"""Examples that predictions rest on; beyond, those furthest from the front are left out."""

_MAX_ANCHORS = 150
"""Examples that deviations rest on."""

_INDEX_LENGTH = 1.5
_NUMBER_LENGTHS = (0.15, 0.5)


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

    Attributes:
        unexplained: After `fit`, the standard deviation of what the features do not tell, which
            the fit of what is predicted takes for noise, `float[m]`.

    Example:
        >>> space = SearchSpace.from_choices({f"width_{i}": [1, 2, 4] for i in range(4)})
        >>> archs = space.sample(20, np.random.default_rng(0))
        >>> losses = archs.sum(axis=1, keepdims=True).astype(float)
        >>> model = StructuredGP(space).fit(archs, losses)
        >>> bool(np.abs(model.predict(archs) - losses).max() < 0.1)
        True
    """

    def __init__(
        self, space: SearchSpace, advice: Advice | None = None, *, holds_back: bool | None = None
    ) -> None:
        self._space, self._holds_back = space, holds_back
        self._blocks = FeatureBlocks(space, advice)

    def fit(self, archs: IntArray, losses: FloatArray) -> StructuredGP:
        """Learn from architectures and their losses; returns itself.

        Losses far on the bad side (beyond 1.5 interquartile ranges, as in a box plot) are moved to
        that fence: how bad a failed network is must not drown the differences between good ones.

        Args:
            archs: `int[n, d]`.
            losses: `float[n, m]`.
        """
        if len(archs) > _MAX_EXAMPLES:
            best = np.argsort(front_rank(losses), kind="stable")[:_MAX_EXAMPLES]
            archs, losses = archs[np.sort(best)], losses[np.sort(best)]
        near = fenced(losses, NEAR)
        self._mean = near.mean(axis=0)
        spread = near.std(axis=0)
        self._spread = np.where(spread > 1e-12 * np.maximum(np.abs(self._mean), 1e-300), spread, 1)
        targets = (near - self._mean) / self._spread
        n, m = targets.shape
        fitted = np.unique(np.linspace(0, n - 1, min(n, _MAX_FITTED)).astype(np.int64))
        raw = self._blocks(archs)
        self._scaler = _Scaler(raw, targets, fitted, self._space.feature_variables)
        self._train = self._scaler(raw)
        linear = _linear_parts(self._train)
        bends = _bends(self._train, self._train)

        # First the linear parts with the bends that are there, then the bend along what they say.
        self._kernel_weights: list[FloatArray] = []
        anchors = np.unique(np.linspace(0, n - 1, min(n, _MAX_ANCHORS)).astype(np.int64))
        self._anchor_parts = _linear_parts(_rows(self._train, anchors))
        self._anchor_positions = anchors
        self._inverse_roots = []
        grams = np.stack([*(part @ part.T for part in linear), *bends])
        for weights, noise, gram in self._learn(grams, linear, targets, fitted):
            self._kernel_weights.append(weights)
            root = factorize(gram[np.ix_(anchors, anchors)], noise)[0]
            # Inverted once: a search then multiplies, in a third of the time of solving.
            self._inverse_roots.append(solve_triangular(root, np.eye(len(anchors)), lower=True))

        self._has_last_bend = (
            not has_too_few(self._space, n) if self._holds_back is None else self._holds_back
        )
        if self._has_last_bend:
            self._index_weights, self._index_unit = self._weights, np.ones(m)
            index = self._index(linear)
            self._index_unit = np.maximum(index.std(axis=0), 1e-9)
            self._train_index = index / self._index_unit
            bend = _rbf(self._train_index, self._train_index, _INDEX_LENGTH)
            self._learn(np.concatenate([grams, bend[None]]), linear, targets, fitted)
        return self

    def _learn(
        self, grams: FloatArray, linear: list[FloatArray], targets: FloatArray, fitted: IntArray
    ) -> list[tuple[FloatArray, float, FloatArray]]:
        """Fit what is predicted; returns each objective's weights, noise and weighted kernel."""
        some = grams[:, fitted[:, None], fitted]
        learned, duals = [], []
        self._weights: list[FloatArray] = []
        self.unexplained = np.zeros(targets.shape[1])
        for k, target in enumerate(targets.T):
            weights, noise = kernel_weights(some, target[fitted])
            gram = np.tensordot(weights, grams, 1)
            dual = cho_solve(factorize(gram, noise), target)
            self.unexplained[k] = np.sqrt(noise) * self._spread[k]
            self._weights.append(_primal(linear, weights[: len(linear)], dual))
            duals.append(weights[len(linear) :, None] * dual)
            learned.append((weights, noise, gram))
        self._duals = np.stack(duals, axis=2)
        return learned

    def predict(self, archs: IntArray) -> FloatArray:
        """Return the predicted losses of `archs` `int[k, d]`, `float[k, m]`."""
        blocks, linear = self._describe(archs)
        return self._losses(linear, _bends(blocks, self._train))

    def predict_with_deviation(self, archs: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return predicted losses and their posterior standard deviations, `float[k, m]` each.

        Beyond `_MAX_ANCHORS` examples the deviations rest on as many of them, and are somewhat too
        large.
        """
        blocks, linear = self._describe(archs)
        bends = _bends(blocks, self._train)
        losses = self._losses(linear, bends)
        squares = [np.einsum("ij,ij->i", part, part) for part in linear]
        own = np.stack([*squares, squares[0] ** 2, *[np.ones(len(archs))] * (len(bends) - 1)])
        to_anchors = self._to_anchors(linear, bends)
        variance = np.empty_like(losses)
        for k, weights in enumerate(self._kernel_weights):
            half = self._explained(k, to_anchors)
            variance[:, k] = weights @ own - np.einsum("ij,ij->j", half, half)
        deviation: FloatArray = np.sqrt(np.maximum(variance, 0.0)) * self._spread
        return losses, deviation

    def covariance(self, archs: IntArray, objective: int) -> FloatArray:
        """Return the posterior covariance of one objective's true losses, `float[k, k]`.

        Args:
            archs: `int[k, d]`.
            objective: Its column.
        """
        blocks, linear = self._describe(archs)
        grams = [part @ part.T for part in linear] + _bends(blocks, blocks)
        weights = self._kernel_weights[objective]
        to_anchors = self._to_anchors(linear, _bends(blocks, self._train))
        half = self._explained(objective, to_anchors)
        posterior: FloatArray = np.tensordot(weights, np.stack(grams), 1) - half.T @ half
        return posterior * float(self._spread[objective]) ** 2

    def _describe(self, archs: IntArray) -> tuple[Blocks, list[FloatArray]]:
        """The blocks of `archs`, and the linear ones among them."""
        blocks = self._scaler(self._blocks(archs))
        return blocks, _linear_parts(blocks)

    def _losses(self, linear: list[FloatArray], bends: list[FloatArray]) -> FloatArray:
        """Predict, from the linear parts and from their bends against the examples."""
        if self._has_last_bend:
            last = _rbf(self._index(linear), self._train_index, _INDEX_LENGTH)
            bends = [*bends, last]
        predicted = np.hstack(linear) @ np.stack(self._weights, axis=1)
        for bend, dual in zip(bends, self._duals, strict=True):
            predicted += bend @ dual
        losses: FloatArray = predicted * self._spread + self._mean
        return losses

    def _to_anchors(self, linear: list[FloatArray], bends: list[FloatArray]) -> FloatArray:
        """Each kernel between rows and the anchors, `float[q, k, a]`."""
        grams = [a @ b.T for a, b in zip(linear, self._anchor_parts, strict=True)]
        return np.stack([*grams, *(bend[:, self._anchor_positions] for bend in bends)])

    def _explained(self, objective: int, to_anchors: FloatArray) -> FloatArray:
        """What the anchors explain of the prior: its square is to be subtracted, `float[a, k]`."""
        joint = np.tensordot(self._kernel_weights[objective], to_anchors, 1)
        half: FloatArray = self._inverse_roots[objective] @ joint.T
        return half

    def _index(self, linear: list[FloatArray]) -> FloatArray:
        """What the linear parts say of each objective, in units of its spread, `float[k, m]`."""
        index: FloatArray = np.hstack(linear) @ np.stack(self._index_weights, axis=1)
        return index / self._index_unit


class _Scaler:
    """Blocks standardised as on the training data; the one-hot by relevance."""

    def __init__(
        self, raw: Blocks, targets: FloatArray, fitted: IntArray, variable: IntArray
    ) -> None:
        self._center = raw.one_hot.mean(axis=0)
        some = raw.one_hot[fitted] - raw.one_hot[fitted].mean(axis=0)
        variances = relevance(some, targets[fitted], variable)
        self._root = np.sqrt(variances[variable])
        # In units in which a network's features have a norm of one on average.
        power = (((raw.one_hot - self._center) * self._root) ** 2).sum(axis=1).mean()
        self._root = self._root / np.sqrt(max(float(power), 1e-12))
        self._others = [_moments(block) for block in _standardised(raw)]

    def __call__(self, raw: Blocks) -> Blocks:
        ordinal, groups, pieces, advice = (
            ((block - mean) / spread)[:, varies] / np.sqrt(max(varies.sum(), 1))
            for block, (mean, spread, varies) in zip(_standardised(raw), self._others, strict=True)
        )
        one_hot = (raw.one_hot - self._center) * self._root
        return Blocks(one_hot, ordinal, groups, pieces, raw.numbers, advice)


def _standardised(raw: Blocks) -> tuple[FloatArray, ...]:
    return raw.ordinal, raw.groups, raw.pieces, raw.advice


def _moments(block: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    spread = block.std(axis=0)
    return block.mean(axis=0), np.maximum(spread, 1e-9), spread > 1e-9


def _rows(blocks: Blocks, index: IntArray) -> Blocks:
    return Blocks(**{name: block[index] for name, block in vars(blocks).items()})


def _linear_parts(blocks: Blocks) -> list[FloatArray]:
    parts = [blocks.one_hot, blocks.ordinal, blocks.groups, blocks.pieces, blocks.advice]
    return [parts[0], *(part for part in parts[1:] if part.shape[1])]


def _bends(a: Blocks, b: Blocks) -> list[FloatArray]:
    """The kernels that are not linear, `float[k, n]` each."""
    bends = [(a.one_hot @ b.one_hot.T) ** 2]
    if a.groups.shape[1]:
        # Columns are scaled to a norm of one in all: distances of 2 are typical.
        bends.append(_rbf(a.groups, b.groups, 2.0))
    bends += [
        _rbf(a.numbers, b.numbers, length * np.sqrt(a.numbers.shape[1]))
        for length in (_NUMBER_LENGTHS if a.numbers.shape[1] else ())
    ]
    return bends


def _rbf(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    kernel: FloatArray = np.exp(np.maximum(squares, 0.0) / (-2 * length**2))
    return kernel


def _primal(linear: list[FloatArray], scales: FloatArray, dual: FloatArray) -> FloatArray:
    """The weights of the linear parts' columns, `float[columns]`."""
    return np.concatenate([s * (part.T @ dual) for s, part in zip(scales, linear, strict=True)])
