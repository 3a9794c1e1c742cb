"""After one search, an architecture for any budget: ask for "within 37 ms", and have it at once.

Guo, Chen, Zheng, Chen, Zhao, Chen, Huang and Tan, "Pareto-Frontier-aware Neural Architecture
Generation for Diverse Budgets", 2021. Where we depart from the paper: see `optuna_linas.nag`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study

from optuna_linas.blas_threads import one_blas_thread
from optuna_linas.budget_answers import BudgetFront, Generated
from optuna_linas.budget_data import budget_data
from optuna_linas.budget_header import check_same_space, checked_header
from optuna_linas.budget_limits import as_budget, how_many_within, told_apart
from optuna_linas.budget_settings import settings_of
from optuna_linas.fit_bar import FitBar
from optuna_linas.front_budgets import front_budgets
from optuna_linas.given import check_count
from optuna_linas.goals import Goal, as_goal, goal_name
from optuna_linas.known_json import known_to_json, space_with_known
from optuna_linas.nag import PAPER, BudgetModel, Reward, Settings, fit
from optuna_linas.nag.files import load_model, save_model
from optuna_linas.nag.requests import Answer
from optuna_linas.samplers.checks import check_seed, resolve_space
from optuna_linas.seeding import derive_rng
from optuna_linas.space import SearchSpace
from optuna_linas.space_json import space_from_json, space_to_json

__all__ = ["BudgetGenerator"]


class BudgetGenerator:
    """Answers "the best architecture within this budget" without another search.

    Make one with `from_study` or `load`.

    Attributes:
        space: The search space, with what trials have shown of ranges and absences.
        n_used: Trials that it has learned from.
        n_left_out: How many were left out, by reason; what failed has told what to avoid.
        cost_range: The lowest and the highest cost of these trials, in the cost's unit.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> def objective(trial):
        ...     depth = trial.suggest_int("depth", 1, 4)
        ...     width = trial.suggest_categorical("width", [8, 16, 32, 64, 128])
        ...     kernel = trial.suggest_categorical("kernel", [1, 3, 5])
        ...     trial.set_user_attr("latency_ms", 0.01 * depth * width * kernel)
        ...     return 1 - 1 / (depth * width) - 0.1 / kernel
        >>> study = optuna.create_study(
        ...     direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0)
        ... )
        >>> study.optimize(objective, n_trials=40)
        >>> generator = BudgetGenerator.from_study(
        ...     study, cost="latency_ms", seed=0, n_steps=20, progress=False
        ... )
        >>> best = generator.generate(budget=4.0)[0]
        >>> best.predicted_cost <= 4.0, sorted(best.params)
        (True, ['depth', 'kernel', 'width'])
    """

    def __init__(self, model: BudgetModel, about: Mapping[str, Any]) -> None:
        self._model, self._about = model, dict(about)
        self.space = model.space
        self.n_used: int = about["n_used"]
        self.n_left_out: dict[str, int] = about["n_left_out"]
        self._value_sign, self._cost_sign = about["signs"]
        ends = sorted(self._cost_sign * model.grid[[0, -1]])
        self.cost_range: tuple[float, float] = (float(ends[0]), float(ends[1]))

    @classmethod
    def from_study(
        cls,
        study: Study,
        *,
        cost: Goal | str,
        value: Goal | str = 0,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        n_budgets: int | None = None,
        n_steps: int | None = None,
        reward: str | Reward | None = None,
        settings: Settings | None = None,
        device: str = "cpu",
        seed: int | None = None,
        progress: bool = True,
    ) -> BudgetGenerator:
        """Return a generator fitted to the finished trials of a study, whatever sampled it.

        Networks whose trials failed or violated a constraint are no answers, nor are others that
        are like them, where that can be told from the network (see `optuna_linas.linas.failures`).

        Args:
            study: With complete trials of at least 20 different architectures that have value and
                cost, 10 of which work. Failed and pruned trials, those without finite numbers, and
                those whose cost is a penalty, such as 1e10 or infinity, are left out and counted.
            cost: What budgets limit: the index of an objective, an `Attr`, or the name of a user
                attribute that is minimised.
            value: What is to be as good as possible, likewise.
            space: The search space, if known; by default it is inferred from the trials.
            n_budgets: K, the budgets that are trained on; 10 by default.
            n_steps: Policy-gradient steps.
            reward: "predicted_dominance" (the default), the paper's "dominance", or for comparison
                "dominance_without_values", "mnasnet" and "tunas"; or a `Reward`.
            settings: All of `optuna_linas.nag.Settings`; the three above override it.
            device: Where torch computes: "cpu" or "cuda".
            seed: Makes fit and answers reproducible; `None` draws one.
            progress: Show a bar on a terminal.

        Raises:
            ValueError: No trial has the cost, fewer than 20 different architectures are usable,
                fewer than 10 of them work, all cost the same, or an unknown reward.
            SpaceMismatchError: Trials vary a parameter that the given space lacks.
            TypeError: An argument of the wrong kind, such as a study's trials for the study.
        """
        chosen = settings_of(settings or Settings(), n_budgets, n_steps, reward)
        check_seed(seed)
        data = budget_data(study, cost=cost, value=value, space=space)
        seed = int(np.random.default_rng().integers(2**31)) if seed is None else int(seed)
        with FitBar(progress) as bar:
            model = fit(
                data.space,
                data.archs,
                data.losses,
                rng=derive_rng(seed, "budget generator"),
                avoided=data.avoided,
                settings=chosen,
                device=device,
                report=bar.update,
            )
        about = {
            "seed": seed,
            "signs": data.signs,
            "n_used": data.n_used,
            "n_left_out": data.n_left_out,
            "value_name": goal_name(study, as_goal(value)),
            "cost_name": goal_name(study, as_goal(cost)),
        }
        return cls(model, about)

    @classmethod
    def paper(
        cls,
        study: Study,
        *,
        cost: Goal | str,
        value: Goal | str = 0,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        n_steps: int | None = None,
        device: str = "cpu",
        seed: int | None = None,
        progress: bool = True,
    ) -> BudgetGenerator:
        """Fit a generator with the paper's settings (see `optuna_linas.nag.PAPER`).

        The evaluator learns from the measured trials alone and rewards the generator, which draws
        one architecture for each of 10 budgets in 10,001 steps without a baseline; a request draws
        and ranks, and improves nothing. What the paper cannot do without is kept: values and
        costs of new architectures are predicted, with the safety margin.

        Args and errors are those of `from_study`.
        """
        return cls.from_study(
            study,
            cost=cost,
            value=value,
            space=space,
            n_steps=n_steps,
            settings=PAPER,
            device=device,
            seed=seed,
            progress=progress,
        )

    def generate(self, budget: float, n: int = 1) -> list[Generated]:
        """Return up to `n` different architectures for a budget, the most promising first.

        The order is by predicted value and how sure it is: a network that was measured may come
        before one that is predicted to be somewhat better, so `predicted_value` need not fall.

        All are within the budget by their predicted cost plus its safety margin, unless too few
        such are found in a bounded number of draws: then the least violating ones follow, marked by
        `is_within`, and a warning says so. A budget above the range of the trials' costs is
        answered as the highest of them. The same request has the same answer.

        Where it has promised too much before (see `optuna_linas.nag.promises`), an answer is the
        best trial itself rather than a network that only promises to be better.

        Args:
            budget: The most (for a cost that is maximised, the least) that the cost may be.
            n: How many architectures.

        Raises:
            ValueError: The budget is below everything known to be possible, or not a number.
            TypeError: The budget is no number, or `n` is not a whole one.
        """
        check_count("n", n, least=1)
        found = self._answer(budget, n)
        n_within = int(found.feasible.sum())
        if n_within < len(found.archs):
            warnings.warn(
                how_many_within(n_within, len(found.archs), as_budget(budget)),
                UserWarning,
                stacklevel=2,
            )
        return self._generated(found)

    @one_blas_thread()
    def draw(self, budget: float, n: int, *, seed: int = 0) -> list[Generated]:
        """Return `n` draws of the generator as they come: unranked, with repetitions.

        Their costs show how closely the generator follows a budget (the paper's figure 3).

        Args:
            budget: As in `generate`.
            n: How many.
            seed: Another seed gives other draws.
        """
        check_count("n", n, least=1)
        limit = self._limit(budget)
        archs = self._model.draw(limit, n, derive_rng(self._about["seed"], "draw", seed))
        expected = self._model.model.predict(archs)
        return self._generated(Answer(archs, expected, expected.bounds <= limit))

    @one_blas_thread()
    def front(self, n_budgets: int = 50) -> BudgetFront:
        """Return the best architecture for each of many budgets over the range of costs.

        Args:
            n_budgets: How many, half of them even and half costs of measured networks; fewer where
                two are the same.
        """
        check_count("n_budgets", n_budgets, least=2)
        low, high = self._model.grid[[0, -1]]
        losses = front_budgets(self._model.model.losses, low, high, n_budgets)
        budgets = np.sort(self._cost_sign * losses)
        best = [self._generated(self._answer(float(b), 1, strict=False))[0] for b in budgets]
        return BudgetFront(
            budgets=budgets,
            values=np.array([each.predicted_value for each in best]),
            costs=np.array([each.predicted_cost for each in best]),
            is_within=np.array([each.is_within for each in best]),
            params=tuple(each.params for each in best),
            value_name=self._about["value_name"],
            cost_name=self._about["cost_name"],
            is_value_maximised=self._value_sign < 0,
            is_cost_maximised=self._cost_sign < 0,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that answering needs into one file, a few hundred kilobytes.

        Args:
            path: The file; its folder must exist.

        Raises:
            FileNotFoundError: The folder does not exist.
            IsADirectoryError: The path is a folder.
        """
        about_space = {"space": space_to_json(self.space), "known": known_to_json(self.space)}
        save_model(self._model, Path(path), {**self._about, **about_space})

    @classmethod
    @one_blas_thread()
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        device: str = "cpu",
    ) -> BudgetGenerator:
        """Return the generator of a file. Nothing in the file is executed.

        Args:
            path: What `save` has written.
            space: The space that the architectures will be used in, to be compared with the file's.
            device: Where torch computes.

        Raises:
            FileNotFoundError: No such file.
            ValueError: Not such a file.
            SpaceMismatchError: It was saved by a generator of another space.
        """
        header = checked_header(Path(path))
        saved, wanted = space_from_json(header["space"]), resolve_space(space)
        # What trials have shown beside the variables is no matter of the space that was declared.
        if wanted is not None:
            check_same_space(Path(path), saved, wanted)
        space = space_with_known(saved, header["known"])
        return cls(load_model(Path(path), space, device), header)

    def __repr__(self) -> str:
        low, high = self.cost_range
        return (
            f"BudgetGenerator({self._about['value_name']} within {low:g} to {high:g} "
            f"{self._about['cost_name']}, from {self.n_used} trials)"
        )

    def _limit(self, budget: float) -> float:
        """The budget as a loss, at most that of the dearest trial.

        How costs go on beyond it, no measurement has tested.
        """
        limit: float = self._cost_sign * as_budget(budget)
        return min(limit, float(self._model.grid[-1]))

    @one_blas_thread()
    def _answer(self, budget: float, n: int, *, strict: bool = True) -> Answer:
        limit = self._limit(budget)
        if strict and limit < self._model.least_cost:
            given, least = told_apart(as_budget(budget), self._cost_sign * self._model.least_cost)
            word = "below" if self._cost_sign > 0 else "above"
            raise ValueError(
                f"A budget of {given} is {word} every architecture that is known or "
                f"predicted: the cheapest has {least} as {self._about['cost_name']}."
            )
        rng = derive_rng(self._about["seed"], "generate", repr(as_budget(budget)), n)
        return self._model.request(limit, n, rng)

    def _generated(self, found: Answer) -> list[Generated]:
        expected = found.predictions
        return [
            Generated(
                self.space.decode(arch),
                self._value_sign * float(expected.values[i]),
                self._cost_sign * float(expected.costs[i]),
                bool(found.feasible[i]),
            )
            for i, arch in enumerate(found.archs)
        ]
