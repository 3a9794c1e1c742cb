"""Feature blocks of an architecture that say more than which option each variable takes.

Where options are ordered (sizes), a variable also has a level; where variables are alike
(`kernel_0`, `kernel_1`, ...), what counts most is how many exist and how large they are together.

Shapes: `n` architectures, `d` variables, `g` groups of alike variables.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.one_hot import N_KNOTS
from optuna_linas.predictors.columns import Columns, Strip
from optuna_linas.space import SearchSpace
from optuna_linas.structure import alike, option_levels, same_words

__all__ = ["Advice", "Blocks", "FeatureBlocks"]

Advice = Callable[[IntArray], FloatArray]
"""From architectures `int[n, d]` to what another search would predict of them, `float[n, q]`."""

_N_PIECES = 4
_LONG_GROUP = 8


@dataclass(frozen=True)
class Blocks:
    """The feature blocks of `n` architectures; a block may have no column.

    Attributes:
        one_hot: `SearchSpace.features`, zero where a variable is inactive.
        ordinal: Level and squared level of each ordered variable.
        groups: Per group of alike variables, how many are active, and the sums of their levels
            and squared levels.
        numbers: The positions in [0, 1] of numbers with long grids, 0.5 where inactive.
        pieces: The sums of levels over four contiguous pieces of each long group: early and late
            layers differ.
        advice: What a model of another search predicts.
        words: Per group of variables that choose among the same words, the share of its members
            that take each.
    """

    one_hot: FloatArray
    ordinal: FloatArray
    groups: FloatArray
    pieces: FloatArray
    numbers: FloatArray
    advice: FloatArray
    words: FloatArray


class FeatureBlocks:
    """Turns architectures into feature blocks.

    Args:
        space: The search space.
        advice: From architectures `int[n, d]` to further features `float[n, q]`, or `None`.

    Attributes:
        is_ordered: Of each variable, whether its options have an order, `bool[d]`.
    """

    def __init__(self, space: SearchSpace, advice: Advice | None = None) -> None:
        self._space, self._advice = space, advice
        d = len(space)
        self._levels = np.zeros((d, int(space.n_options.max(initial=1))))
        self.is_ordered = np.zeros(d, dtype=bool)
        for j, levels in enumerate(option_levels(space)):
            if levels is not None:
                # Never zero: the smallest option of an active variable is not an inactive one.
                self._levels[j, : len(levels)] = (levels + 0.5) / 1.5
                self.is_ordered[j] = True
        self._ordered = np.flatnonzero(self.is_ordered)
        self._numbers = np.flatnonzero(
            [v.is_number for v in space.variables] & (space.n_options > N_KNOTS)
        )
        groups = alike(space)
        self._members = np.zeros((d, len(groups)))
        pieces = []
        for g, members in enumerate(groups):
            self._members[members, g] = 1.0 / len(members)
            if len(members) >= _LONG_GROUP:
                pieces += np.array_split(members, _N_PIECES)
        self._pieces = np.zeros((d, len(pieces)))
        for p, members in enumerate(pieces):
            self._pieces[members, p] = 1.0 / len(members)
        shares = [share for members in same_words(space) for share in _shares(space, members)]
        self._words = np.array(shares).reshape(len(shares), len(space.feature_variables)).T
        self._columns = Columns(space, self._levels)

    def without_words(self) -> FeatureBlocks:
        """Return the same blocks, the one of words without a column."""
        other = copy.copy(self)
        other._words = self._words[:, :0]
        return other

    def __call__(self, archs: IntArray) -> Blocks:
        """Return the blocks of `archs` `int[n, d]`."""
        active = self._space.active(archs).astype(float)
        levels = self._levels[np.arange(len(self._space)), archs] * active
        one_hot = self._space.features(archs)
        return self._combined(
            one_hot,
            (active, levels, levels**2),
            numbers=self.numbers(archs),
            advice=self._advised(archs),
            words=one_hot @ self._words,
        )

    def numbers(self, archs: IntArray) -> FloatArray:
        """Return the block of numbers alone, which is not linear in the columns."""
        if not len(self._numbers):
            return np.zeros((len(archs), 0))
        at = archs[:, self._numbers] / np.maximum(self._space.n_options[self._numbers] - 1, 1)
        return np.where(self._space.active(archs)[:, self._numbers], at, 0.5)

    def columns(self, archs: IntArray) -> FloatArray:
        """Return what the other blocks are linear in, a 1 in the last column, `float[n, c]`."""
        columns = self._columns(archs)
        return columns if self._advice is None else np.hstack([self._advised(archs), columns])

    def units(self, n_advice: int, *, power: int = 1) -> Blocks:
        """Return what a 1 in each of the columns adds to the blocks, `c` rows.

        The one-hot block comes without a column: see `strips`.

        Args:
            n_advice: Columns of the advice.
            power: 2 for the squares of the ordinal block instead.
        """
        n, levels = n_advice + self._columns.n, self._columns.powers
        below = [(n_advice, 0), (0, 0)]
        return self._combined(
            np.zeros((n, 0)),
            tuple(np.pad(levels[k], below) for k in (0, power, 2 * power)),
            numbers=np.zeros((n, len(self._numbers))),
            advice=np.eye(n, n_advice),
            words=np.pad(self._words, [(n_advice, self._columns.n - len(self._words)), (0, 0)]),
        )

    def strips(self, n_advice: int) -> Iterator[Strip]:
        """Return what a 1 in each of the columns adds to the one-hot block, in strips.

        Args:
            n_advice: Columns of the advice.
        """
        return self._columns.strips(n_advice)

    def _advised(self, archs: IntArray) -> FloatArray:
        return (
            np.zeros((len(archs), 0))
            if self._advice is None
            else self._advice(self._space.canonical(archs))
        )

    def _combined(
        self,
        one_hot: FloatArray,
        powers: tuple[FloatArray, ...],
        *,
        numbers: FloatArray,
        advice: FloatArray,
        words: FloatArray,
    ) -> Blocks:
        """The blocks that levels to the power of 0, 1 and 2 make, `float[n, d]` each."""
        _, levels, squares = powers
        return Blocks(
            one_hot=one_hot,
            ordinal=np.hstack([levels[:, self._ordered], squares[:, self._ordered]]),
            groups=np.hstack([part @ self._members for part in powers]),
            pieces=levels @ self._pieces,
            numbers=numbers,
            advice=advice,
            words=words,
        )


def _shares(space: SearchSpace, members: IntArray) -> list[FloatArray]:
    """The one-hot features, each by its share, that stand for each of the members' words."""
    column_of = space.feature_variables
    shares: dict[Hashable, FloatArray] = {}
    for j in members:
        columns = np.flatnonzero(column_of == j)
        for word, column in zip(space.variables[j].option_keys, columns, strict=True):
            shares.setdefault(word, np.zeros(len(column_of)))[column] = 1.0 / len(members)
    return list(shares.values())
