"""Inner searches by pymoo, over option indices.

Blank and Deb, "pymoo: Multi-Objective Optimization in Python", IEEE Access 2020.

`PymooAlgorithm` is what they share; `published` has those of the literature, and `PymooObject` is
one for any algorithm of pymoo's that a user has made.
"""

from __future__ import annotations

import copy
import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.evolution.algorithm import Canonical, Evaluate, Visited

__all__ = ["PymooAlgorithm", "PymooObject", "is_pymoo_object", "limit_matings", "set_up"]

_FOR_ONE = "pymoo.algorithms.soo."
_MAX_MATINGS = 5
_CROWDED = 20
"""Populations that a space has room for, up to which most children are known already."""
_MAX_BARREN, _MAX_REPEATED = 10, 2
"""Generations, and populations' worth of rows, without a new network: more will not bring one."""


class PymooAlgorithm(ABC):
    """What makes an algorithm of pymoo's; the search with it is the same for all.

    Example:
        >>> from optuna_linas.evolution import NSGA2
        >>> isinstance(NSGA2(), PymooAlgorithm)
        True
    """

    @property
    @abstractmethod
    def generation(self) -> int:
        """How many rows a generation has."""

    @property
    def start(self) -> int:
        """How many rows the first generation has."""
        return self.generation

    @abstractmethod
    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return a new `pymoo.core.algorithm.Algorithm`.

        Args:
            n_objectives: How many losses each row has.
            n_variables: How many columns.
            seeds: Rows that start in the population, `int[s, n_variables]`.

        Raises:
            ValueError: The algorithm is not made for so many objectives.
        """

    @final
    def check(self, n_objectives: int, *, ends: bool = True) -> None:
        """Raise if the algorithm cannot search so many objectives.

        Args:
            n_objectives: How many losses each row has.
            ends: Whether it will know how many rows it may evaluate.

        Raises:
            ValueError: It is not made for so many objectives, takes no constraints, or has to know
                its end and will not.
        """
        from pymoo.core.termination import NoTermination

        from optuna_linas.evolution.recording import RecordingProblem

        n_options = np.full(2, 2)
        algorithm = self.build(n_objectives, 2, np.zeros((0, 2), dtype=np.int64))
        problem = RecordingProblem(_nothing, n_options, n_objectives)
        set_up(algorithm, problem, ("n_eval", 10_000) if ends else NoTermination(), seed=0)

    @final
    def __call__(
        self,
        evaluate: Evaluate,
        n_options: IntArray,
        *,
        n_objectives: int,
        n_evaluations: int,
        seeds: IntArray,
        canonical: Canonical,
        rng: np.random.Generator,
    ) -> Visited:
        """Search; see `InnerAlgorithm`. As in pymoo, only equal rows count as duplicates.

        It ends early where every row is seen, or where nothing new is found any more.

        Raises:
            ValueError: As for `check`.
        """
        from optuna_linas.evolution.recording import RecordingProblem

        found = _Found(evaluate, canonical)
        problem = RecordingProblem(found, n_options, n_objectives)
        algorithm = self.build(n_objectives, len(n_options), seeds)
        set_up(algorithm, problem, ("n_eval", n_evaluations), seed=int(rng.integers(2**31)))
        n_rows = math.prod(n_options.tolist())
        if n_rows <= _CROWDED * self.start:
            limit_matings(algorithm)
        while algorithm.has_next() and len(found.seen) < n_rows:
            algorithm.next()
            found.end_generation()
            if found.n_barren >= _MAX_BARREN and found.n_repeated >= _MAX_REPEATED * self.start:
                break
        return problem.visited(algorithm.pop.get("X"))


def set_up(algorithm: Any, problem: Any, termination: Any, *, seed: int) -> None:
    """Give an algorithm of pymoo's its problem and its end.

    Raises:
        ValueError: The algorithm refuses them.
    """
    try:
        algorithm.setup(problem, termination=termination, seed=seed)
    except Exception as error:  # pymoo has no errors of its own
        raise ValueError(
            f"{type(algorithm).__name__} of pymoo cannot search here: {error} A search may always "
            "have constraints (what is likely to fail is one), and a study does not say how long "
            "it goes on. Choose by name an algorithm that minds neither: 'agemoea', 'ctaea', 'ga' "
            "(one objective), 'moead', 'nsga2' or 'unsga3'."
        ) from error


def limit_matings(algorithm: Any) -> None:
    """Have an algorithm mate but a few times for want of new children, where pymoo does 100.

    In a space that the population nearly fills, that costs a second for each generation.
    """
    if getattr(algorithm, "mating", None) is not None:
        algorithm.mating.n_max_iterations = _MAX_MATINGS


class _Found:
    """Evaluates rows, and counts how long it has been since there was a new one among them.

    Attributes:
        seen: The networks so far, as bytes of their canonical rows.
        n_barren: Generations since the last that had a new network.
        n_repeated: Rows in them.
    """

    def __init__(self, evaluate: Evaluate, canonical: Canonical) -> None:
        self._evaluate, self._canonical = evaluate, canonical
        self._n_before = 0
        self.seen: set[bytes] = set()
        self.n_barren = self.n_repeated = 0

    def __call__(self, archs: IntArray) -> tuple[FloatArray, FloatArray]:
        self.seen.update(row.tobytes() for row in self._canonical(archs))
        self.n_repeated += len(archs)
        return self._evaluate(archs)

    def end_generation(self) -> None:
        self.n_barren += 1
        if len(self.seen) > self._n_before:
            self.n_barren = self.n_repeated = 0
        self._n_before = len(self.seen)


@final
@dataclass(frozen=True)
class PymooObject(PymooAlgorithm):
    """An algorithm object of pymoo's, copied for each search and otherwise left as it is.

    It has to take constraints, as a search may always have one (pymoo's own MOEAD does not, and
    "moead" does), and as many objectives as the search has. Its operators may be those for real
    numbers: what they return is rounded and clipped to the options. Seeds are not used, as how it
    starts is its own.

    Attributes:
        algorithm: The object; it is never run itself.

    Example:
        >>> from pymoo.algorithms.moo.nsga2 import NSGA2
        >>> PymooObject(NSGA2(pop_size=20)).generation
        20
    """

    algorithm: Any

    @property
    def generation(self) -> int:
        """What the object says: `n_offsprings`, or `pop_size`, or 50."""
        return _count(self.algorithm, "n_offsprings") or self.start

    @property
    def start(self) -> int:
        """The object's `pop_size`, or 50."""
        return _count(self.algorithm, "pop_size") or 50

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return a copy of the object.

        Raises:
            ValueError: It or its reference directions are for another number of objectives, or it
                has been run.
        """
        kinds = type(self.algorithm).__mro__
        if n_objectives > 1 and any(kind.__module__.startswith(_FOR_ONE) for kind in kinds):
            raise ValueError(
                f"{type(self.algorithm).__name__} of pymoo is for one objective, but the search "
                f"has {n_objectives}. Choose one of pymoo.algorithms.moo, or one by its name."
            )
        if getattr(self.algorithm, "problem", None) is not None:
            raise ValueError(
                f"This {type(self.algorithm).__name__} has been set up for another problem. Pass a "
                "new one, which has not been run."
            )
        directions = getattr(self.algorithm, "ref_dirs", None)
        if directions is not None and np.shape(directions)[1] != n_objectives:
            raise ValueError(
                f"The reference directions of {type(self.algorithm).__name__} are for "
                f"{np.shape(directions)[1]} objectives, but the search has {n_objectives}. Make "
                f"them with pymoo's get_reference_directions('energy', {n_objectives}, ...)."
            )
        return copy.deepcopy(self.algorithm)


def is_pymoo_object(value: object) -> bool:
    """Whether `value` is an algorithm of pymoo's; does not import pymoo."""
    module = sys.modules.get("pymoo.core.algorithm")
    return module is not None and isinstance(value, module.Algorithm)


def _nothing(archs: IntArray) -> tuple[FloatArray, FloatArray]:
    """No losses and no violations, for a problem that is never searched."""
    raise NotImplementedError


def _count(algorithm: Any, name: str) -> int | None:
    value = getattr(algorithm, name, None)
    return int(value) if isinstance(value, int | np.integer) and value > 0 else None
