"""Attainment surfaces: what a search with several seeds reaches in one, half, or all of its runs.

Fonseca and Fleming, "On the Performance Assessment and Comparison of Stochastic Multiobjective
Optimizers", 1996; Fonseca, Guerreiro, López-Ibáñez and Paquete, "On the Computation of the
Empirical Attainment Function", 2011, whose algorithm moocore implements.

A run attains a point that one of its results is at least as good as in every objective. The
empirical attainment function of a point is the share of the runs that attain it; a k-attainment
surface bounds the points that at least `k` of the `n` runs attain. All objectives are minimised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from optuna_linas.arrays import FloatArray

__all__ = ["attainment_surface"]


def attainment_surface(runs: Sequence[ArrayLike], k: int) -> FloatArray:
    """Return the corners of the surface that at least `k` runs attain, `float[q, m]`.

    A corner is the best of what is attained: no attained point is better than it. Sorted by the
    first objective; none if fewer than `k` runs have any result.

    Args:
        runs: The losses of each run, `float[., m]` with `m` 2 or 3; some may be empty.
        k: From 1, the best surface, to the number of runs, the worst; the median is half of them.

    Raises:
        ValueError: A `k` that there is not, or another number of objectives.

    Example:
        >>> attainment_surface([[[1.0, 3.0], [3.0, 1.0]], [[2.0, 2.0]]], k=1)
        array([[1., 3.],
               [2., 2.],
               [3., 1.]])
        >>> attainment_surface([[[1.0, 3.0], [3.0, 1.0]], [[2.0, 2.0]]], k=2)
        array([[2., 3.],
               [3., 2.]])
    """
    arrays = [np.asarray(run, dtype=float) for run in runs]
    if not 1 <= k <= len(arrays):
        raise ValueError(f"k is a number of runs, 1 to {len(arrays)}; got {k}.")
    full = [run for run in arrays if run.size]
    m = next((run.shape[1] for run in arrays if run.ndim == 2), 2)
    if m not in (2, 3) or any(run.ndim != 2 or run.shape[1] != m for run in full):
        raise ValueError(
            "Attainment surfaces are of runs with two or three objectives, the same for all; got "
            f"losses of the shapes {[run.shape for run in full]}."
        )
    if k > len(full):
        return np.zeros((0, m))
    import moocore

    owners = np.repeat(np.arange(len(full)), [len(run) for run in full])
    corners = moocore.eaf(np.concatenate(full), owners, percentiles=[100.0 * k / len(full)])[:, :m]
    return np.asarray(corners[np.lexsort(corners.T[::-1])], dtype=np.float64)
