"""Whether numbers among the options are sizes, or only names: the measurements decide.

A kernel of 7 is larger than one of 3, but "operation 2" is not more than "operation 1", and both
are numbers to whoever reads a categorical parameter. A wrong order costs a search a fifth of its
evaluations, and knowing the right one saves a third. A few dozen measurements tell them apart, by
the evidence of a Gaussian process whose weights are fitted either way. After 24 and 48 of OFA's
networks and HW-GPT-S, it is lower by 3 to 40 nats if options are told apart without the order that
is there; and higher by 1 to 11 if numbers were shuffled for each variable. Where they were shuffled
once for all, it is the words' common meaning that tells: 3 to 70 nats for it, up to 5 with sizes.

Shapes: `n` examples, `m` objectives, `d` variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.fence import NEAR, fenced
from optuna_linas.predictors.bends import Bends
from optuna_linas.predictors.block_scaler import BlockScaler, column_variances
from optuna_linas.predictors.blocks import FeatureBlocks
from optuna_linas.predictors.evidence import kernel_weights
from optuna_linas.predictors.grams import kernels_between
from optuna_linas.space import SearchSpace
from optuna_linas.structure import as_words, numbered, option_levels, same_words
from optuna_linas.variable import Variable

__all__ = ["trusted_order"]

_FIRST, _LAST = 12, 96
"""Examples that decide first, and those after which nothing is decided anew."""
_LEAST_GAIN = 2.0
"""Nats of evidence by which an order must make things worse before it is not believed."""
_LEAST_COMMON_GAIN = 8.0
"""The same where words that several variables share explain more: they can stand for sizes, too."""
_CERTAIN = 6.0
"""Nats of evidence after which nothing is asked again: fitting either way takes time."""
_MAX_KINDS = 8
"""Groups of variables with the same numbers of which each is asked by itself."""


def trusted_order(space: SearchSpace, archs: IntArray, losses: FloatArray) -> SearchSpace:
    """Return the space in which numbers are words where the examples speak against their order.

    Below 12 examples all numbers are believed. From then on the first 12, 24, 48 and 96 decide, for
    each group of variables with the same numbers and alike names.

    Args:
        space: The search space.
        archs: The examples in the order of their measurement, `int[n, d]`.
        losses: Their losses, finite, `float[n, m]`.

    Example:
        >>> space = SearchSpace.from_choices({f"kind_{i}": [0, 1, 2, 3] for i in range(6)})
        >>> archs = space.sample(48, np.random.default_rng(0))
        >>> sizes = archs.sum(axis=1, keepdims=True).astype(float)
        >>> trusted_order(space, archs, sizes) is space
        True
        >>> worth = np.array([3.0, 0.0, 2.0, 1.0])  # the order of the numbers says nothing
        >>> shuffled = trusted_order(space, archs, worth[archs].sum(axis=1, keepdims=True))
        >>> option_levels(space)[0], option_levels(shuffled)[0]
        (array([0.        , 0.33333333, 0.66666667, 1.        ]), None)
    """
    if len(archs) < _FIRST or not numbered(space):
        return space
    n = min(_FIRST * 2 ** int(np.log2(len(archs) / _FIRST)), _LAST)
    codes = np.ascontiguousarray(archs[:n], dtype=np.int64)
    values = np.ascontiguousarray(losses[:n], dtype=np.float64)
    found = _decided(space.variables, n, codes.tobytes(), values.tobytes()).names
    return as_words(space, found) if found else space


@dataclass(frozen=True)
class _Decision:
    """The variables whose numbers are only names, and the groups of which that is not certain."""

    names: frozenset[int]
    open: tuple[frozenset[int], ...]


@lru_cache(maxsize=64)
def _decided(variables: tuple[Variable, ...], n: int, codes: bytes, values: bytes) -> _Decision:
    """What the first `n` examples decide; remembered, as every batch asks again."""
    space = SearchSpace(variables)
    if n < 2 * _FIRST:
        before = _Decision(frozenset(), _doubtful(space))
    else:
        half = len(codes) // 2, len(values) // 2
        before = _decided(variables, n // 2, codes[: half[0]], values[: half[1]])
    archs = np.frombuffer(codes, dtype=np.int64).reshape(n, -1)
    losses = np.frombuffer(values, dtype=np.float64).reshape(n, -1)
    # A penalty says of no option whether it is a size.
    usual = (fenced(losses, NEAR) == losses).all(axis=1)
    archs, losses = archs[usual], losses[usual]
    mean, spread = losses.mean(axis=0), losses.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    targets = (losses - mean)[:, varies] / spread[varies]
    if not before.open or 2 * len(archs) < n or not targets.shape[1]:
        return before

    certain = before.names.difference(*before.open)
    evidence = _Evidence(space, archs, targets)
    with_order = evidence(FeatureBlocks(as_words(space, certain)))
    gains = [_gain(as_words(space, certain | group), evidence, with_order) for group in before.open]
    pairs = list(zip(before.open, gains, strict=True))
    return _Decision(
        certain.union(*(group for group, gain in pairs if gain >= _LEAST_GAIN)),
        tuple(group for group, gain in pairs if abs(gain) < _CERTAIN),
    )


def _doubtful(space: SearchSpace) -> tuple[frozenset[int], ...]:
    """The groups of variables with the same numbers whose order means anything.

    Two options of one variable are in order either way, and options that other variables depend on
    may be in the same order by how many these are. Where names have nothing in common, variables
    with the same numbers are a group, or else all of them.
    """
    few = frozenset(np.flatnonzero(space.n_options <= _LAST).tolist())  # others are seen once each
    levels = zip(option_levels(space), option_levels(as_words(space, few)), strict=True)
    changes = [
        by_number is not None and not (by_words is not None and np.array_equal(by_number, by_words))
        for by_number, by_words in levels
    ]
    for by_name in (True, False):
        kinds = [
            [j for j in group.tolist() if j in few and changes[j]]
            for group in numbered(space, by_name=by_name)
        ]
        groups = tuple(frozenset(kind) for kind in kinds if sum(space.n_options[kind]) > 2)
        if len(groups) <= _MAX_KINDS:
            return groups
    return (frozenset[int]().union(*groups),)


def _gain(space: SearchSpace, evidence: _Evidence, with_order: float) -> float:
    """How much more evidence there is for words than for an order, in nats."""
    blocks = FeatureBlocks(space)
    alone = evidence(blocks.without_words()) - with_order
    if alone <= -_CERTAIN or not same_words(space):
        return alone
    # A common meaning explains sizes, too, but then an order is far better than nothing in common.
    common = evidence(blocks) - with_order + min(alone, 0.0)
    return max(alone, common - (_LEAST_COMMON_GAIN - _LEAST_GAIN))


class _Evidence:
    """What the examples say for features, in nats but for a constant.

    Args:
        space: The search space; its one-hot columns are those of whatever takes numbers for words.
        archs: The examples, `int[n, d]`.
        targets: What is explained, standardised, `float[n, m]`.
    """

    def __init__(self, space: SearchSpace, archs: IntArray, targets: FloatArray) -> None:
        self._archs, self._targets = archs, targets
        self._variances = column_variances(space.features(archs), targets, space.feature_variables)

    def __call__(self, blocks: FeatureBlocks) -> float:
        raw = blocks(self._archs)
        scaled = BlockScaler(raw, self._variances)(raw)
        kernels = kernels_between(scaled, scaled, Bends(scaled, near=False))
        return sum(kernel_weights(kernels, target).evidence for target in self._targets.T)
