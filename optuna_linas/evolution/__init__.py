"""Evolutionary searches over rows of option indices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from optuna_linas.evolution.algorithm import Canonical, Evaluate, InnerAlgorithm, Visited
from optuna_linas.evolution.exhaustive import Exhaustive
from optuna_linas.evolution.published import AGEMOEA, CTAEA, GA, MOEAD, NSGA2, UNSGA3
from optuna_linas.evolution.pymoo_search import PymooAlgorithm, PymooObject, is_pymoo_object
from optuna_linas.evolution.vectorized import VectorizedNSGA2

__all__ = [
    "AGEMOEA",
    "ALGORITHMS",
    "CTAEA",
    "GA",
    "MOEAD",
    "NSGA2",
    "PYMOO_ALGORITHMS",
    "UNSGA3",
    "Canonical",
    "Evaluate",
    "Exhaustive",
    "InnerAlgorithm",
    "PymooAlgorithm",
    "PymooObject",
    "VectorizedNSGA2",
    "Visited",
    "make_algorithm",
]

PYMOO_ALGORITHMS: dict[str, Callable[[], PymooAlgorithm]] = {
    "agemoea": AGEMOEA,
    "ctaea": CTAEA,
    "ga": GA,
    "moead": MOEAD,
    "nsga2": NSGA2,
    "unsga3": UNSGA3,
}
"""The published algorithms, which search predictions as well as measurements."""

ALGORITHMS: dict[str, Callable[[], InnerAlgorithm]] = {"auto": Exhaustive, **PYMOO_ALGORITHMS}
"""Each name that a sampler accepts, and what makes an inner algorithm of that name."""


def make_algorithm(
    algorithm: object, more: Mapping[str, Callable[[], InnerAlgorithm]] | None = None
) -> InnerAlgorithm:
    """Return the inner algorithm of a name, or the object itself.

    Args:
        algorithm: A name, an `InnerAlgorithm`, or an algorithm object of pymoo's.
        more: Further names; those of algorithms that need Optuna are known only further up.

    Raises:
        ValueError: A name that is not in the table.
        TypeError: Neither a name, nor pymoo's, nor something that can be called.

    Example:
        >>> make_algorithm("unsga3")
        UNSGA3(population_size=50, crossover=0.9, mutation=0.02)
    """
    if isinstance(algorithm, str):
        table = {**ALGORITHMS, **(more or {})}
        if algorithm not in table:
            raise ValueError(
                f"Unknown algorithm {algorithm!r}. Choose one of {sorted(table)}, or pass a pymoo "
                "algorithm or an object that follows optuna_linas.evolution.InnerAlgorithm."
            )
        return table[algorithm]()
    if is_pymoo_object(algorithm):
        return PymooObject(algorithm)
    if isinstance(algorithm, type) or not callable(algorithm):
        raise TypeError(
            "An inner algorithm is a name, an algorithm object of pymoo's, or called to search; "
            f"got {algorithm!r}. Pass an object, not its class."
        )
    return cast(InnerAlgorithm, algorithm)
