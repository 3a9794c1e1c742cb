"""Batches that dominate as much new volume together as possible.

Greedy maximisation of the hypervolume (Guerreiro, Fonseca and Paquete, "Greedy Hypervolume Subset
Selection in Low Dimensions", 2016), exact for up to six objectives: each pick joins the front
before the next, so a batch spreads over the gaps of the front instead of crowding at its most
promising spot.

Shapes: `f` front points, `k` candidates, `m` objectives, all minimised.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.fence import FAR, fenced
from optuna_linas.pareto import exclusive_volume, non_dominated
from optuna_linas.ranking import crowding_distance, front_rank

__all__ = ["greedy_gain", "reference_behind"]

_BEHIND, _BEHIND_WITHOUT_ORDER = 0.03, 0.1
"""How far behind the worst measurement volume begins, in ranges of what is measured: where options
have an order a search starts at the corners, and there is little behind them."""

_ROOM = 1e-3
"""How far behind the only value of an objective it begins, in units of that, if 1 is less."""

_MAX_CANDIDATES = 64
"""Candidates whose gain is computed where three and more objectives make it expensive."""


def reference_behind(losses: FloatArray, *, ordered: bool) -> FloatArray:
    """Return a point up to which volume counts, `float[m]`: somewhat behind the worst measured.

    At the worst itself nothing that is larger than all networks measured so far would add any
    volume, however good it is: a search whose start has missed the large ones would never see one.
    Penalties do not count (see `fence`): as the point they would make all but the ends of the front
    worthless.

    Args:
        losses: What is measured, `float[n, m]`; cut at 1e100.
        ordered: Whether most options of the space have an order.

    Example:
        >>> reference_behind(np.array([[0.0, 20.0], [10.0, 0.0]]), ordered=False).tolist()
        [11.0, 22.0]
    """
    share = _BEHIND if ordered else _BEHIND_WITHOUT_ORDER
    near = fenced(losses, FAR)
    worst, best = near.max(axis=0), near.min(axis=0)
    # An objective that is the same everywhere must not make every volume 0 (1e17 + 1 is 1e17).
    room = np.maximum(1.0, _ROOM * np.abs(worst))
    behind: FloatArray = worst + np.where(worst > best, share * (worst - best), room)
    return behind


def greedy_gain(
    front: FloatArray,
    candidates: FloatArray,
    reference: FloatArray,
    n: int,
    *,
    shares: FloatArray | None = None,
) -> IntArray:
    """Return the indices of up to `n` candidates, in the order of being picked, `int[<= n]`.

    Fewer come back when no other candidate adds any volume.

    Args:
        front: What is measured (or pending, as predicted), `float[f, m]`; dominated rows do no
            harm.
        candidates: Predicted losses, `float[k, m]`.
        reference: The point up to which volume counts, `float[m]`.
        n: How many to pick.
        shares: How much of its volume counts for each candidate, more than 0, `float[k]`.

    Example:
        >>> front = np.array([[0.0, 2.0], [2.0, 0.0]])
        >>> candidates = np.array([[1.0, 1.0], [0.9, 1.2], [3.0, 3.0], [0.1, 1.9]])
        >>> greedy_gain(front, candidates, np.array([3.0, 3.0]), 3)
        array([0, 3, 1])
    """
    inside = (candidates < reference).all(axis=1)
    front = front[(front < reference).all(axis=1)]
    front = front[non_dominated(front)]
    alive = np.flatnonzero(inside)
    weights = np.ones(len(candidates)) if shares is None else shares
    if candidates.shape[1] != 2:
        alive = _promising(candidates, alive)
        return _lazily(front, candidates, alive, reference, n, weights[alive])
    if shares is None:
        # What another candidate dominates adds less than it, and nothing once that is picked.
        alive = alive[non_dominated(candidates[alive])]
    picked: list[int] = []
    while len(picked) < n and len(alive):
        gains = _gains_in_the_plane(front, candidates[alive], reference)
        best = int(np.argmax(gains * weights[alive]))
        if gains[best] <= 0:
            break
        picked.append(int(alive[best]))
        front = np.vstack([front, candidates[alive[best]]])
        front = front[non_dominated(front)]
        # A gain never grows when the front does: what adds nothing now is out for good.
        keep = gains > 0
        keep[best] = False
        alive = alive[keep]
    return np.array(picked, dtype=np.int64)


def _lazily(
    front: FloatArray,
    candidates: FloatArray,
    alive: IntArray,
    reference: FloatArray,
    n: int,
    shares: FloatArray,
) -> IntArray:
    """The picks among `alive` in any dimension, where a single gain takes long to compute.

    A gain never grows when the front does, so an old one is a bound, and most need never be
    computed again (Minoux, "Accelerated greedy algorithms for maximizing submodular set
    functions", 1978).
    """
    gains = shares * [exclusive_volume(front, row, reference) for row in candidates[alive]]
    is_new = np.ones(len(alive), dtype=bool)
    picked: list[int] = []
    while len(picked) < min(n, len(alive)):
        best = int(np.argmax(gains))
        row = candidates[alive[best]]
        if not is_new[best]:
            gains[best] = shares[best] * exclusive_volume(front, row, reference)
            is_new[best] = True
        elif gains[best] <= 0:
            break
        else:
            picked.append(int(alive[best]))
            front = np.vstack([front, row])
            gains[best], is_new = -1.0, np.zeros(len(alive), dtype=bool)
    return np.array(picked, dtype=np.int64)


def _gains_in_the_plane(
    front: FloatArray, candidates: FloatArray, reference: FloatArray
) -> FloatArray:
    """The area that each candidate adds, `float[k]`: a sum over the strips between front points."""
    order = np.argsort(front[:, 0], kind="stable")
    front = front[order]
    left = np.r_[-np.inf, front[:, 0]]
    right = np.r_[front[:, 0], reference[0]]
    # In the strip to the right of a front point, what lies above that point is dominated already.
    ceiling = np.r_[reference[1], front[:, 1]]
    width = np.clip(right - np.maximum(left, candidates[:, :1]), 0.0, None)
    height = np.clip(ceiling - candidates[:, 1:], 0.0, None)
    gains: FloatArray = (width * height).sum(axis=1)
    return gains


def _promising(candidates: FloatArray, alive: IntArray) -> IntArray:
    rank = front_rank(candidates[alive])
    crowding = crowding_distance(candidates[alive], rank)
    kept: IntArray = alive[np.lexsort((-crowding, rank))[:_MAX_CANDIDATES]]
    return kept
