"""What a fitted `StructuredGP` says of rows, laid out for a search that asks for thousands.

Inner products with the examples, what the linear parts predict, and variances before any example
are linear in a row's columns (see `columns`): one matrix, and one product for each generation.

Shapes: `k` rows, `n` examples, `a` anchors, `m` objectives, `c` columns, `p` columns of all linear
parts, `b` bends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.predictors.bends import RBF, Bends

__all__ = ["Anchors", "LinearMaps", "MapStrip", "MeanTerms", "Posterior"]


@dataclass(frozen=True)
class MapStrip:
    """From some of a row's columns to some of its scaled one-hot features.

    Attributes:
        rows: The columns, the one of ones last, `int[r]`; others add nothing.
        features: The features.
        map: From the one to the other, `float[r, features]`.
    """

    rows: IntArray
    features: slice
    map: FloatArray


@dataclass(frozen=True)
class LinearMaps:
    """From a row's columns to its scaled linear parts.

    Attributes:
        one_hot: The first part, in strips that share the column of ones and no other.
        ordinal: The second one, of which each column is of one variable, too, `float[c, ...]`.
        groups, pieces, advice, words: The other parts.
        norms: To the squared norms of the first two, `float[c, 2]`.
    """

    one_hot: list[MapStrip]
    ordinal: FloatArray
    groups: FloatArray
    pieces: FloatArray
    advice: FloatArray
    words: FloatArray
    norms: FloatArray

    @property
    def others(self) -> list[FloatArray]:
        """The maps to the linear parts but the first, without those that have no column."""
        parts = [self.ordinal, self.groups, self.pieces, self.advice, self.words]
        return [part for part in parts if part.shape[1]]

    def times(self, weights: FloatArray) -> FloatArray:
        """Return the map to the linear parts times weights `float[p, q]`, `float[c, q]`."""
        others = np.hstack([self.norms[:, :0], *self.others])
        n_one_hot = len(weights) - others.shape[1]
        found = np.zeros((len(others), weights.shape[1]))
        for strip in self.one_hot:
            both = np.hstack([strip.map, others[strip.rows]])
            found[strip.rows] += both @ np.vstack([weights[strip.features], weights[n_one_hot:]])
            others[-1] = 0.0  # What the column of ones adds counts once.
        return found

    def one_hot_times(self, weights: FloatArray) -> FloatArray:
        """Return the map to the first part times weights `float[f, q]`, `float[c, q]`."""
        found = np.zeros((len(self.norms), weights.shape[1]))
        for strip in self.one_hot:
            found[strip.rows] += strip.map @ weights[strip.features]
        return found


@dataclass(frozen=True)
class MeanTerms:
    """What the mean is a sum of.

    Attributes:
        weights: Of the linear parts, `float[p, m]`.
        duals: Of the examples in each bend, `float[b, n, m]`.
        one_hot: The examples' scaled one-hot block, `float[n, ...]`.
        bends: Against the examples.
        along: The bend along what the linear parts predict, if it is learned.
        index: What that is, as weights of the linear parts, `float[p, m]`.
    """

    weights: FloatArray
    duals: FloatArray
    one_hot: FloatArray
    bends: Bends
    along: RBF | None
    index: FloatArray


@dataclass(frozen=True)
class Anchors:
    """The examples that variances rest on.

    Attributes:
        positions: Among all examples, `int[a]`.
        parts: Their scaled linear parts, `float[a, ...]` each.
        weights: Of all kernels but the bend along, for each objective, `float[m, q]`.
        inverse_roots: Of their covariance, for each objective, `float[a, a]`.
    """

    positions: IntArray
    parts: list[FloatArray]
    weights: FloatArray
    inverse_roots: list[FloatArray]


class Posterior:
    """Means and variances in units of the standardised targets.

    Args:
        maps: From a row's columns to the scaled linear parts.
        mean: What the mean is a sum of.
        anchors: What variances rest on.
    """

    def __init__(self, maps: LinearMaps, mean: MeanTerms, anchors: Anchors) -> None:
        self._mean, self._anchors = mean, anchors
        everyone = np.arange(len(mean.one_hot))
        is_everyone = np.array_equal(anchors.positions, everyone)
        self._at: slice | IntArray = slice(None) if is_everyone else anchors.positions
        self._n_group_sums = maps.groups.shape[1]
        others, weights = maps.others, anchors.weights
        # The norms of parts with columns of one variable each are linear in a row's columns.
        n_linear, n_own = 1 + len(others), 1 + bool(maps.ordinal.shape[1])
        self._sum_weights = np.repeat(
            weights[:, n_own:n_linear], [part.shape[1] for part in others[n_own - 1 :]], axis=1
        ).T
        self._bend_weights = weights[:, n_linear:]
        # The products of the one-hot part are there for a bend as well.
        self._kernel_weights = np.delete(weights, np.arange(1, n_linear), axis=1)
        products = [
            maps.times(mean.weights),
            maps.times(mean.index),
            np.hstack([maps.groups, maps.pieces, maps.advice, maps.words]),
            maps.one_hot_times(mean.one_hot.T),
            maps.norms[:, :1],
            maps.norms[:, :n_own] @ weights[:, :n_own].T,
        ]
        if n_linear > 1:
            for each in weights:
                pairs = zip(each[1:n_linear], anchors.parts[1:], strict=True)
                rows = np.hstack([weight * part for weight, part in pairs])
                products.append(np.hstack(others) @ rows.T)
        self._matrix = np.hstack(products)
        ends = np.cumsum([each.shape[1] for each in products]).tolist()
        self._slices = [slice(a, b) for a, b in pairwise([0, *ends])]
        self._n_mean = ends[4]

    def mean(self, columns: FloatArray, numbers: FloatArray) -> FloatArray:
        """Return the means of rows, `float[k, m]`.

        Args:
            columns: Of the rows, `float[k, c]`.
            numbers: The positions of their numbers, `float[k, ...]`.
        """
        return self._mean_of(columns @ self._matrix[:, : self._n_mean], numbers)[0]

    def mean_and_variance(
        self, columns: FloatArray, numbers: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the means of rows and the variances, `float[k, m]` each; see `mean`."""
        found = columns @ self._matrix
        mean, bends = self._mean_of(found, numbers)
        _, _, sums, inner, norm, own, *others = (found[:, each] for each in self._slices)
        variance = own + np.square(sums) @ self._sum_weights
        variance += self._bend_weights[:, 1:].sum(axis=1) + norm**2 * self._bend_weights[:, 0]
        kernels = [kernel[:, self._at] for kernel in (inner, *bends)]
        for k, root in enumerate(self._anchors.inverse_roots):
            pairs = zip(self._kernel_weights[k].tolist(), kernels, strict=True)
            joint = sum((weight * kernel for weight, kernel in pairs), *others[k : k + 1])
            explained = joint @ root.T
            variance[:, k] -= np.einsum("ij,ij->i", explained, explained)
        return mean, variance

    def _mean_of(
        self, found: FloatArray, numbers: FloatArray
    ) -> tuple[FloatArray, list[FloatArray]]:
        """The means, and the bends between the rows and the examples but the one along."""
        terms = self._mean
        mean, index, sums, inner, norms = (found[:, each] for each in self._slices[:5])
        bends = terms.bends(inner, norms, sums[:, : self._n_group_sums], numbers)
        along = [] if terms.along is None else [terms.along(index)]
        for bend, dual in zip([*bends, *along], terms.duals, strict=True):
            mean = mean + bend @ dual
        return mean, bends
