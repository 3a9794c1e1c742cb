"""What a search's predictions have promised, and how much of it came true.

A batch is what promises most of all, and predictions promise most where they err (the "winner's
curse"). So it is in a gap of the front: where networks are either poor or good, what is foretold of
one that may be either lies between them, where no network is, and far beyond the front. Predictions
are right on average there, so nothing corrects them, and a search goes on to look there. So of a
promise that share is believed which was kept by promises made before, of networks foretold alike.

Shapes: `n` examples in the order of their measurement, `k` candidates, `m` objectives, minimised.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.pareto import exclusive_volume, grown_front
from optuna_linas.predictors.bends import RBF

__all__ = ["Promises", "kept_shares"]

_NEIGHBOURHOOD = 0.18
"""How far alike is, in distances of the best value of an objective from the reference point."""
_BELIEF = 1.0
"""Promises that are taken for kept before any was made."""
_FAR = 1e6
"""Neighbourhoods beyond which all is as far: squares of what penalties foretell are no floats."""
_MIN_BEFORE = 4
"""Examples before the first promise that counts: from fewer nothing is foretold."""


def kept_shares(
    positions: IntArray,
    foretold: FloatArray,
    measured: FloatArray,
    reference: FloatArray,
    counts: BoolArray,
) -> FloatArray:
    """Return which share of the promised volume each network has added, 0 to 1, `float[p]`.

    The volume is what it dominates and what was measured before it does not. NaN where nothing was
    promised.

    Args:
        positions: Of the networks among all examples, increasing, `int[p]`.
        foretold: Their losses as they were expected before they were measured, `float[p, m]`.
        measured: The losses of all examples, `float[n, m]`.
        reference: The point up to which volume counts, `float[m]`.
        counts: Which examples count, those that violate no constraint, `bool[n]`.

    Example:
        >>> measured = np.array([[2.0, 2.0], [3.0, 1.0], [1.0, 3.0], [0.0, 2.0]])
        >>> kept_shares(
        ...     np.array([2, 3]),
        ...     np.array([[1.0, 1.0], [0.0, 0.0]]),
        ...     measured,
        ...     np.array([4.0, 4.0]),
        ...     np.ones(4, dtype=bool),
        ... ).round(3)
        array([0.25, 0.3 ])
    """
    shares = np.full(len(positions), np.nan)
    told = dict(zip(positions.tolist(), enumerate(foretold), strict=True))
    front = measured[:0]
    for i, losses in enumerate(measured):
        inside = bool(counts[i] and (losses < reference).all())
        if i in told and counts[i]:
            at, expected = told[i]
            if (expected < reference).all():
                promised = exclusive_volume(front, expected, reference)
                if promised > 0:
                    gained = exclusive_volume(front, losses, reference) if inside else 0.0
                    shares[at] = min(gained / promised, 1.0)
        if inside:
            front = grown_front(front, losses)
    return shares


class Promises:
    """Tells how far the promises of candidates may be believed.

    Args:
        positions: As for `kept_shares`; each is foretold by those before it here.
        foretold: Likewise.
        measured: Likewise.
        reference: Likewise.
        counts: Likewise.

    Example:
        >>> measured = np.array([[9.0, 0.0], [0.0, 9.0]] * 4)
        >>> between = np.tile([5.0, 5.0], (8, 1))
        >>> promises = Promises(
        ...     np.arange(8), between, measured, np.full(2, 10.0), np.ones(8, dtype=bool)
        ... )
        >>> promises(np.array([[5.0, 5.0], [-20.0, 9.0]])).round(3)
        array([0.2, 1. ])
    """

    def __init__(
        self,
        positions: IntArray,
        foretold: FloatArray,
        measured: FloatArray,
        reference: FloatArray,
        counts: BoolArray,
    ) -> None:
        later = np.arange(len(positions)) >= _MIN_BEFORE  # those before are what foretells
        positions, foretold = positions[later], foretold[later]
        shares = kept_shares(positions, foretold, measured, reference, counts)
        made = ~np.isnan(shares)
        self._origin = reference
        self._unit = _NEIGHBOURHOOD * np.maximum(reference - measured.min(axis=0), 1e-300)
        self._near, self._shares = RBF(self._place(foretold[made]), length=1.0), shares[made]

    def __call__(self, losses: FloatArray) -> FloatArray:
        """Return the share of what each candidate promises that is believed, `float[k]`.

        Args:
            losses: As predicted, `float[k, m]`.
        """
        near = self._near(self._place(losses))
        believed = (near @ self._shares + _BELIEF) / (near.sum(axis=1) + _BELIEF)
        # Equal candidates tie, whatever the last digits of sums are on this machine.
        return np.asarray(np.round(believed, 9))

    def _place(self, losses: FloatArray) -> FloatArray:
        at: FloatArray = np.clip((losses - self._origin) / self._unit, -_FAR, _FAR)
        return at
