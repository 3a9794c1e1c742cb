"""Evolutionary searches over rows of option indices."""

from __future__ import annotations

from collections.abc import Callable

from optuna_linas.evolution.algorithm import Canonical, Evaluate, InnerAlgorithm, Visited
from optuna_linas.evolution.pymoo_search import NSGA2
from optuna_linas.evolution.vectorized import VectorizedNSGA2

__all__ = [
    "ALGORITHMS",
    "NSGA2",
    "Canonical",
    "Evaluate",
    "InnerAlgorithm",
    "VectorizedNSGA2",
    "Visited",
    "make_algorithm",
]

ALGORITHMS: dict[str, Callable[[], InnerAlgorithm]] = {
    "auto": VectorizedNSGA2,
    "nsga2": NSGA2,
}
"""Each name that a sampler accepts, and what makes an inner algorithm of that name."""


def make_algorithm(algorithm: str | InnerAlgorithm) -> InnerAlgorithm:
    """Return the inner algorithm of a name, or the object itself.

    Raises:
        ValueError: A name that is not in the table.
        TypeError: Neither a name nor something that can be called.
    """
    if isinstance(algorithm, str):
        if algorithm not in ALGORITHMS:
            raise ValueError(
                f"Unknown algorithm {algorithm!r}. Choose one of {sorted(ALGORITHMS)}, or pass an "
                "object that follows optuna_linas.evolution.InnerAlgorithm."
            )
        return ALGORITHMS[algorithm]()
    if not callable(algorithm):
        raise TypeError(f"An inner algorithm is called to search; got {algorithm!r}.")
    return algorithm
