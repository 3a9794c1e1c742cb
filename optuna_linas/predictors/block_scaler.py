"""Feature blocks in units in which kernels on them can be compared.

Shapes: `n` examples, `m` objectives, `f` one-hot columns.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.predictors.blocks import Blocks, FeatureBlocks
from optuna_linas.predictors.posterior import LinearMaps, MapStrip
from optuna_linas.predictors.relevance import relevance

__all__ = ["BlockScaler", "column_variances", "standardised"]


class BlockScaler:
    """Scales blocks: standardised as on the training data, the one-hot by relevance.

    Args:
        raw: The blocks of the examples.
        variances: What `column_variances` says of their one-hot columns, `float[f]`.
    """

    def __init__(self, raw: Blocks, variances: FloatArray) -> None:
        self._center = raw.one_hot.mean(axis=0)
        self._root = np.sqrt(variances)
        # In units in which a network's features have a norm of one on average.
        power = (((raw.one_hot - self._center) * self._root) ** 2).sum(axis=1).mean()
        self._root = self._root / np.sqrt(max(float(power), 1e-12))
        self._others = [_moments(block) for block in standardised(raw)]

    def __call__(self, raw: Blocks) -> Blocks:
        """Return the blocks scaled."""
        one_hot = (raw.one_hot - self._center) * self._root
        return self._with_others_scaled(one_hot, raw)

    def maps(self, blocks: FeatureBlocks, n_advice: int) -> LinearMaps:
        """From columns to scaled linear parts: what nothing comes to, and what each unit adds."""
        units, squares = (
            self._with_others_scaled(raw.one_hot, raw)
            for raw in (blocks.units(n_advice), blocks.units(n_advice, power=2))
        )
        _, spread, varies = self._others[0]
        slope = 1.0 / (spread[varies] * np.sqrt(max(varies.sum(), 1)))
        one_hot, norm = [], np.zeros(len(units.one_hot))
        for strip in blocks.strips(n_advice):
            center, root = self._center[strip.features], self._root[strip.features]
            some, some_squares = ((x - center) * root for x in (strip.units, strip.squares))
            one_hot.append(MapStrip(strip.rows, strip.features, _relative(some)))
            norm[strip.rows] += _norm(some, some_squares, root)
        norms = np.column_stack([norm, _norm(units.ordinal, squares.ordinal, slope)])
        ordinal, groups, pieces, advice, words = map(_relative, standardised(units))
        return LinearMaps(one_hot, ordinal, groups, pieces, advice, words, norms)

    def _with_others_scaled(self, one_hot: FloatArray, raw: Blocks) -> Blocks:
        """The blocks scaled, with the one-hot block as it is given."""
        ordinal, groups, pieces, advice, words = (
            ((block - mean) / spread)[:, varies] / np.sqrt(max(varies.sum(), 1))
            for block, (mean, spread, varies) in zip(standardised(raw), self._others, strict=True)
        )
        return Blocks(one_hot, ordinal, groups, pieces, raw.numbers, advice, words)


def column_variances(one_hot: FloatArray, targets: FloatArray, variable: IntArray) -> FloatArray:
    """Return how much each one-hot column matters: its weight's prior variance, `float[f]`.

    Args:
        one_hot: The one-hot block of the examples, `float[n, f]`.
        targets: What is learned, standardised, `float[n, m]`.
        variable: The variable of each column, `int[f]`.
    """
    return relevance(one_hot - one_hot.mean(axis=0), targets, variable)[variable]


def standardised(raw: Blocks) -> tuple[FloatArray, ...]:
    """Return the blocks that are standardised column by column."""
    return raw.ordinal, raw.groups, raw.pieces, raw.advice, raw.words


def _moments(block: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    spread = block.std(axis=0)
    return block.mean(axis=0), np.maximum(spread, 1e-9), spread > 1e-9


def _relative(units: FloatArray) -> FloatArray:
    """A map from rows whose last column is a 1, of which the last unit is nothing."""
    return np.vstack([units[:-1] - units[-1], units[-1:]])


def _norm(units: FloatArray, squares: FloatArray, slope: FloatArray) -> FloatArray:
    """The map to the squared norm of `start + slope * x`, from what `x` and its square come to."""
    start = units[-1]
    norm: FloatArray = _relative(squares) @ slope + 2 * _relative(units) @ start
    norm[-1] = start @ start
    return norm
