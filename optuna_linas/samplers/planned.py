"""What samplers that plan batches have in common: everything but how a batch is chosen.

Abstract or final: a sampler says what it checks and how it plans, and inherits the rest as it is.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Self, final

import numpy as np
from optuna import logging as optuna_logging
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.samplers._base import _process_constraints_after_trial
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import IntArray
from optuna_linas.distributions import nearest, planned_distributions
from optuna_linas.goals import Goal, Goals
from optuna_linas.history import History
from optuna_linas.samplers.book import ENQUEUED
from optuna_linas.samplers.checks import (
    check_distribution,
    check_fit,
    check_seed,
    resolve_space,
)
from optuna_linas.samplers.dispatch import Dispatcher
from optuna_linas.samplers.fixed_outside import fixed_outside
from optuna_linas.samplers.opening import opening_value
from optuna_linas.samplers.plan import Claim
from optuna_linas.samplers.planner import Planned
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.seeding import derive_rng
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["PlannedSampler"]

# A child of Optuna's logger, so that optuna.logging.set_verbosity holds for it too.
_logger = optuna_logging.get_logger("optuna.linas")


class PlannedSampler(BaseSampler):
    """Hands out the rows of batches that are planned once and kept in the study's storage.

    Args:
        key: Prefix of the attributes in the storage.
        space: The search space, or `None` to infer it from the study's trials.
        n_startup_trials: Trials of batch 0, or from the search space to them.
        batch_size: From the search space and the numbers of usable and of running trials to the
            size of the next batch.
        min_examples: Usable trials below which batch 0 goes on.
        objectives: What is optimised; `None` for all objectives of the study.
        independent_sampler: Samples parameters that no finished trial has had yet.
        constraints_func: As in Optuna's samplers.
        seed: The seed, or `None` for one that is drawn and kept with the study.
        warn_independent_sampling: Warn when a parameter is sampled independently after the start.
        first: From what is optimised to the parameters of the first trial, where the space is not
            known; as far as it has them.
        explain: Called with the finished trials of this sampler while none can be learned from. By
            default `checks.check_fit`, which raises.

    Raises:
        TypeError: An argument of the wrong kind.
    """

    def __init__(
        self,
        key: str,
        *,
        space: SearchSpace | Mapping[str, BaseDistribution] | None,
        n_startup_trials: int | Callable[[SearchSpace], int],
        batch_size: Callable[[SearchSpace, int, int], int],
        min_examples: int,
        objectives: Sequence[Goal] | None,
        independent_sampler: BaseSampler | None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None,
        seed: int | None,
        warn_independent_sampling: bool,
        first: Callable[[Goals], Mapping[str, Any]] | None = None,
        explain: Callable[[Sequence[FrozenTrial]], None] | None = None,
    ) -> None:
        check_seed(seed)
        if not (constraints_func is None or callable(constraints_func)):
            raise TypeError(f"constraints_func is called with a trial, got {constraints_func!r}.")
        if not isinstance(independent_sampler, BaseSampler | None):
            raise TypeError(
                f"independent_sampler is an Optuna sampler or None, got {independent_sampler!r}."
            )
        if isinstance(objectives, str) or not isinstance(objectives, Iterable | None):
            raise TypeError(
                "objectives is a list of indices of the study's objectives and of `Attr`s, such as "
                f"[0, Attr('latency_ms')]; got {objectives!r}."
            )
        self._objectives = None if objectives is None else tuple(objectives)
        self._n_startup = (
            n_startup_trials if callable(n_startup_trials) else partial(_same, n_startup_trials)
        )
        self._independent_sampler = independent_sampler
        self._constraints_func = constraints_func
        self._warn_independent_sampling = warn_independent_sampling
        self._space = resolve_space(space)
        self._make_dispatcher = partial(
            Dispatcher,
            key,
            objectives=self._objectives,
            seed=seed,
            n_startup=self._n_startup,
            batch_size=batch_size,
            min_examples=min_examples,
            warn=_logger.warning,
        )
        self._dispatcher = self._make_dispatcher(space=self._space, plan=self._plan)
        self._first, self._explain = first, explain
        self._checked: set[tuple[Goal | float, ...]] = set()
        self._held: dict[tuple[int, int], tuple[Claim, dict[str, Option]]] = {}
        self._has_warned = False
        self._may_lack = False

    @property
    def objectives(self) -> tuple[Goal, ...] | None:
        """What is optimised, as it was given; `None` for all objectives of the study."""
        return self._objectives

    @property
    def space(self) -> SearchSpace | None:
        """The declared search space; `None` where it is inferred from the study's trials."""
        return self._space

    @final
    def with_space(self, space: SearchSpace | Mapping[str, BaseDistribution]) -> Self:
        """Return a sampler like this one, of the same study's plan, that proposes from the space.

        The trials so far need not fit: one that lacks a variable counts as having its first option,
        as in an inferred space that has grown, and what lies outside is not learned from.

        Raises:
            TypeError: Neither a `SearchSpace` nor a mapping.
            ValueError: It has no variables.
        """
        declared = resolve_space(space)
        assert declared is not None
        other = copy.copy(self)
        other._space = declared
        other._dispatcher = self._make_dispatcher(space=declared, plan=other._plan, may_lack=True)
        other._held = {}
        other._may_lack = True
        return other

    @abstractmethod
    def _check_goals(self, goals: Goals) -> None:
        """Raise `ValueError` if the sampler cannot optimise these; called before it plans."""

    @abstractmethod
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
        """Choose the architectures of a batch; see `planner.Planner`."""

    @final
    def reseed_rng(self) -> None:
        """Leave our own numbers alone: they derive from the seed and the place in the plan."""
        if self._independent_sampler is not None:
            self._independent_sampler.reseed_rng()

    @final
    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the declared space, or the union of all parameters of the finished trials."""
        with self._dispatcher.lock:
            space = self._dispatcher.table(study).space
        if space is None:
            return {}
        return dict(planned_distributions(space))

    @final
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Claim an architecture of the plan and return its values.

        Raises:
            SpaceMismatchError: No finished trial fits the declared space.
            ValueError: The sampler cannot optimise the study's objectives.
        """
        with self._dispatcher.lock:
            # Now rather than after the start: nothing is measured yet.
            goals = self._dispatcher.table(study).goals
            if (kind := (*goals.goals, *goals.signs)) not in self._checked:
                self._check_goals(goals)
                self._checked.add(kind)
        claim, params = self._dispatcher.take(study, trial)
        with self._dispatcher.lock:
            table = self._dispatcher.table(study)
            if table.n_usable == 0:
                self._explain_table(table)
            for name, value in claim.note.get("user_attrs", {}).items():
                study._storage.set_trial_user_attr(trial._trial_id, name, value)
            self._held[study._study_id, trial.number] = claim, params
            if self._space is not None and table.n_usable == 0:
                # Nothing has shown yet that the space fits: `sample_independent` sees the
                # distributions that the objective asks for and can explain what does not.
                return {}
        return {name: params[name] for name in search_space if name in params}

    @final
    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for a parameter that the plan does not cover.

        Raises:
            SpaceMismatchError: The declared space has the parameter with other options.
        """
        with self._dispatcher.lock:
            claim, planned = self._held.get((study._study_id, trial.number), (None, {}))
        if claim is not None and not claim.row:
            # The space may be known by now: then others take rows that this trial may become.
            claim, planned = self._dispatcher.take(study, trial)
        with self._dispatcher.lock:
            if claim is not None:
                self._held[study._study_id, trial.number] = claim, planned
            table = self._dispatcher.table(study)
            space, n_usable, goals = table.space, table.n_usable, table.goals
            seed = self._dispatcher.seed_of(study)
        if self._space is not None and param_name in self._space:
            check_distribution(self._space, param_name, param_distribution)
        if param_name in planned:
            # The range may depend on what was chosen before, and the plan not know it.
            value = nearest(param_distribution, planned[param_name])
            if value is not None:
                return value
        if (
            self._warn_independent_sampling
            # An inferred space grows as parameters turn up: to say so once is enough.
            and not (self._has_warned and self._space is None)
            and (space is None or param_name not in space)
            and n_usable >= max(0 if space is None else self._n_startup(space), 1)
        ):
            self._has_warned = True
            _logger.warning(
                f"The parameter {param_name!r} in Trial#{trial.number} is sampled independently "
                f"instead of by `{type(self).__name__}`, potentially degrading the optimization "
                "performance, because it is not in the search space"
                + (
                    ". Add it to `space`."
                    if self._space is not None
                    else ": it is new here. Others that turn up later are not reported; `space=` "
                    "tells the sampler of all from the start."
                )
                + " `warn_independent_sampling=False` suppresses this warning."
            )
        sampler = self._independent_sampler
        if sampler is None and claim is not None and not claim.row and claim.note != ENQUEUED:
            first = {} if self._first is None else self._first(goals)
            fixed = fixed_outside(study, trial)
            return opening_value(
                seed, claim.slot, trial, param_name, param_distribution, first, fixed
            )
        if sampler is None:
            place = (trial.number, -1) if claim is None else (claim.batch, claim.slot)
            rng = derive_rng(seed, "independent", *place, param_name)
            sampler = RandomSampler(seed=int(rng.integers(2**31)))
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _explain_table(self, table: TrialTable) -> None:
        finished = list(table.finished.values())
        ours = [trial for trial in finished if self._dispatcher.proposed(trial)]
        space = self._space
        if self._may_lack:
            # What is asked for may lie elsewhere than all that was measured.
            ours, space = [trial for trial in ours if trial.number in table.codes], None
        if self._explain is not None:
            self._explain(ours)
        else:
            check_fit(ours, space, self._objectives)

    @final
    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass the call on to a given `independent_sampler`."""
        if self._independent_sampler is not None:
            self._independent_sampler.before_trial(study, trial)

    @final
    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Record how well a finished batch was predicted, and evaluate `constraints_func`.

        The call is passed on to a given `independent_sampler`.
        """
        self._held.pop((study._study_id, trial.number), None)
        if state == TrialState.COMPLETE and values is not None:
            with self._dispatcher.lock:
                self._dispatcher.close(study, trial, values)
        if self._constraints_func is not None:
            _process_constraints_after_trial(self._constraints_func, study, trial, state)
        if self._independent_sampler is not None:
            self._independent_sampler.after_trial(study, trial, state, values)


def _same(n: int, space: SearchSpace) -> int:
    """A number of trials that does not depend on the space."""
    return n
