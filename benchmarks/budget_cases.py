"""The cases of the budget benchmark: twenty budgets, and the best that is known under each.

The budgets lie evenly between the ends of the best front known, so that each of them is a
trade-off. The best known is the least loss under the budget among that front, which two long runs
of NSGA-II found, and a genetic search for this budget alone, on the true measurements; for a
complete table it is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.cache import Cache
from benchmarks.problem import Problem
from benchmarks.yardstick import yardstick
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.evolution.variation import resample

__all__ = ["Cases", "PenalisedLoss", "check_goals", "evolve", "make_cases"]

Losses = Callable[[IntArray], FloatArray]
"""From rows to value and cost, minimised, `float[n, 2]`."""

N_BUDGETS = 20
SEEDS = (0, 1)
POPULATION, GENERATIONS = 200, 200


@dataclass(frozen=True)
class Cases:
    """The budgets of one problem.

    Attributes:
        budgets: What the cost may be at most, `float[20]`.
        best: The least loss of quality known under each, `float[20]`.
        fallback: The loss of the cheapest architecture of the front: what a method is counted with
            where it has nothing within the budget.
    """

    budgets: FloatArray
    best: FloatArray
    fallback: float


def check_goals(problem: Problem) -> None:
    """Refuse a problem without a value and a cost.

    Raises:
        ValueError: It has not two objectives, or the second is maximised.
    """
    goals = problem.goals
    if len(goals) != 2:
        raise ValueError(
            "Budgets need two objectives, first the value, then the cost that is limited; "
            f"{problem.name} has {', '.join(goal.name for goal in goals)}. Of a table by its path, "
            "name them: FILE.npz:+accuracy,-latency."
        )
    value, cost = goals
    if cost.direction == "maximize":
        raise ValueError(
            f"{problem.name}: the first objective is the value, here {value.name}, the second the "
            f"cost that a budget limits, here {cost.name}. A cost is minimised, and {cost.name} is "
            f"maximised. To swap them, write FILE.npz:+{cost.name},-{value.name}."
        )


def make_cases(problem: Problem, cache: Cache, *, generations: int = GENERATIONS) -> Cases:
    """Return a problem's cases; the searches are made once and cached."""
    front = yardstick(problem, cache).front
    front = front[np.argsort(front[:, 1])]
    budgets = np.linspace(front[0, 1], front[-1, 1], N_BUDGETS + 2)[1:-1]
    best = np.array([front[front[:, 1] <= budget, 0].min() for budget in budgets])
    if problem.architectures is None:
        key = {
            "kind": "budgets 1",
            "problem": problem.name,
            "version": problem.version,
            "budgets": budgets.tolist(),
            "generations": generations,
        }
        found = cache.get(key)
        if found is None:
            found = {"best": _search(problem, budgets, generations)}
            cache.put(key, found)
        best = np.minimum(best, found["best"])
    # What is within a smaller budget is within a larger one.
    return Cases(budgets, np.minimum.accumulate(best), float(front[0, 0]))


def evolve(
    problem: Problem,
    penalised: PenalisedLoss,
    rng: np.random.Generator,
    *,
    population: int,
    generations: int,
    share_of_parents: float = 0.25,
    mutation: float | None = None,
) -> IntArray:
    """Return the best architecture `int[d]` that a genetic search with one objective has seen.

    Half of the children cross two of the best, the others mutate one of them, as in Once-for-All's
    evolutionary search (Cai et al., 2020).

    Args:
        problem: Whose space is searched.
        penalised: From rows `int[n, d]` to what is minimised, `float[n]`.
        rng: The source of randomness.
        population: Rows per generation.
        generations: How many.
        share_of_parents: Of the population.
        mutation: Per variable; one variable on average by default.
    """
    space = problem.space
    rate = 1.0 / len(space) if mutation is None else mutation
    archs = space.canonical(space.sample(population, rng))
    losses = penalised(archs)
    for _ in range(generations):
        order = np.argsort(losses, kind="stable")[: max(2, int(population * share_of_parents))]
        parents, parent_losses = archs[order], losses[order]
        n = population - len(parents)
        mothers, fathers = (parents[rng.integers(len(parents), size=n)] for _ in range(2))
        mixed = (rng.random(mothers.shape) < 0.5) & (rng.random((n, 1)) < 0.5)
        children = np.where(mixed, fathers, mothers)
        children = space.canonical(resample(children, space.n_options, rate, rng))
        archs = np.concatenate([parents, children])
        losses = np.concatenate([parent_losses, penalised(children)])
    best: IntArray = archs[int(np.argmin(losses))]
    return best


class PenalisedLoss:
    """A loss within a budget; far worse, and the more so the dearer, beyond it; infinite for NaN.

    Args:
        losses: From rows to value and cost, minimised, `float[n, 2]`.
        budget: The budget.
    """

    def __init__(self, losses: Losses, budget: float) -> None:
        self._losses, self._budget = losses, budget

    def __call__(self, archs: IntArray) -> FloatArray:
        """Return what is minimised, `float[n]`."""
        values, costs = self._losses(archs).T
        excess = costs - self._budget
        penalised: FloatArray = np.where(excess <= 0, values, 1e9 + excess)
        return np.where(np.isnan(penalised), np.inf, penalised)


def _search(problem: Problem, budgets: FloatArray, generations: int) -> FloatArray:
    best = np.full(len(budgets), np.inf)
    for i, budget in enumerate(budgets.tolist()):
        penalised = PenalisedLoss(lambda a: problem.losses(problem.evaluate(a)), budget)
        for seed in SEEDS:
            found = evolve(
                problem,
                penalised,
                np.random.default_rng([seed, i]),
                population=POPULATION,
                generations=generations,
            )
            best[i] = min(best[i], penalised(found[None])[0])
    return best
