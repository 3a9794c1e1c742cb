"""From measured architectures to a generator for any budget.

Guo, Chen, Zheng, Chen, Zhao, Chen, Huang and Tan, "Pareto-Frontier-aware Neural Architecture
Generation for Diverse Budgets", 2021: train the evaluator on pairs of measured architectures, then
the generator on the evaluator's scores.

The paper measures 16,000 architectures; an Optuna study has a few hundred. Departures that make up
for it, each of which `Settings` can switch off: a Gaussian process that knows the space predicts
values and costs, with their uncertainty, and labels the imagined architectures that the evaluator
learns from beside the measured ones; and what training has found is remembered.

Shapes: `n` measured architectures, `d` variables, `k` training budgets.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from optuna_linas.arrays import FloatArray, IntArray, cut_off
from optuna_linas.blas_threads import one_blas_thread
from optuna_linas.evolution.variation import resample
from optuna_linas.hardware.devices import find_device
from optuna_linas.nag.avoided import Avoided
from optuna_linas.nag.elites import Elites, vary
from optuna_linas.nag.evaluator import Evaluator, train_evaluator
from optuna_linas.nag.examples import MIN_TRIALS, examples_of
from optuna_linas.nag.model import BudgetModel
from optuna_linas.nag.policy import train_generator
from optuna_linas.nag.predictions import ValueCostModel
from optuna_linas.nag.progress import Report, part_of, silent
from optuna_linas.nag.rewards import Generated
from optuna_linas.nag.settings import Settings
from optuna_linas.pareto import non_dominated
from optuna_linas.space import SearchSpace

__all__ = ["fit"]

_BUDGETS_PER_TRAINED = 4
_N_CHILDREN = 64
_N_LAST_ROUNDS = 100
_N_EXAMPLES = 64
_MAX_MUTATION, _N_RATES = 0.3, 8
_FARTHEST = 1e9
"""Ranges of costs, or budgets, beyond which all are alike."""


@one_blas_thread()
def fit(
    space: SearchSpace,
    archs: IntArray,
    losses: FloatArray,
    *,
    rng: np.random.Generator,
    avoided: Avoided | None = None,
    settings: Settings | None = None,
    device: str | torch.device = "cpu",
    report: Report = silent,
) -> BudgetModel:
    """Return a model whose predictors, evaluator and generator are fitted.

    Args:
        space: The search space.
        archs: What was measured, `int[n, d]`.
        losses: Value and cost of each, minimised, `float[n, 2]`; an architecture that was measured
            several times counts with its mean. Budgets range over the costs that are no penalties
            (see `penalties`); values are cut at 1e100.
        rng: The source of all randomness.
        avoided: What must be no answer.
        settings: How to do it; `None` for the defaults.
        device: Where torch computes.
        report: Called with the share of the work that is done.

    Raises:
        ValueError: Fewer than `MIN_TRIALS` different architectures, or all costs are the same.
        DeviceNotFoundError: The machine has no such device.

    Example:
        >>> space = SearchSpace.from_choices({"depth": range(1, 6), "width": range(8, 48, 8)})
        >>> archs = np.array([[i, j] for i in range(5) for j in range(5)])
        >>> cost = (archs[:, 0] + 1.0) * (archs[:, 1] + 1.0)
        >>> losses = np.stack([1 / cost, cost], axis=1)
        >>> settings = Settings(n_steps=2, n_budgets=3)
        >>> model = fit(space, archs, losses, rng=np.random.default_rng(0), settings=settings)
        >>> model.draw(10.0, 4, np.random.default_rng(0)).shape
        (4, 2)
    """
    device = find_device(device)
    settings = settings or Settings()
    values = cut_off(losses[:, 0])
    losses = np.column_stack([values, losses[:, 1]])
    examples = examples_of(space.canonical(archs), losses, avoided)
    costs = examples.losses[:, 1]
    if len(examples) < MIN_TRIALS:
        raise ValueError(
            f"A generator needs at least {MIN_TRIALS} different measured architectures, got "
            f"{len(examples)}."
        )
    if not examples.have_range:
        raise ValueError(
            f"All {len(costs)} architectures cost the same, {abs(costs[0]):g}: there is no "
            "budget to choose by."
        )
    model = ValueCostModel.calibrated(
        space, examples, coverage=settings.coverage, caution=settings.caution, rng=rng
    )
    noise = _torch_rng(rng, "cpu")
    grid = np.linspace(costs.min(), costs.max(), settings.n_budgets)
    fitted = BudgetModel.untrained(model, grid, settings, rng=noise, device=device)
    evaluator = None
    if settings.reward.uses_evaluator:
        evaluator = _trained_evaluator(fitted, rng, noise, part_of(report, 0.0, 0.2))
    practice = _Practice(fitted, evaluator, rng)
    train_generator(
        fitted.generator,
        practice.rewards,
        settings,
        examples=practice.examples if settings.n_elites else None,
        rng=_torch_rng(rng, device),
        report=part_of(report, 0.2, 1.0),
    )
    if settings.n_elites:
        fitted.remember(practice.remembered())
    return fitted


class _Practice:
    """What the generator practises on: its draws, which are rewarded, and the best so far."""

    def __init__(
        self, fitted: BudgetModel, evaluator: Evaluator | None, rng: np.random.Generator
    ) -> None:
        self._fitted, self._evaluator, self._rng = fitted, evaluator, rng
        model, settings, grid = fitted.model, fitted.settings, fitted.grid
        self._best, self._worst = float(model.values.min()), float(model.values.max())
        self._scale = max(abs(self._best), self._worst - self._best) or 1.0
        budgets = np.linspace(grid[0], grid[-1], _BUDGETS_PER_TRAINED * len(grid))
        self._elites = Elites(model.predict, fitted.rank, budgets, settings.n_elites)
        if settings.n_elites:
            self._elites.take_in(model.archs)

    @torch.no_grad()
    def rewards(self, bins: Tensor) -> Tensor:
        """Return the rewards `float[k, n]` of drawn sequences `int[k, n, d]`."""
        fitted, (k, n, d) = self._fitted, bins.shape
        rows = fitted.steps.archs_of(bins.reshape(k * n, d).cpu().numpy(), self._rng)
        if fitted.settings.n_elites:
            self._elites.take_in(rows)
        reward = fitted.settings.reward
        if self._evaluator is not None:
            features = _features(fitted.space, rows, bins.device).reshape(k, n, -1)
            scores = self._evaluator(features, self._evaluator.budgets)
            return reward(Generated(scores, *[torch.zeros_like(scores)] * 4))
        expected = fitted.model.predict(rows)
        columns = [
            (fitted.rank(expected) - self._best) / self._scale,
            # In units of a penalty all other networks would be as good.
            1.0 - (np.minimum(expected.values, self._worst) - self._best) / self._scale,
            _relative(expected.costs, np.repeat(fitted.grid, n), float(np.ptp(fitted.grid))),
            # Of two networks that failed, the difference of what they cost at most would be NaN.
            np.minimum(fitted.position(expected.bounds), _FARTHEST)
            - np.repeat(fitted.position(fitted.grid), n),
        ]
        stacked = torch.tensor(np.stack(columns), device=bins.device).reshape(4, k, n)
        return reward(Generated(torch.zeros_like(stacked[0]), *stacked)).to(torch.float32)

    def examples(self) -> tuple[Tensor, Tensor]:
        """Improve the elites a little, and return some of them with their budgets."""
        self._improve()
        rows, fitted = self._elites.rows, self._fitted
        g, e, d = rows.shape
        some = self._rng.integers(g * e, size=min(_N_EXAMPLES, g * e))
        bins = fitted.steps.bins_of(rows.reshape(g * e, d)[some])
        budgets = fitted.position(self._elites.budgets[some // e])
        device = fitted.generator.budgets.device
        return (
            torch.tensor(bins, device=device),
            torch.tensor(budgets, dtype=torch.float32, device=device),
        )

    def remembered(self) -> IntArray:
        """Improve the elites to the end, and return them and the measured front."""
        for _ in range(_N_LAST_ROUNDS):
            self._improve()
        model = self._fitted.model
        front = model.archs[non_dominated(model.losses)]
        return np.unique(np.concatenate([self._elites.archs, front]), axis=0)

    def _improve(self) -> None:
        space = self._fitted.space
        children = vary(self._elites.archs, _N_CHILDREN, space.n_options, self._rng, sorted_=False)
        self._elites.take_in(space.canonical(children))


def _trained_evaluator(
    fitted: BudgetModel, rng: np.random.Generator, noise: torch.Generator, report: Report
) -> Evaluator:
    settings, space = fitted.settings, fitted.space
    device = fitted.generator.budgets.device
    evaluator = Evaluator(
        len(space.feature_variables),
        fitted.generator.budgets.cpu(),
        hidden_size=settings.evaluator.hidden_size,
        rng=noise,
    ).to(device)
    rows, labels = _examples(space, fitted.model, settings.evaluator.n_imagined, rng)
    train_evaluator(
        evaluator,
        _features(space, rows, device),
        torch.tensor(labels[:, 0], device=device),
        torch.tensor(fitted.position(labels[:, 1]), device=device),
        settings.evaluator,
        compares_values=settings.reward.compares_values,
        rng=noise,
        report=report,
    )
    return evaluator


def _features(space: SearchSpace, archs: IntArray, device: torch.device) -> Tensor:
    return torch.tensor(space.features(archs), dtype=torch.float32, device=device)


def _relative(costs: FloatArray, budgets: FloatArray, span: float) -> FloatArray:
    """Costs over budgets; of a budget of 0, one plus the cost in units of the range."""
    is_zero = budgets == 0
    with np.errstate(over="ignore"):  # of a budget that is next to nothing
        relative = np.where(is_zero, 1.0 + costs / span, costs / np.where(is_zero, 1.0, budgets))
    return np.clip(relative, -_FARTHEST, _FARTHEST)


def _examples(
    space: SearchSpace, model: ValueCostModel, n_imagined: int, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """What the evaluator learns from: known rows, and imagined ones with predicted losses.

    Half of the imagined ones are drawn from the whole space, half are variations of the measured
    front, where the generator will be.
    """
    if n_imagined == 0:
        return model.known, model.told
    anywhere = space.sample(n_imagined // 2, rng)
    front = model.archs[non_dominated(model.losses)]
    n_near = n_imagined - len(anywhere)
    mothers, fathers = (front[rng.integers(len(front), size=n_near)] for _ in range(2))
    near = np.where(rng.random(mothers.shape) < 0.5, mothers, fathers)
    rates = np.linspace(0.0, _MAX_MUTATION, _N_RATES)
    near = np.concatenate(
        [
            resample(part, space.n_options, float(rate), rng)
            for part, rate in zip(np.array_split(near, _N_RATES), rates, strict=True)
        ]
    )
    imagined = np.unique(space.canonical(np.concatenate([anywhere, near])), axis=0)
    labels = model.predict(imagined).losses
    return np.concatenate([model.known, imagined]), np.concatenate([model.told, labels])


def _torch_rng(rng: np.random.Generator, device: str | torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(rng.integers(2**62)))
