"""Gives every trial a slot of the population, for any number of workers.

A storage has no locks for us, so a worker claims, then checks: it writes its assignment on its own
trial and reads the others' again. If another running trial has the same slot, both withdraw, wait
a random moment and choose again; so no slot is trained twice at a time. What is free follows from
the trials alone: a worker that starts fresh goes on where the others are.

A worker with nothing free waits, because a generation begins when the last one is over. No wait is
unbounded: a slot whose worker is known to be dead is free at once, any other after a time limit.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optuna.storages import BaseStorage
from optuna.storages._heartbeat import BaseHeartbeat, is_heartbeat_enabled
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.assignment import ASSIGNMENT_KEY, Assignment
from optuna_linas.errors import NoFreeSlotError
from optuna_linas.goals import Goals
from optuna_linas.lineage import Lineage, closed_key, read_closed, read_lineage
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.samplers.liveness import is_known_dead, this_process
from optuna_linas.samplers.running_slots import RunningSlot, held_since, waits_for
from optuna_linas.samplers.study_seed import StudySeed
from optuna_linas.samplers.succession import Succession
from optuna_linas.seeding import derive_rng

__all__ = ["SearchOver", "SlotTable"]

_MAX_COLLISIONS = 64
_MAX_PAUSE_S = 1.0
_FIRST_TIMEOUT_S = 3600.0
"""How long a slot is left to its worker while no trial has shown how long training takes."""


class SearchOver(NoFreeSlotError):
    """The last generation is over, or all that is left of it is being trained."""


class SlotTable:
    """The slots of one sampler on any study.

    Args:
        plan: The population.
        succession: What the member of a slot is.
        seed: The seed of the search.
        slot_timeout_s: Seconds after which an idle worker redoes a slot that another holds;
            `None` for twice the longest training so far, in relation to the epochs, and a minute.
        log: Called with a message when a worker waits or redoes.
        clock, sleep: Seconds since the epoch, and how to let some pass.
    """

    def __init__(
        self,
        plan: PopulationPlan,
        succession: Succession,
        seed: StudySeed,
        *,
        slot_timeout_s: float | None,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.plan = plan
        self.succession = succession
        self.seed = seed
        self._slot_timeout_s = slot_timeout_s
        self._log = log
        self._clock, self._sleep = clock, sleep
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    def take(self, study: Study, trial: FrozenTrial, *, is_asked: bool) -> Assignment:
        """Assign a slot to a trial and return it.

        Raises:
            NoFreeSlotError: There is none, and none to wait for.
            RuntimeError: No member has a score, so there is nobody to go on from.
        """
        self.plan.keep_with(study)
        # Enqueued, or a copy of a trial whose heartbeat stopped.
        fixed = {**trial.params, **(trial.system_attrs.get("fixed_params") or {})}
        first_seen: dict[int, float] = {}
        started, pause_s, n_collisions, is_told = self._clock(), 0.05, 0, False
        while True:
            with self._lock:
                lineage = self._close(study, read_lineage(study))
                if not self._places(lineage):
                    raise SearchOver(
                        f"All {self.plan.n_generations} generations of the population are done. "
                        "Give the sampler more n_generations to go on."
                    )
                open_, running = self._divide(study, trial, lineage, first_seen)
                found = self._fitting(study, trial, lineage, open_, fixed, is_asked)
                if found is not None:
                    found = replace(found, waited_s=found.since - started)
                    if self._claim(study, trial, found, lineage):
                        return found
            if found is not None:
                n_collisions += 1
                if n_collisions > _MAX_COLLISIONS:
                    raise NoFreeSlotError(
                        f"Trial {trial.number} met other workers at a slot {n_collisions} times; "
                        "the storage seems too slow for so many of them."
                    )
                self._sleep(
                    random.Random(f"{this_process()} {trial.number} {n_collisions}").random() / 5
                )
                continue
            self._refuse(trial, running, fixed, is_asked)
            if not is_told:
                is_told = True
                self._log(waits_for(trial, running))
            self._sleep(min(pause_s, max(0.0, min(place.left_s for place in running))))
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)

    def is_last(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the population is complete once this trial is."""
        own, last = Assignment.of(trial), self.plan.n_generations - 1
        if own is None or own.generation != last:
            return False
        lineage = read_lineage(study)
        return all(
            lineage.is_settled(last, slot) or own.slot == slot
            for slot in range(self.plan.population_size)
        )

    def is_late(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial's generation is over and another attempt counted in its slot."""
        own = Assignment.of(trial)
        if own is None or self.plan.asynchronous:
            return False
        closed = read_closed(study, self.plan)
        counted = closed.get(own.generation)
        if counted is not None:
            return counted[own.slot] != own.number
        return own.generation <= max(closed, default=-1)

    def _close(self, study: Study, lineage: Lineage) -> Lineage:
        """Store which trials counted in generations that are over."""
        if self.plan.asynchronous:
            return lineage
        for _ in range(self.plan.n_generations):
            generation = lineage.n_closed
            if generation >= self.plan.n_generations or not lineage.is_over(generation):
                break
            counted = [
                lineage.counting(generation, slot) for slot in range(self.plan.population_size)
            ]
            numbers = [None if trial is None else trial.number for trial in counted]
            text = json.dumps([generation, numbers])
            study._storage.set_study_system_attr(study._study_id, closed_key(generation), text)
            lineage = read_lineage(study)
        return lineage

    def _places(self, lineage: Lineage) -> list[tuple[int, int]]:
        """The steps (generation, slot) that may be trained now, in order; none at the end."""
        n, slots = self.plan.n_generations, range(self.plan.population_size)
        if self.plan.asynchronous:
            steps = ((lineage.n_steps(slot), slot) for slot in slots)
            return sorted(step for step in steps if step[0] < n)
        generation = lineage.n_closed
        if generation >= n:
            return []
        return [(generation, slot) for slot in slots if not lineage.is_settled(generation, slot)]

    def _divide(
        self, study: Study, me: FrozenTrial, lineage: Lineage, first_seen: dict[int, float]
    ) -> tuple[list[tuple[int, int]], list[RunningSlot]]:
        """Split the steps into those that are free and those that somebody trains."""
        stale = _stale_trials(study)
        open_, running = [], []
        for generation, slot in self._places(lineage):
            limit_s = self._limit_s(lineage, generation)
            alive, left_s = [], 0.0
            for trial in lineage.attempts_at(generation, slot):
                if trial.state != TrialState.RUNNING or trial.number == me.number:
                    continue
                own = Assignment.of(trial)
                assert own is not None
                if trial._trial_id in stale or is_known_dead(own.holder):
                    continue
                now = self._clock()
                seen = first_seen.setdefault(trial.number, now)
                left = limit_s - (now - held_since(own, seen, lineage))
                if left > 0:
                    alive.append(trial)
                    left_s = max(left_s, left)
            if alive:
                running.append(RunningSlot(generation, slot, alive, left_s))
            else:
                open_.append((generation, slot))
        return open_, running

    def _limit_s(self, lineage: Lineage, generation: int) -> float:
        if self._slot_timeout_s is not None:
            return self._slot_timeout_s
        epoch_s = lineage.longest_epoch_s()
        if epoch_s is None:
            return _FIRST_TIMEOUT_S
        return 60.0 + 2.0 * epoch_s * self.succession.n_epochs(generation)

    def _fitting(
        self,
        study: Study,
        trial: FrozenTrial,
        lineage: Lineage,
        open_: list[tuple[int, int]],
        fixed: dict[str, Any],
        is_asked: bool,
    ) -> Assignment | None:
        """Return the first free step; for an enqueued trial, the first that is what it asks for."""
        for generation, slot in open_:
            found = self._assignment(study, trial, lineage, generation, slot, is_asked)
            inherited = found.params
            if all(inherited.get(name, value) == value for name, value in fixed.items()):
                return found
        return None

    def _assignment(
        self,
        study: Study,
        trial: FrozenTrial,
        lineage: Lineage,
        generation: int,
        slot: int,
        is_asked: bool,
    ) -> Assignment:
        seed = self.seed.of(study)
        goals = Goals(study.directions, self.plan.objectives)
        origin = self.succession.origin(lineage, goals, generation, slot, seed)
        return Assignment(
            number=trial.number,
            generation=generation,
            slot=slot,
            seed=int(derive_rng(seed, "member", generation, slot).integers(2**31)),
            n_epochs=self.succession.n_epochs(generation),
            base=origin.base,
            donor=origin.donor,
            donated=origin.donated,
            fresh=origin.fresh,
            params=origin.params,
            shrink=self.succession.variation.shrink,
            perturb=self.succession.variation.perturb,
            holder=this_process(),
            since=self._clock(),
            waited_s=0.0,
            is_asked=is_asked,
        )

    def _claim(self, study: Study, trial: FrozenTrial, own: Assignment, seen: Lineage) -> bool:
        """Write an assignment and keep it, unless somebody else has come in the meantime."""
        storage, place = study._storage, (own.generation, own.slot)
        storage.set_trial_system_attr(trial._trial_id, ASSIGNMENT_KEY, own.dumps())
        # Those who were here before are dead, or took too long.
        known = {other.number for other in seen.attempts_at(*place)} | {trial.number}
        now = read_lineage(study)
        is_met = any(
            other.number not in known and other.state == TrialState.RUNNING
            for other in now.attempts_at(*place)
        )
        is_same = not is_met and not now.is_settled(*place)
        if is_same and self.plan.asynchronous and own.generation > 0:
            # Parents may have been trained on, and their checkpoints removed, before anybody could
            # see that this trial needs them.
            again = self._assignment(study, trial, now, *place, own.is_asked)
            is_same = (again.base, again.donor) == (own.base, own.donor)
        if not is_same:
            storage.set_trial_system_attr(trial._trial_id, ASSIGNMENT_KEY, None)
        return is_same

    def _refuse(
        self, trial: FrozenTrial, running: list[RunningSlot], fixed: dict[str, Any], is_asked: bool
    ) -> None:
        """Raise where waiting would not help."""
        if fixed:
            raise NoFreeSlotError(
                f"Trial {trial.number} was enqueued with {fixed}, but no free slot of the "
                "population has these parameters. Architectures can be enqueued before the first "
                "generation is full; later members inherit theirs."
            )
        mine = this_process()
        holders = [Assignment.of(other) for place in running for other in place.trials]
        if is_asked and all(own is not None and _is_asked_by(own, mine) for own in holders):
            held = ", ".join(str(other.number) for place in running for other in place.trials)
            raise NoFreeSlotError(
                f"study.ask() found no free slot: this process has asked for every unfinished slot "
                f"of the generation (trials {held}) and not told their results. The next "
                f"generation is bred from them, so tell them first (the population has "
                f"{self.plan.population_size} slots)."
            )


def _is_asked_by(own: Assignment, holder: Any) -> bool:
    return own.is_asked and own.holder == holder


def _stale_trials(study: Study) -> set[int]:
    """Ids of running trials whose heartbeat has stopped, where the storage keeps heartbeats."""
    storage: BaseStorage = study._storage
    if not is_heartbeat_enabled(storage):
        return set()
    assert isinstance(storage, BaseHeartbeat)
    return set(storage._get_stale_trial_ids(study._study_id))
