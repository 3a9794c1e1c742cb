"""Pareto-Frontier-aware neural architecture generation (NAG) as an Optuna sampler.

Guo, Chen, Zheng, Chen, Zhao, Chen, Huang and Tan, "Pareto-Frontier-aware Neural Architecture
Generation for Diverse Budgets", 2021. The paper trains its generator once, on 16,000 architectures
that were measured at random; here it is trained anew for every batch, on what the search has
measured so far, and proposes what to measure next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from optuna import logging as optuna_logging
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import FloatArray, IntArray, cut_off
from optuna_linas.gain import greedy_gain, reference_behind
from optuna_linas.given import check_count
from optuna_linas.goals import Attr, Goal, Goals
from optuna_linas.history import History
from optuna_linas.linas import startup
from optuna_linas.linas.failures import without_accidents
from optuna_linas.samplers.checks import check_fit
from optuna_linas.samplers.plan import Note
from optuna_linas.samplers.planned import PlannedSampler
from optuna_linas.samplers.planner import Planned
from optuna_linas.samplers.quality import prediction_notes
from optuna_linas.samplers.sizes import size_of_batch
from optuna_linas.selection import filled_up
from optuna_linas.space import SearchSpace
from optuna_linas.structure import mostly_ordered

__all__ = ["NAGSampler"]

_logger = optuna_logging.get_logger("optuna.linas")

_OPTIMISM = 0.5
"""Deviations by which a proposal is hoped to be better than predicted, as in LINASSampler."""

_BEYOND = 0.1
"""How far beyond the costs measured so far budgets go on either side, in ranges of these."""

_BUDGETS_PER_TRAINED, _PER_BUDGET = 3, 3
"""Budgets that are asked for, per training budget, and answers to each."""


class NAGSampler(PlannedSampler):
    """Proposes, batch by batch, the best architectures for budgets across the range of costs.

    After `n_startup_trials`, an architecture generator (see `optuna_linas.nag`) is trained on all
    measurements for each batch, under `n_budgets` budgets over the range of costs. It is asked for
    the best unseen architectures within three times as many budgets, shifted from batch to batch,
    and those that promise the most hypervolume together are the batch. Networks whose cost is a
    penalty, such as 1e10 or infinity, are learned from as failures: no budget is spent on their
    cost.

    Every proposed trial has the user attributes `nag_budget`, `nag_predicted_value` and
    `nag_predicted_cost`; those of the start have none. The promises are those of `LINASSampler`:
    all state in the study's storage, any number of workers, no architecture twice, resumable.

    A cost that no trial records is warned of once, and architectures are sampled at random.

    Args:
        cost: What budgets limit: the index of an objective, an `Attr`, or the name of a user
            attribute that is minimised.
        value: What is to be as good as possible, likewise; by default the first objective.
        n_budgets: K, the budgets that the generator is trained under.
        space: The search space, if known; by default it is inferred from the study's trials.
        n_startup_trials: Trials before the first generator: corners of the space, and rows spread
            between them. Finished trials that were enqueued or added count.
        n_steps: Training steps of the generator for each batch.
        independent_sampler: Samples parameters that no finished trial has had yet. By default
            uniformly at random, from the sampler's own seed.
        constraints_func: As in Optuna's samplers; `trial.set_constraint` needs nothing here.
            Trials that failed or violate a constraint tell what to avoid, and nothing else.
        device: Where torch computes: "cpu" or "cuda".
        seed: Makes the search reproducible. Without it one is drawn and stored with the study.
        warn_independent_sampling: Warn when a parameter is sampled independently after the start.

    Raises:
        ValueError: A number that is too small, or value and cost are the same.
        TypeError: An argument of the wrong kind.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> def objective(trial):
        ...     depth = trial.suggest_int("depth", 1, 4)
        ...     width = trial.suggest_categorical("width", [8, 16, 32, 64, 128, 256])
        ...     kernel = trial.suggest_categorical("kernel", [1, 3, 5])
        ...     trial.set_user_attr("latency_ms", 0.01 * depth * width * kernel)
        ...     return 1 - 1 / (depth * width * kernel)
        >>> study = optuna.create_study(
        ...     direction="maximize",
        ...     sampler=NAGSampler(cost="latency_ms", n_budgets=5, n_steps=5, seed=0),
        ... )
        >>> study.optimize(objective, n_trials=25)
        >>> sorted(study.trials[-1].user_attrs)
        ['latency_ms', 'nag_budget', 'nag_predicted_cost', 'nag_predicted_value']
    """

    def __init__(
        self,
        *,
        cost: Goal | str,
        value: Goal | str = 0,
        n_budgets: int = 10,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        n_startup_trials: int = 20,
        n_steps: int = 30,
        independent_sampler: BaseSampler | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        device: str = "cpu",
        seed: int | None = None,
        warn_independent_sampling: bool = True,
    ) -> None:
        check_count("n_budgets", n_budgets, least=2)
        check_count("n_startup_trials", n_startup_trials, least=0)
        check_count("n_steps", n_steps, least=0)
        if device != "cpu":
            from optuna_linas.hardware.devices import find_device  # not before torch is needed

            find_device(device)
        self._value, self._cost = (Attr(g) if isinstance(g, str) else g for g in (value, cost))
        if self._value == self._cost:
            raise ValueError(f"value and cost are the same, {self._cost!r}: there is no trade-off.")
        self._n_budgets, self._n_steps, self._device = n_budgets, n_steps, device
        self._has_warned = False
        super().__init__(
            "nag",
            space=space,
            n_startup_trials=n_startup_trials,
            batch_size=partial(size_of_batch, None, dear=True),
            min_examples=1,
            objectives=(self._value, self._cost),
            independent_sampler=independent_sampler,
            constraints_func=constraints_func,
            seed=seed,
            warn_independent_sampling=warn_independent_sampling,
            explain=self._explain_unusable,
        )

    def _check_goals(self, goals: Goals) -> None:
        """Any value and cost will do."""

    def _explain_unusable(self, ours: Sequence[FrozenTrial]) -> None:
        """Raise for a space that does not fit; warn once of a cost that is not recorded."""
        check_fit(ours, self._space, None)
        complete = [trial for trial in ours if trial.state == TrialState.COMPLETE]
        if self._has_warned or not complete:
            return
        self._has_warned = True
        known = sorted({name for trial in complete for name in trial.user_attrs})
        _logger.warning(
            f"NAGSampler samples at random: no complete trial has both the value {self._value!r} "
            f"and the cost {self._cost!r} as finite numbers. The trials' user attributes are "
            f"{known}. Set the cost in the objective function: "
            "trial.set_user_attr(name, number)."
        )

    def _plan(
        self,
        space: SearchSpace,
        history: History,
        n: int,
        rng: np.random.Generator,
        *,
        goals: Goals,
        batch: int,
        taken: IntArray,
        pending: IntArray,
    ) -> Planned:
        seen = {row.tobytes() for rows in (taken, pending, history.codes) for row in rows}
        if batch == 0:
            # The corners come once; while nothing can be learned, all that follows is random.
            return Planned(startup(space, n, rng, taken=seen))
        archs, notes = self._generate(space, history, n, rng, goals, seen, pending)
        archs = filled_up(space, archs, n, rng, taken=seen)
        empty: list[Note] = [{}] * (len(archs) - len(notes))
        return Planned(archs, (*notes, *empty))

    def _generate(
        self,
        space: SearchSpace,
        history: History,
        n: int,
        rng: np.random.Generator,
        goals: Goals,
        seen: set[bytes],
        pending: IntArray,
    ) -> tuple[IntArray, list[Note]]:
        """The best unseen architectures for budgets across the range, and what is said of them."""
        # Only now: a search that has not come this far, and one with LINAS, never needs torch.
        from optuna_linas.avoiding import avoided_of
        from optuna_linas.nag import Settings, examples_of, fit

        history = without_accidents(space, history)
        # Folded anew: later trials may have shown that two rows are one network.
        codes = space.canonical(history.codes[history.feasible])
        losses = cut_off(history.losses[history.feasible])
        examples = examples_of(codes, losses)
        if not examples.suffice:
            return np.zeros((0, len(space)), dtype=np.int64), []
        works = examples.losses
        model = fit(
            space,
            codes,
            losses,
            rng=rng,
            avoided=avoided_of(space, history),
            settings=Settings(
                n_budgets=self._n_budgets,
                n_steps=self._n_steps,
                coverage=None,
                caution=-_OPTIMISM,
            ),
            device=self._device,
        )
        budgets = self._budgets(works[:, 1], rng)
        found = [model.request(b, _PER_BUDGET, rng, taken=seen) for b in budgets]
        archs = np.concatenate([each.archs[each.feasible] for each in found])
        of_budget = np.repeat(budgets, [int(each.feasible.sum()) for each in found])
        archs, first = np.unique(archs, axis=0, return_index=True)
        expected = model.model.predict(archs)
        hoped = cut_off(np.stack([model.rank(expected), expected.costs], axis=1))
        picked = greedy_gain(
            np.vstack([works, cut_off(model.model.predict(pending).losses)]),
            hoped,
            reference_behind(works, ordered=mostly_ordered(model.model.trusted)),
            n,
        )
        others = np.setdiff1d(np.arange(len(archs)), picked)
        picked = np.concatenate([picked, rng.permutation(others)])[:n]
        notes = prediction_notes(expected.losses[picked], ("gp", "gp"), goals)
        budgets = goals.signs[1] * of_budget[first[picked]]
        return archs[picked], [_told(*pair) for pair in zip(notes, budgets, strict=True)]

    def _budgets(self, costs: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Budgets evenly over the range of costs and beyond, shifted from batch to batch."""
        n = _BUDGETS_PER_TRAINED * self._n_budgets
        at = (np.arange(n) + rng.random()) / n
        budgets: FloatArray = costs.min() + np.ptp(costs) * ((1 + 2 * _BEYOND) * at - _BEYOND)
        return budgets


def _told(note: Note, budget: float) -> Note:
    """A prediction's note with what the trial that takes the row records."""
    value, cost = note["predicted"]
    return {
        **note,
        "user_attrs": {
            "nag_budget": float(f"{budget:.9g}"),
            "nag_predicted_value": value,
            "nag_predicted_cost": cost,
        },
    }
