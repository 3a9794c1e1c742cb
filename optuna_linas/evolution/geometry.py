"""AGE-MOEA's survival: the shape of the front is estimated, and distances are measured by it.

Panichella, "An Adaptive Evolutionary Algorithm based on Non-Euclidean Geometry for Many-Objective
Optimization", GECCO 2019. Its equations, on whole arrays: pymoo's version needs numba, which it
does not declare. One departure from that version: the rows of the last front that fits are ranked
by their score as in the paper's algorithm 1; there they all score 0.

Shapes: `n` rows, `m` objectives; losses are minimised and finite.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.ranking import front_rank

__all__ = ["survival_scores"]

_TINY = 1e-8
_MIN_CURVATURE, _MAX_CURVATURE = 0.1, 20.0


def survival_scores(losses: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the front of each row, and its score within the front: the larger, the better.

    On the first front a score is diversity times proximity: the distances to the two nearest rows
    that are already chosen, over the distance to the ideal point; the extremes score infinity. On
    the others it is proximity alone.

    Args:
        losses: `float[n, m]`.

    Example:
        >>> rank, score = survival_scores(np.array([[0.0, 1], [0.4, 0.4], [1, 0], [1, 1]]))
        >>> rank.tolist(), np.isinf(score).tolist()
        ([0, 0, 0, 1], [True, False, True, False])
    """
    rank = front_rank(losses)
    score = np.zeros(len(losses))
    first = rank == 0
    ideal = losses[first].min(axis=0)
    score[first], p, scale = _first_front(losses[first] - ideal)
    shifted = (losses[~first] - ideal) / scale
    score[~first] = 1.0 / np.maximum(_norm(shifted, p), _TINY)
    return rank, score


def _first_front(front: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    """Scores `float[n]` of the front, shifted to its ideal point; its curvature and scale."""
    n, m = front.shape
    if n <= m:
        return np.full(n, np.inf), 1.0, _positive(front.max(axis=0))
    extremes = _extremes(front)
    scale = _scale(front, extremes)
    front = front / scale
    p = _curvature(front, extremes)
    proximity = _norm(front, p)
    proximity[proximity < _TINY] = 1.0
    gaps = _norm(np.abs(front[:, None] - front[None]), p)
    gaps = np.maximum(gaps, _TINY) / proximity[:, None]
    return _spread(gaps, extremes), p, scale


def _spread(gaps: FloatArray, extremes: IntArray) -> FloatArray:
    """Scores of rows chosen one by one: each time the one farthest from those chosen before."""
    scores = np.zeros(len(gaps))
    scores[extremes] = np.inf
    is_open = np.ones(len(gaps), dtype=bool)
    is_open[extremes] = False
    nearest = np.sort(gaps[:, extremes], axis=1)[:, :2]
    while is_open.any():
        rows = np.flatnonzero(is_open)
        distance = nearest[rows].sum(axis=1)
        best = rows[distance.argmax()]
        scores[best] = distance.max()
        is_open[best] = False
        nearest = np.sort(np.c_[nearest, gaps[:, best]], axis=1)[:, :2]
    return scores


def _extremes(front: FloatArray) -> IntArray:
    """The row nearest to each axis, all different, `int[m]`."""
    found: list[int] = []
    for axis in 1e-6 + np.eye(front.shape[1]):
        distance = _distance_to_line(front, axis)
        distance[found] = np.inf
        found.append(int(distance.argmin()))
    return np.array(found, dtype=np.int64)


def _scale(front: FloatArray, extremes: IntArray) -> FloatArray:
    """Where the plane through the extremes meets the axes; the largest losses if it does not."""
    try:
        plane = np.asarray(np.linalg.solve(front[extremes], np.ones(front.shape[1])), np.float64)
    except np.linalg.LinAlgError:
        return _positive(front.max(axis=0))
    if not np.isfinite(plane).all() or (plane <= 0).any():
        return _positive(front.max(axis=0))
    intercepts: FloatArray = 1.0 / plane
    return _positive(intercepts)


def _curvature(front: FloatArray, extremes: IntArray) -> float:
    """The exponent p of the norm whose unit sphere goes through the middle of the front."""
    m = front.shape[1]
    distance = _distance_to_line(front, np.ones(m))
    distance[extremes] = np.inf
    middle = float(front[distance.argmin()].mean())
    if m == 1 or not 0 < middle < 1:
        return 1.0
    p = np.log(m) / np.log(1.0 / middle)
    return float(min(p, _MAX_CURVATURE)) if p > _MIN_CURVATURE else 1.0


def _distance_to_line(points: FloatArray, direction: FloatArray) -> FloatArray:
    """Squared distances of points to the line through the origin, `float[n]`."""
    along = points @ direction / (direction @ direction)
    squared: FloatArray = ((points - along[:, None] * direction) ** 2).sum(axis=1)
    return squared


def _norm(points: FloatArray, p: float) -> FloatArray:
    """The p-norm over the last axis, scaled so that no power overflows."""
    largest = _positive(points.max(axis=-1))
    norm: FloatArray = largest * ((points / largest[..., None]) ** p).sum(axis=-1) ** (1.0 / p)
    return norm


def _positive(values: FloatArray) -> FloatArray:
    """The values, 1 where there is nothing to divide by."""
    return np.where(values > 0, values, 1.0)
