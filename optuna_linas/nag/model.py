"""A fitted generator and all that a request needs.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021.

Shapes: `n` architectures, `d` variables, `k` training budgets. Budgets and costs are losses here: a
budget is what the cost may be at most.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import numpy as np
import torch

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag.generator import ArchitectureGenerator
from optuna_linas.nag.predictions import Predictions, ValueCostModel
from optuna_linas.nag.requests import Answer, answer
from optuna_linas.nag.settings import Settings
from optuna_linas.nag.steps import Steps

__all__ = ["BudgetModel"]


class BudgetModel:
    """Answers requests for architectures within a budget.

    Args:
        model: Predicts values and costs.
        generator: Draws architectures under a budget.
        grid: The training budgets in the costs' unit, `float[k]`.
        settings: How the generator was fitted and is asked.
        remembered: Canonical rows that take part in every request, `int[r, d]`.

    Example:
        >>> from optuna_linas import SearchSpace
        >>> from optuna_linas.nag import Settings, fit
        >>> space = SearchSpace.from_choices({"depth": range(1, 6), "width": range(8, 48, 8)})
        >>> archs = np.array([[i, j] for i in range(5) for j in range(5)])
        >>> cost = (archs[:, 0] + 1.0) * (archs[:, 1] + 1.0)
        >>> losses = np.stack([1 / cost, cost], axis=1)
        >>> settings = Settings(n_steps=2, n_budgets=3)
        >>> model = fit(space, archs, losses, rng=np.random.default_rng(0), settings=settings)
        >>> answer = model.request(10.0, 2, np.random.default_rng(0))
        >>> answer.archs.shape, bool(answer.feasible[0])
        ((2, 2), True)
    """

    def __init__(
        self,
        model: ValueCostModel,
        generator: ArchitectureGenerator,
        *,
        grid: FloatArray,
        settings: Settings,
        remembered: IntArray,
    ) -> None:
        self.space, self.model, self.settings, self.grid = model.space, model, settings, grid
        self.generator = generator
        self.steps = Steps(model.space, settings.max_bins)
        self.remember(remembered)

    def remember(self, archs: IntArray) -> None:
        """Let rows `int[r, d]`, and no others, take part in later requests."""
        self.remembered = archs
        # Predicted now, so that a request need not.
        self._expected = self.model.predict(archs)

    @classmethod
    def untrained(
        cls,
        model: ValueCostModel,
        grid: FloatArray,
        settings: Settings,
        *,
        rng: torch.Generator,
        device: str | torch.device = "cpu",
    ) -> BudgetModel:
        """Return a model with a fresh generator.

        Args:
            model: Predicts values and costs.
            grid: The training budgets, increasing, `float[k]`.
            settings: The generator's sizes, and how requests are answered.
            rng: Where the initial weights come from, on the CPU.
            device: Where torch computes.
        """
        # Budgets in units of the range: single precision must tell 1e9 from 1e9 + 1.
        budgets = torch.linspace(0.0, 1.0, len(grid))
        generator = ArchitectureGenerator(
            Steps(model.space, settings.max_bins),
            budgets,
            embedding_size=settings.embedding_size,
            hidden_size=settings.hidden_size,
            rng=rng,
        )
        return cls(
            model,
            generator.to(device),
            grid=grid,
            settings=settings,
            remembered=model.archs[:0],
        )

    @property
    def least_cost(self) -> float:
        """The lowest cost that is measured, or predicted of what is remembered."""
        # What is to be avoided is no answer, however cheap.
        costs = self._expected.costs[np.isfinite(self._expected.bounds)]
        return float(min(self.model.losses[:, 1].min(), *costs, self.grid[0]))

    def request(
        self,
        budget: float,
        n: int,
        rng: np.random.Generator,
        *,
        taken: Set[bytes] = frozenset(),
    ) -> Answer:
        """Return up to `n` architectures whose costs stay within a budget, best first.

        Where too few are feasible, the least violating ones follow, marked as such. Canonical rows
        that are `taken`, as bytes, are not returned.

        Args:
            budget: The most that the cost may be, as a loss.
            n: How many.
            rng: The source of all randomness.
            taken: `row.tobytes()` of rows that must not come.
        """
        settings = self.settings
        return answer(
            self.space,
            lambda: self.draw(budget, settings.n_candidates, rng),
            self.model.predict,
            self.rank,
            budget,
            n,
            remembered=(self.remembered, self._expected),
            n_rounds=settings.n_rounds,
            n_refinements=settings.n_refinements,
            rng=rng,
            taken=taken,
        )

    def draw(self, budget: float, n: int, rng: np.random.Generator) -> IntArray:
        """Return `n` canonical rows as the generator draws them, feasible or not, `int[n, d]`.

        Args:
            budget: The most that the cost may be, as a loss.
            n: How many.
            rng: The source of all randomness.
        """
        device = self.generator.budgets.device
        # A budget far outside of the range, which may be no float of single precision, is its end.
        inside = float(self.position(np.clip(budget, self.grid[0], self.grid[-1])))
        budgets = torch.full((n,), inside, device=device)
        noise = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
        bins = self.generator.sample(budgets, noise)
        return self.steps.archs_of(bins.cpu().numpy(), rng)

    def position(self, costs: FloatArray | float) -> FloatArray:
        """Return costs or budgets in units of the range: 0 and 1 are the ends of the grid."""
        low, high = self.grid[0], self.grid[-1]
        at: FloatArray = (np.asarray(costs) - low) / (high - low)
        return at

    def rank(self, expected: Predictions) -> FloatArray:
        """Return what is minimised among feasible architectures: a cautious value, `float[n]`.

        With caution, an architecture that is cheaper than all measured ones by its upper bound
        counts as no better than the worst of them: nothing tells what so small a network can do.
        """
        if self.settings.caution > 0:
            worst, cheapest = self.model.values.max(), self.model.losses[:, 1].min()
            is_known = expected.bounds >= cheapest
            values = np.where(is_known, expected.values, np.maximum(expected.values, worst))
            expected = replace(expected, values=values)
        return expected.cautious(self.settings.caution)
