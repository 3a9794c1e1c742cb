"""PBT-NAS as an Optuna sampler.

Chebykin, Dushatskiy, Alderliesten and Bosman, "Shrink-Perturb Improves Architecture Mixing during
Population Based Training for Neural Architecture Search", ECAI 2023.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import optuna
from optuna import logging as optuna_logging
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.assignment import FAILURE_KEY, LATE_KEY, REFUSAL_KEY, Assignment
from optuna_linas.distributions import variable_of
from optuna_linas.errors import NoFreeSlotError
from optuna_linas.given import check_count, check_number
from optuna_linas.goals import Goal, Goals
from optuna_linas.pbt.breeding import make_variation
from optuna_linas.pbt.initial import value_at
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.samplers.checks import check_seed
from optuna_linas.samplers.slots import SearchOver, SlotTable
from optuna_linas.samplers.study_seed import StudySeed
from optuna_linas.samplers.succession import Epochs, Succession, checked_epochs
from optuna_linas.seeding import derive_rng

__all__ = ["PBTNASSampler"]

_logger = optuna_logging.get_logger("optuna.linas")


class PBTNASSampler(BaseSampler):
    """Trains a population; losers become mixes of two winners, weights included (PBT-NAS).

    One trial trains one member (*slot*) for one step (*generation*). The sampler says what the
    member is; `PBTMember`, in the objective, carries the weights. When all slots of a generation
    are trained, each of the worst `quantile` is replaced by a child of two of the best `quantile`:
    every variable, with its layers, comes from the second parent with probability
    `layer_replace_prob`, its weights shrunk and perturbed.

    A search takes `population_size * n_generations` trials, and one more for each failed attempt;
    after the last generation the sampler stops `study.optimize`, so that `n_trials` may be left
    out. All state is in the study's storage: any number of workers may each construct the sampler,
    and a killed search resumes with exactly the results of an uninterrupted one if the objective
    draws its numbers from `PBTMember.seed`.

    With several workers a slot is trained by one of them. If that one is known to be dead (its
    process is gone from this machine, or its heartbeat has stopped) an idle worker redoes the slot
    at once, otherwise after `slot_timeout_s`. A trial that fails is redone, `max_attempts` times in
    all; then the slot ranks last and is replaced. A slot whose score is NaN or infinite, or whose
    trial is pruned, ranks last without being redone.

    `study.ask()` raises `NoFreeSlotError` if the process has asked for every unfinished slot of the
    generation and told none of them. Enqueued trials take slots of the first generation.

    Args:
        population_size: Number of slots, at least 2.
        n_generations: Steps that every slot is trained for. Nothing is mixed after the last one.
        epochs_per_generation: Epochs of a step (`PBTMember.n_epochs`): a number, one for each
            generation, or a function of the generation (counted from 0).
        quantile: Share of the population that is replaced, and that parents are drawn from; in
            (0, 0.5].
        layer_replace_prob: Probability with which a child takes a variable from its second parent.
        shrink: What a donated layer's weights are multiplied by.
        perturb: What the newly initialised weights that are added to them are multiplied by.
        variation: What a loser becomes: "mix" as published; for ablations "copy" (donated weights
            unchanged), "reinitialise" (fresh), "none" (a copy of one winner: PBT); for comparison
            "mutate" (a winner with some variables redrawn, as SEARL does), "random" (nobody is
            replaced: random search), "random_perturb" (the same, and members shrink-perturb layers
            of their own).
        hyperparameters: Names of parameters that are not architecture (a learning rate). A child
            has its base's, perturbed.
        factors: What a numeric hyper-parameter is multiplied by; one of the two is drawn.
        resample_prob: Probability with which a hyper-parameter is drawn anew instead.
        asynchronous: Slots go on without waiting for their generation, ranked against the newest
            score of every other slot. Only workers beyond one for each slot have to wait.
        stratified: In the first population every variable's options come equally often, and
            numbers are spread evenly; otherwise they are uniformly random.
        objectives: What members are ranked by, see `LINASSampler`; by default all of the study's.
            Several are ranked by Pareto front, then crowding.
        slot_timeout_s: When an idle worker redoes a slot of another that is not known to be dead.
            By default a minute and twice the longest training of as many epochs so far; an hour
            while none is finished.
        max_attempts: How often a failing slot is tried.
        seed: Makes the search reproducible. Without it one is drawn and stored with the study.

    Raises:
        ValueError: A number out of its range, or an unknown variation.
        TypeError: An argument of the wrong kind.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> sampler = PBTNASSampler(population_size=4, n_generations=2, epochs_per_generation=1)
        >>> study = optuna.create_study(sampler=sampler)
        >>> study.optimize(lambda trial: trial.suggest_categorical("width", [8, 16]))
        >>> len(study.trials), study.trials[7].user_attrs["pbt_generation"]
        (8, 1)
    """

    def __init__(
        self,
        population_size: int = 24,
        n_generations: int = 30,
        epochs_per_generation: Epochs = 10,
        *,
        quantile: float = 0.25,
        layer_replace_prob: float = 0.25,
        shrink: float = 0.4,
        perturb: float = 0.1,
        variation: str = "mix",
        hyperparameters: Sequence[str] = (),
        factors: tuple[float, float] = (0.8, 1.2),
        resample_prob: float = 0.25,
        asynchronous: bool = False,
        stratified: bool = True,
        objectives: Sequence[Goal] | None = None,
        slot_timeout_s: float | None = None,
        max_attempts: int = 3,
        seed: int | None = None,
    ) -> None:
        check_count("population_size", population_size, least=2)
        check_count("n_generations", n_generations, least=1)
        check_count("max_attempts", max_attempts, least=1)
        check_seed(seed)
        if isinstance(hyperparameters, str):
            raise TypeError(f"hyperparameters is a sequence; write ({hyperparameters!r},).")
        check_number("quantile", quantile, above=0.0, most=0.5)
        for name, value in (
            ("layer_replace_prob", layer_replace_prob),
            ("resample_prob", resample_prob),
        ):
            check_number(name, value, least=0.0, most=1.0)
        for name, value in (
            ("shrink", shrink),
            ("perturb", perturb),
            ("factors[0]", factors[0]),
            ("factors[1]", factors[1]),
        ):
            check_number(name, value, least=0.0)
        if slot_timeout_s is not None:
            check_number("slot_timeout_s", slot_timeout_s, above=0.0)
        plan = PopulationPlan(
            population_size=int(population_size),
            n_generations=int(n_generations),
            asynchronous=asynchronous,
            max_attempts=int(max_attempts),
            hyperparameters=tuple(hyperparameters),
            objectives=None if objectives is None else tuple(objectives),
        )
        succession = Succession(
            population_size=plan.population_size,
            quantile=quantile,
            layer_replace_prob=layer_replace_prob,
            variation=make_variation(variation, shrink=shrink, perturb=perturb),
            hyperparameters=plan.hyperparameters,
            factors=factors,
            resample_prob=resample_prob,
            epochs=checked_epochs(epochs_per_generation, plan.n_generations),
            is_stratified=stratified,
        )
        self._plan = plan
        self._succession = succession
        self._seed = StudySeed("pbt", seed)
        self._slots = SlotTable(
            plan,
            succession,
            self._seed,
            slot_timeout_s=slot_timeout_s,
            log=_logger.info,
        )
        self._held: dict[tuple[int, int], Assignment | None] = {}

    def reseed_rng(self) -> None:
        """Do nothing: all numbers derive from the seed and the member's place."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Assign the trial a slot; may wait for others to finish their generation.

        Raises:
            NoFreeSlotError: There is no slot, and the trial was asked for. In `study.optimize` the
                trial is pruned instead.
        """
        try:
            self._assign(study, trial)
        except BaseException:
            # Optuna would leave the trial running for ever.
            self._held.pop((study._study_id, trial.number), None)
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            raise

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the distributions of the parameters that the member inherits."""
        own = self._assignment(study, trial)
        if own is None or own.base is None:
            return {}
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        known = dict(trials[own.base].distributions)
        if own.donor is not None:
            known = {**trials[own.donor].distributions, **known}
        return {name: known[name] for name in own.params if not known[name].single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of the parameters that the member inherits.

        Raises:
            optuna.TrialPruned: The trial has no slot.
        """
        place = study._study_id, trial.number
        if place not in self._held and Assignment.of(trial) is None:
            self._assign(study, trial)  # a trial that was not made by study.ask
        own = self._assignment(study, trial)
        if own is None:
            stored = study._storage.get_trial(trial._trial_id)
            raise optuna.TrialPruned(stored.system_attrs.get(REFUSAL_KEY, "it has no slot"))
        return {
            name: own.params[name]
            if name in own.params
            else self._first_value(study, own, name, distribution)
            for name, distribution in search_space.items()
        }

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for a parameter that the member does not inherit."""
        own = self._assignment(study, trial)
        if own is not None:
            return self._first_value(study, own, param_name, param_distribution)
        seed = self._seed.of(study)
        rng = derive_rng(seed, "independent", trial.number, param_name)
        return value_at(variable_of(param_name, param_distribution), rng.random(), rng)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Note why a trial failed, and stop the study after the last generation."""
        self._held.pop((study._study_id, trial.number), None)
        storage = study._storage
        now = storage.get_trial(trial._trial_id)
        own = Assignment.of(now)
        if own is None:
            return
        if state == TrialState.FAIL:
            reason = "no_score" if _was_told_a_value() else "error"
            storage.set_trial_system_attr(trial._trial_id, FAILURE_KEY, reason)
        inactive = [name for name in own.donated if name not in now.params]
        if inactive:  # known only now: define-by-run code did not ask for them
            donated = [name for name in own.donated if name in now.params]
            storage.set_trial_user_attr(trial._trial_id, "pbt_donated", donated)
        if state == TrialState.COMPLETE:
            if self._slots.is_late(study, now):
                storage.set_trial_system_attr(trial._trial_id, LATE_KEY, True)
            if self._slots.is_last(study, now):
                _stop(study)

    def _assign(self, study: Study, trial: FrozenTrial) -> None:
        place = study._study_id, trial.number
        is_optimizing = _is_optimizing(study)
        Goals(study.directions, self._plan.objectives)  # raises now rather than after a generation
        try:
            own = self._slots.take(study, trial, is_asked=not is_optimizing)
        except NoFreeSlotError as error:
            if not is_optimizing:
                raise
            if isinstance(error, SearchOver):
                _stop(study)
            else:
                _logger.warning(str(error))
            self._held[place] = None
            storage = study._storage
            storage.set_trial_system_attr(trial._trial_id, REFUSAL_KEY, str(error))
            return
        self._held[place] = own
        parents = [number for number in (own.base, own.donor) if number is not None]
        if own.donor == own.base:
            parents = parents[:1]
        for name, value in (
            ("pbt_generation", own.generation),
            ("pbt_slot", own.slot),
            ("pbt_parents", parents),
            ("pbt_donated", list(own.donated)),
        ):
            study._storage.set_trial_user_attr(trial._trial_id, name, value)
            trial.set_user_attr(name, value)  # the copy that the objective sees

    def _assignment(self, study: Study, trial: FrozenTrial) -> Assignment | None:
        place = study._study_id, trial.number
        return self._held[place] if place in self._held else Assignment.of(trial)

    def _first_value(
        self, study: Study, own: Assignment, name: str, distribution: BaseDistribution
    ) -> Any:
        seed = self._seed.of(study)
        return self._succession.first_value(name, distribution, own.generation, own.slot, seed)


def _stop(study: Study) -> None:
    if _is_optimizing(study):
        study.stop()


def _is_optimizing(study: Study) -> bool:
    # HyperbandPruner hands samplers a study of its own around the real one.
    real: Study = getattr(study, "_study", study)
    return bool(real._thread_local.in_optimize_loop)


def _was_told_a_value() -> bool:
    """Whether the trial that fails returned something, which then was NaN.

    Optuna makes both a NaN and an exception a failure, and does not pass on which it was: it is
    read off the caller's arguments. Where it cannot be found the trial counts as one that raised.
    """
    frame = sys._getframe(1)
    for _ in range(4):
        if frame.f_code.co_name == "_tell_with_warning":
            return frame.f_locals.get("value_or_values") is not None
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False
