"""The methods of the budget benchmark: from one study's trials to an architecture per budget.

All share the same 300 evaluations; the searches for a single budget get an equal part of as many.

References:
    Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021:
    the generator, and independent searches for each budget (its Table 3).
    Cai, Gan, Wang, Zhang and Han, "Once-for-All", ICLR 2020: an evolutionary search on predictors
    under each budget.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import TrialState

from benchmarks.budget_cases import PenalisedLoss, evolve
from benchmarks.problem import Problem
from optuna_linas import BudgetGenerator, LINASSampler
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag import Settings
from optuna_linas.predictors import StructuredGP
from optuna_linas.suggest import suggest
from optuna_linas.variable import Option

__all__ = [
    "Choices",
    "best_trial",
    "draws_alone",
    "generator_choices",
    "make_study",
    "ofa_evolution",
    "single_searches",
]

OFA_POPULATION, OFA_GENERATIONS = 100, 500
"""Of Once-for-All's own evolutionary search."""

_N_SINGLE_STARTUP = 5


@dataclass(frozen=True)
class Choices:
    """What a method chose.

    Attributes:
        archs: One for each of `b` budgets, `int[b, d]`.
        chosen: Where it chose anything at all, `bool[b]`.
        fit_s: Seconds before the first budget could be asked for.
        request_ms: Milliseconds per budget.
    """

    archs: IntArray
    chosen: np.ndarray
    fit_s: float
    request_ms: float


def make_study(
    problem: Problem, sampler: optuna.samplers.BaseSampler, n_evaluations: int
) -> optuna.Study:
    """Return a finished study of the problem."""
    study = optuna.create_study(directions=problem.directions, sampler=sampler)
    for _ in range(n_evaluations):
        trial = study.ask()
        values = problem.evaluate(problem.suggest(trial)[None])[0]
        if np.isnan(values).any():
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, [float(v) for v in values])
    return study


def best_trial(problem: Problem, study: optuna.Study, budgets: FloatArray) -> Choices:
    """The best trial of the study that is within each budget."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    archs = np.array([problem.space.encode(trial.params) for trial in trials])
    losses = problem.losses([trial.values for trial in trials])
    rows, chosen = [], []
    for budget in budgets:
        within = losses[:, 1] <= budget
        rows.append(archs[int(np.argmin(np.where(within, losses[:, 0], np.inf)))])
        chosen.append(bool(within.any()))
    return Choices(np.stack(rows), np.array(chosen), 0.0, 0.0)


def generator_choices(
    problem: Problem,
    study: optuna.Study,
    budgets: FloatArray,
    *,
    seed: int,
    settings: Settings | None = None,
    path: Path | None = None,
) -> tuple[Choices, BudgetGenerator]:
    """What a `BudgetGenerator` of the study answers.

    Args:
        problem: The problem.
        study: A finished study of it.
        budgets: `float[b]`.
        seed: The generator's.
        settings: The generator's; `None` for the defaults.
        path: Where it is saved and loaded from before it is asked; `None` asks it as it is.
    """
    start = time.perf_counter()
    generator = BudgetGenerator.from_study(
        study, cost=1, value=0, space=problem.space, settings=settings, seed=seed, progress=False
    )
    fit_s = time.perf_counter() - start
    if path is not None:
        generator.save(path)
        generator = BudgetGenerator.load(path, space=problem.space)
    start = time.perf_counter()
    answers = [_answer(generator, budget) for budget in budgets.tolist()]
    request_ms = 1e3 * (time.perf_counter() - start) / len(budgets)
    archs = np.zeros((len(budgets), len(problem.space)), dtype=np.int64)
    for i, params in enumerate(answers):
        if params is not None:
            archs[i] = problem.space.encode(params)
    chosen = np.array([params is not None for params in answers])
    return Choices(archs, chosen, fit_s, request_ms), generator


def _answer(generator: BudgetGenerator, budget: float) -> Mapping[str, Option] | None:
    """The best architecture, with or without a warning; `None` where the budget is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return generator.generate(budget)[0].params
    except ValueError:
        return None


def draws_alone(settings: Settings) -> Settings:
    """Settings under which answers are draws of the generator: nothing remembered or improved."""
    return replace(settings, n_elites=0, n_refinements=0, caution=0.0)


def single_searches(
    problem: Problem, budgets: FloatArray, *, n_evaluations: int, seed: int
) -> Choices:
    """Independent searches, one for each budget, that share `n_evaluations` equally.

    Each is a LINASSampler with one objective and the budget as a constraint.
    """
    n_each = n_evaluations // len(budgets)
    rows, chosen, seconds = [], [], 0.0
    sign = 1.0 if problem.directions[0] == "minimize" else -1.0
    for i, budget in enumerate(budgets.tolist()):
        sampler = LINASSampler(
            space=problem.space, n_startup_trials=_N_SINGLE_STARTUP, seed=1_000 * seed + i
        )
        study = optuna.create_study(direction=problem.directions[0], sampler=sampler)
        start = time.perf_counter()
        best, row = np.inf, np.zeros(len(problem.space), dtype=np.int64)
        for _ in range(n_each):
            trial = study.ask()
            arch = problem.space.encode(suggest(trial, problem.space))
            value, cost = problem.evaluate(arch[None])[0]
            if np.isnan([value, cost]).any():
                study.tell(trial, state=TrialState.FAIL)
                continue
            trial.set_constraint("budget", float(cost) - budget)
            study.tell(trial, float(value))
            if cost <= budget and sign * value < best:
                best, row = sign * value, arch
        seconds += time.perf_counter() - start
        rows.append(row)
        chosen.append(np.isfinite(best))
    return Choices(np.stack(rows), np.array(chosen), 0.0, 1e3 * seconds / len(budgets))


def ofa_evolution(
    problem: Problem, study: optuna.Study, budgets: FloatArray, *, seed: int
) -> Choices:
    """Once-for-All's evolutionary search under each budget, on predictors of the same trials.

    Once-for-All trains its accuracy predictor on 16,000 networks and looks latencies up in a
    table; here both are predicted from the study, by the Gaussian process that we use too.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    archs = np.array([problem.space.encode(trial.params) for trial in trials])
    start = time.perf_counter()
    model = StructuredGP(problem.space).fit(archs, problem.losses([t.values for t in trials]))
    fit_s = time.perf_counter() - start
    start = time.perf_counter()
    rows = [
        evolve(
            problem,
            PenalisedLoss(model.predict, budget),
            np.random.default_rng([seed, i]),
            population=OFA_POPULATION,
            generations=OFA_GENERATIONS,
            mutation=0.1,
        )
        for i, budget in enumerate(budgets.tolist())
    ]
    request_ms = 1e3 * (time.perf_counter() - start) / len(budgets)
    return Choices(np.stack(rows), np.ones(len(budgets), dtype=bool), fit_s, request_ms)
