"""What a search is measured by: a reference point and the best front known.

The reference point holds the worst value of each objective among 5,000 random architectures. The
best front of a complete table is exact; elsewhere it is what two NSGA-II runs of 200 x 600 on the
true objectives and those 5,000 architectures found.

References:
    Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm:
    NSGA-II", 2002.
    Blank and Deb, "pymoo: Multi-Objective Optimization in Python", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.callback import Callback
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem as PymooProblem
from pymoo.operators.crossover.ux import UniformCrossover
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

from benchmarks.cache import Cache
from benchmarks.problem import Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.pareto import hypervolume, hypervolume_history, non_dominated

__all__ = ["GENERATIONS", "Yardstick", "yardstick"]

N_RANDOM = 5_000
RANDOM_SEED = 123
POPULATION = 200
GENERATIONS = 600
NSGA2_SEEDS = (0, 1)


@dataclass(frozen=True)
class Yardstick:
    """Everything in losses, so that less is better.

    Attributes:
        reference: The reference point, `float[m]`.
        front: The best front known, `float[k, m]`.
        volume: The hypervolume of that front.
    """

    reference: FloatArray
    front: FloatArray
    volume: float

    def curve(self, losses: FloatArray) -> FloatArray:
        """Return the share of the best front's hypervolume after each evaluation, `float[n]`."""
        return hypervolume_history(losses, self.reference) / self.volume


def yardstick(problem: Problem, cache: Cache, *, generations: int = GENERATIONS) -> Yardstick:
    """Return the problem's yardstick; an anonymous twin has its original's."""
    if problem.original is not None:
        return yardstick(problem.original, cache, generations=generations)
    key = {
        "kind": "yardstick 1",
        "problem": problem.name,
        "version": problem.version,
        "generations": generations,
    }
    found = cache.get(key)
    if found is None:
        found = _measure(problem, generations)
        cache.put(key, found)
    volume = hypervolume(found["front"], found["reference"])
    return Yardstick(found["reference"], found["front"], volume)


def _measure(problem: Problem, generations: int) -> dict[str, np.ndarray]:
    archs = problem.space.sample(N_RANDOM, np.random.default_rng(RANDOM_SEED))
    losses = problem.losses(problem.evaluate(archs))
    reference = np.nanmax(losses, axis=0)
    if problem.architectures is not None:
        candidates = [problem.losses(problem.evaluate(problem.architectures))]
    else:
        candidates = [losses, *(_nsga2(problem, seed, generations) for seed in NSGA2_SEEDS)]
    front = np.unique(np.concatenate([_front(c) for c in candidates]), axis=0)
    return {"reference": reference, "front": _front(front)}


def _front(losses: FloatArray) -> FloatArray:
    return losses[non_dominated(losses)]


def _nsga2(problem: Problem, seed: int, generations: int) -> FloatArray:
    """Return every non-dominated loss that one long run came across, `float[k, m]`."""
    archive = _Archive()
    minimize(
        _AsPymoo(problem),
        NSGA2(
            POPULATION,
            sampling=IntegerRandomSampling(),
            crossover=UniformCrossover(prob=0.9),
            mutation=_Resample(),
        ),
        ("n_gen", generations),
        seed=seed,
        callback=archive,
    )
    return archive.losses


class _Archive(Callback):  # type: ignore[misc]  # pymoo is untyped
    def __init__(self) -> None:
        super().__init__()
        self.losses = np.zeros((0, 0))

    def notify(self, algorithm: NSGA2) -> None:
        """Merge the generation's new individuals into the front."""
        new = algorithm.pop.get("F") if algorithm.off is None else algorithm.off.get("F")
        known = self.losses if self.losses.size else new[:0]
        self.losses = _front(np.unique(np.concatenate([known, new]), axis=0))


class _AsPymoo(PymooProblem):  # type: ignore[misc]  # pymoo is untyped
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        super().__init__(
            n_var=len(problem.space),
            n_obj=len(problem.goals),
            xl=0,
            xu=problem.space.n_options - 1,
            vtype=int,
        )

    def _evaluate(
        self, x: IntArray, out: dict[str, FloatArray], *args: object, **_: object
    ) -> None:
        out["F"] = self._problem.losses(self._problem.evaluate(x.astype(np.int64)))


class _Resample(Mutation):  # type: ignore[misc]  # pymoo is untyped
    """Redraw each variable with probability 1/d."""

    def _do(
        self,
        problem: PymooProblem,
        X: IntArray,
        *args: object,
        random_state: np.random.Generator,
        **_: object,
    ) -> IntArray:
        fresh = random_state.integers(problem.xl, problem.xu + 1, size=X.shape)
        return np.where(random_state.random(X.shape) < 1 / X.shape[1], fresh, X)
