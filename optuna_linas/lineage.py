"""A population as its study's trials tell it: which member a trial trains, and which trials count.

A *slot* is a place in the population, a *generation* one step of training for every slot. Each
trial is an attempt at one step of one slot, and carries its `Assignment`. Attempts may be several
(a worker died, the objective failed): the complete one with the lowest number counts. Once a
generation is over, which trials counted is stored, so that an attempt that comes late cannot
rewrite what the next generation has been bred from. Only the last generations are stored, or the
study's attributes would grow with it: an attempt that comes late is marked as such by its worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import IntArray
from optuna_linas.assignment import FAILURE_KEY, LATE_KEY, Assignment, Holder
from optuna_linas.attempts import Attempts, Place, attempts_of
from optuna_linas.goals import Goals
from optuna_linas.pbt.selection import best_first
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.stored_json import explained, parsed, whole_number

__all__ = [
    "Lineage",
    "Member",
    "best_member",
    "closed_key",
    "rank",
    "read_closed",
    "read_lineage",
]


_PREFIX, _PREFIX_OF_ALL = "pbt:closed:", "pbt:generation:"
"""Of the attributes that say which trials counted; 0.1 had one for every generation."""
_N_KEPT = 2


def closed_key(generation: int) -> str:
    """Return the study attribute that says which trials of a generation counted."""
    return f"{_PREFIX}{generation % _N_KEPT}"


@dataclass(frozen=True)
class Member:
    """A member after one step: the trial that trained it, and where it comes from.

    Attributes:
        trial: The complete trial.
        generation: The step, counted from 0.
        slot: Its place in the population.
    """

    trial: FrozenTrial
    generation: int
    slot: int

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number

    @property
    def params(self) -> dict[str, Any]:
        """The trial's parameters."""
        return dict(self.trial.params)

    @property
    def parents(self) -> tuple[int, ...]:
        """The trials whose weights it started from: none, itself one step before, or two."""
        return tuple(self.trial.user_attrs.get("pbt_parents", ()))

    @property
    def donated(self) -> tuple[str, ...]:
        """The variables that came from the second parent."""
        return tuple(self.trial.user_attrs.get("pbt_donated", ()))

    @property
    def checkpoint(self) -> str | None:
        """The artifact id of its weights; `None` if it saved none."""
        return self.trial.user_attrs.get("pbt_checkpoint")


class Lineage:
    """All attempts at all steps of a population.

    Args:
        trials: The study's trials, by number.
        plan: The population.
        closed: For the last generations that are over, the number of the trial that counted in
            each slot.
        known: What has been read of these trials before; by default nothing.

    Attributes:
        n_closed: Generations that are over, in the synchronous mode.
    """

    def __init__(
        self,
        trials: Sequence[FrozenTrial],
        plan: PopulationPlan,
        closed: Mapping[int, Sequence[int | None]],
        known: Attempts | None = None,
    ) -> None:
        self.trials = trials
        self.plan = plan
        self.closed = closed
        self.n_closed = max(closed, default=-1) + 1
        self._finished = Attempts() if known is None else known
        self._running = self._finished.update(trials)

    @property
    def attempts(self) -> dict[Place, list[FrozenTrial]]:
        """All attempts by step (generation, slot); looked up anew, at a cost that grows."""
        return dict(self.attempts_since(0))

    def attempts_since(self, generation: int) -> Iterator[tuple[Place, list[FrozenTrial]]]:
        """Yield the steps from a generation on, each with its attempts."""
        places = set(self._finished.since(generation))
        places.update(place for place in self._running if place[0] >= generation)
        for place in sorted(places):
            yield place, self.attempts_at(*place)

    def attempts_at(self, generation: int, slot: int) -> list[FrozenTrial]:
        """Return the attempts at a step, by the trials' numbers."""
        place = generation, slot
        found = [*self._finished.at(place), *self._running.get(place, ())]
        return sorted(found, key=lambda trial: trial.number)

    def longest_epoch_s(self) -> float | None:
        """Return the most that an epoch of a complete trial took; `None` before any has."""
        return self._finished.longest_epoch_s

    def begun_before(self, holder: Holder, number: int) -> float:
        """Return when a process last began with a trial of a lower number, by its own clock.

        Minus infinity if it never has.
        """
        begun = [
            own.since - own.waited_s
            for attempts in self._running.values()
            for trial in attempts
            if (own := Assignment.of(trial)) is not None
            and own.holder == holder
            and own.number < number
        ]
        return max([self._finished.begun_before(holder, number), *begun])

    def counting(self, generation: int, slot: int) -> FrozenTrial | None:
        """Return the complete trial that counts for a step; `None` if there is none (yet)."""
        if generation in self.closed:
            number = self.closed[generation][slot]
            return None if number is None else self.trials[number]
        complete = [
            trial
            for trial in self.attempts_at(generation, slot)
            if trial.state == TrialState.COMPLETE and not trial.system_attrs.get(LATE_KEY)
        ]
        return min(complete, key=lambda trial: trial.number, default=None)

    def is_settled(self, generation: int, slot: int) -> bool:
        """Whether a step is done, or given up.

        It is given up when the score was NaN, when the objective pruned it, and after
        `max_attempts` failures. An attempt whose worker was killed is no failure.
        """
        if generation < self.n_closed or self.counting(generation, slot) is not None:
            return True
        n_failures = 0
        for trial in self.attempts_at(generation, slot):
            reason = trial.system_attrs.get(FAILURE_KEY)
            if trial.state == TrialState.PRUNED and reason != "lost":
                return True
            if trial.state == TrialState.FAIL and reason == "no_score":
                return True
            n_failures += trial.state.is_finished() and reason is not None
        return n_failures >= self.plan.max_attempts

    def n_steps(self, slot: int) -> int:
        """Return how many steps of a slot are settled, from the first on."""
        known = self._finished.n_settled(slot, self.plan)
        n = self.plan.n_generations
        for generation in range(max(self.n_closed, known), n):
            if not self.is_settled(generation, slot):
                n = generation
                break
        self._finished.settle(slot, n, self.plan)
        return n

    def is_over(self, generation: int) -> bool:
        """Whether all slots of a generation are settled."""
        slots = range(self.plan.population_size)
        return all(self.is_settled(generation, slot) for slot in slots)

    def latest(self) -> list[FrozenTrial | None]:
        """Return for each slot the trial of its last settled step, `None` if that has no score."""
        found = []
        for slot in range(self.plan.population_size):
            n = self.n_steps(slot)
            found.append(self.counting(n - 1, slot) if n else None)
        return found

    def living(self) -> list[Member]:
        """Return for each slot its newest member; a slot that never had one is left out."""
        members = []
        for slot in range(self.plan.population_size):
            for generation in reversed(range(self.n_steps(slot))):
                trial = self.counting(generation, slot)
                if trial is not None:
                    members.append(Member(trial, generation, slot))
                    break
        return members


def rank(trials: Sequence[FrozenTrial | None], goals: Goals) -> IntArray:
    """Return the positions of the trials that have a score, best first, `int[k]`."""
    losses = np.full((len(trials), len(goals)), np.nan)
    violations = np.zeros(len(trials))
    for i, trial in enumerate(trials):
        if trial is None or trial.state != TrialState.COMPLETE:
            continue
        found = goals.values(trial.values, trial.user_attrs)
        if found is None:
            continue
        losses[i] = np.multiply(found, goals.signs)
        violations[i] = sum(max(0.0, value) for value in trial.constraints.values())
    return best_first(losses, violations)


def read_lineage(study: Study) -> Lineage:
    """Read a study's population.

    Raises:
        ValueError: The study has none.
    """
    plan = PopulationPlan.of(study)
    if plan is None:
        raise ValueError(
            f"The study {study.study_name!r} has no population: no trial of it was proposed by a "
            "PBTNASSampler."
        )
    closed = read_closed(study, plan)
    trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
    if any(n is not None and n >= len(trials) for numbers in closed.values() for n in numbers):
        raise ValueError(
            f"The study {study.study_name!r} has {len(trials)} trials, but its attributes tell of "
            "others that counted in the population: they are damaged."
        )
    return Lineage(trials, plan, closed, attempts_of(study, trials))


def read_closed(study: Study, plan: PopulationPlan) -> dict[int, list[int | None]]:
    """Return which trials counted in the last generations that are over.

    Raises:
        ValueError: The attributes that tell it are damaged.
    """
    attrs = study._storage.get_study_system_attrs(study._study_id)
    return dict(_closed(attrs, plan.population_size))


def best_member(study: Study) -> Member:
    """Return the best member of the population as it is now: of every slot the newest.

    With several objectives it is the first of the best front.

    Args:
        study: A study with `PBTNASSampler`.

    Returns:
        The member: its `trial`, `params`, `number`, `generation` and `slot`.

    Raises:
        ValueError: The study has no population, or no member has a score yet.

    Example:
        >>> import optuna
        >>> from optuna_linas import PBTNASSampler
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(direction="maximize", sampler=PBTNASSampler(4, 2, 1))
        >>> study.optimize(lambda trial: trial.suggest_categorical("width", [8, 16]))
        >>> best_member(study).params, best_member(study).generation
        ({'width': 16}, 1)
    """
    lineage = read_lineage(study)
    living = lineage.living()
    trials = [member.trial for member in living]
    order = rank(trials, Goals(study.directions, lineage.plan.objectives))
    if len(order) == 0:
        raise ValueError("No member of the population has a score yet.")
    return living[int(order[0])]


def _closed(
    attrs: Mapping[str, Any], population_size: int
) -> Iterator[tuple[int, list[int | None]]]:
    """The generations whose counting trials a study's attributes tell."""
    what = "Which trials of a generation counted"
    for key, text in attrs.items():
        if key.startswith(_PREFIX):
            with explained(what):
                generation, numbers = parsed(text, what, list)
        elif key.startswith(_PREFIX_OF_ALL):
            with explained(what):
                generation = int(key.removeprefix(_PREFIX_OF_ALL))
            numbers = parsed(text, what, list)
        else:
            continue
        with explained(what):
            known = [None if n is None else whole_number(n) for n in numbers]
            if len(known) != population_size:
                raise ValueError(f"{len(known)} trials for {population_size} slots")
            yield whole_number(generation), known
