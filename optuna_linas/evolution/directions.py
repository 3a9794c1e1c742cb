"""Reference directions that cover a simplex evenly.

Blank, Deb, Dhebar, Bandaru and Seada, "Generating Well-Spaced Points on a Unit Simplex for
Evolutionary Many-Objective Optimization", IEEE TEC 2021 (Riesz s-energy).
"""

from __future__ import annotations

from functools import lru_cache

from optuna_linas.arrays import FloatArray

__all__ = ["riesz_directions"]


def riesz_directions(n_objectives: int, n: int) -> FloatArray:
    """Return `n` directions of least Riesz s-energy, `float[n, n_objectives]`, rows sum to 1.

    They are a constant of the two numbers, computed once in a process (about a second for 50).

    Raises:
        ValueError: Fewer directions than objectives, so that not even the corners fit.

    Example:
        >>> riesz_directions(2, 3).round(1).tolist()
        [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    if n < n_objectives:
        raise ValueError(
            f"{n} reference directions cannot cover {n_objectives} objectives: the corners alone "
            f"are {n_objectives}. Give a larger population_size."
        )
    return _directions(n_objectives, n).copy()


@lru_cache(maxsize=16)
def _directions(n_objectives: int, n: int) -> FloatArray:
    from pymoo.util.ref_dirs import get_reference_directions

    found: FloatArray = get_reference_directions("energy", n_objectives, n, seed=1)
    return found
