"""Pareto dominance and hypervolume of minimised losses.

Shapes: `losses` is `float[n, m]`, every objective minimised. A row that holds a NaN is dominated
by definition and dominates nothing. Equal rows do not dominate one another.

What it costs grows with the number of objectives: a hypervolume of 60 points takes some 20 µs for
up to four of them, a millisecond for six and a tenth of a second for eight.

References:
    Fonseca, Paquete and López-Ibáñez, "An improved dimension-sweep algorithm for the hypervolume
    indicator", CEC 2006; moocore implements it and what came after it.
"""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import ArrayLike

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.ranking import front_rank, is_on_first_front

__all__ = [
    "exclusive_volume",
    "grown_front",
    "hypervolume",
    "hypervolume_history",
    "non_dominated",
    "non_dominated_rank",
]

_MAX_EXACT = 6
"""Objectives up to which an exclusive volume is exact; each more takes ten times as long."""
_N_SAMPLES = 4_096


def non_dominated(losses: ArrayLike) -> BoolArray:
    """Return which rows no other row dominates, `bool[n]`.

    All copies of a non-dominated row are marked.

    Example:
        >>> non_dominated([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])
        array([ True,  True, False])
    """
    values = _rows(losses)
    first: BoolArray = np.logical_not(np.isnan(values).any(axis=1))
    first[first] = is_on_first_front(values[first])
    return first


def non_dominated_rank(losses: ArrayLike) -> IntArray:
    """Return each row's front, 0 for the non-dominated ones, `int[n]` (Deb et al. 2002).

    Rows with NaN are on the front `n`, behind all others.
    """
    values = _rows(losses)
    rank = np.full(len(values), len(values), dtype=np.int64)
    valid = ~np.isnan(values).any(axis=1)
    rank[valid] = front_rank(values[valid])
    return rank


def hypervolume(losses: ArrayLike, reference: ArrayLike) -> float:
    """Return the volume that the rows dominate, up to the `reference` point `float[m]`.

    Rows that do not lie strictly below the reference point add nothing; neither do rows with NaN.

    Example:
        >>> hypervolume([[1.0, 2.0], [2.0, 1.0]], reference=[3.0, 3.0])
        3.0
    """
    values, point = _rows(losses), np.asarray(reference, dtype=float)
    if point.shape != (values.shape[1],):
        raise ValueError(
            f"The reference point needs one value per objective: expected shape "
            f"({values.shape[1]},), got {point.shape}."
        )
    inside = values[(values < point).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    if np.isinf(inside).any():
        return float("inf")  # moocore crashes there
    return float(moocore.hypervolume(inside, ref=point))


def exclusive_volume(front: FloatArray, row: FloatArray, reference: FloatArray) -> float:
    """Return the volume that a row dominates and a front does not, up to the reference point.

    It is the volume of the row's own box less what the front dominates of it: a hypervolume of
    fewer points (While et al., "A Fast Way of Calculating Exact Hypervolumes", IEEE TEC 2012).
    With more than six objectives that is approximated, to some hundredths of the box.

    Args:
        front: `float[f, m]`, below the reference point.
        row: `float[m]`, below it too.
        reference: `float[m]`.

    Example:
        >>> front = np.array([[1.0, 2.0]])
        >>> exclusive_volume(front, np.array([2.0, 1.0]), np.array([3.0, 3.0]))
        1.0
    """
    box = float(np.prod(reference - row))
    common = np.maximum(front, row)
    if (common == row).all(axis=1).any():
        return 0.0  # Not almost: rounding must not make a dominated row worth a little.
    if np.isinf(box):
        return box
    common = common[(common < reference).all(axis=1)]
    if len(common) == 0:
        return box
    common = common[is_on_first_front(common)]
    if len(row) <= _MAX_EXACT:
        return box - float(moocore.hypervolume(common, ref=reference))
    # In units of the box: directions are drawn evenly, and objectives have units of their own.
    shares, corner = (common - row) / (reference - row), np.ones(len(row))
    share = float(moocore.hv_approx(shares, ref=corner, nsamples=_N_SAMPLES))
    return box * max(1.0 - share, 0.0)


def hypervolume_history(losses: ArrayLike, reference: ArrayLike) -> FloatArray:
    """Return the hypervolume of the first row, the first two, and so on, `float[n]`.

    Args:
        losses: `float[n, m]`, in the order of evaluation; rows with NaN, or that do not lie below
            the reference point, add nothing.
        reference: The reference point, `float[m]`.

    Example:
        >>> hypervolume_history([[1.0, 2.0], [2.5, 2.5], [2.0, 1.0]], reference=[3.0, 3.0])
        array([2., 2., 3.])
    """
    values, point = _rows(losses), np.asarray(reference, dtype=float)
    history = np.zeros(len(values))
    front = values[:0]
    volume = 0.0
    for i, loss in enumerate(values):
        if (loss < point).all():  # never so for NaN
            grown = grown_front(front, loss)
            if grown is not front:
                front, volume = grown, hypervolume(grown, point)
        history[i] = volume
    return history


def grown_front(front: FloatArray, row: FloatArray) -> FloatArray:
    """Return a front with one more row, and without what that dominates.

    It is the front itself if that has the row or dominates it, as most rows of a search.

    Args:
        front: `float[f, m]`.
        row: `float[m]`.

    Example:
        >>> grown_front(np.array([[1.0, 3.0], [3.0, 1.0]]), np.array([1.0, 2.0])).tolist()
        [[3.0, 1.0], [1.0, 2.0]]
    """
    if (front <= row).all(axis=1).any():
        return front
    return np.vstack([front[~(row <= front).all(axis=1)], row])


def _rows(losses: ArrayLike) -> FloatArray:
    values = np.asarray(losses, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"Expected losses of shape (n, m), got {values.shape}.")
    return values
