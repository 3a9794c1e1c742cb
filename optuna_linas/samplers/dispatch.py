"""Hands every trial an architecture of a stored plan, for any number of workers.

The rules (see `plan` for the data): a batch is planned once, by whichever worker finds the last
one used up, and stored; a trial claims the first free row. Workers that find it used up at the same
time leave it to one of them and wait for its plan (see `turn`); they wait for nothing else. What is
used up and what is free follows from the trials alone, so a worker that starts fresh continues
where the others are, and a killed worker costs the one place it had claimed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.blas_threads import one_blas_thread
from optuna_linas.goals import Goal
from optuna_linas.samplers.book import (
    ENQUEUED,
    OPENING,
    Identity,
    View,
    archs_of,
    identity_of,
    is_of,
)
from optuna_linas.samplers.fixed_outside import history_inside, inside
from optuna_linas.samplers.plan import Claim, Plan, ReadablePlan
from optuna_linas.samplers.planner import Planner
from optuna_linas.samplers.quality import Outcome, record_quality
from optuna_linas.samplers.rows import names_key, row_of, row_to_params, rows_to_archs, with_fixed
from optuna_linas.samplers.study_reader import StudyReader
from optuna_linas.samplers.study_seed import StudySeed
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.samplers.turn import Turn
from optuna_linas.seeding import derive_rng
from optuna_linas.selection import unseen
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["Dispatcher"]

_MAX_RETRIES = 64
_N_TRIES = 256
"""Random rows among which an unseen one is looked for, to complete a partly enqueued trial."""
_MIN_SPARES = 8


class Dispatcher:
    """The plan and the claims of one sampler on any study.

    Args:
        key: Prefix of the attributes in the storage.
        space: The declared space, or `None` to infer it.
        objectives: What is optimised; `None` for all objectives of the study.
        seed: The seed, or `None` for one drawn once per study and stored with it.
        n_startup: From the search space to the trials of batch 0. Finished trials that this
            sampler did not propose count.
        batch_size: From the search space and the numbers of usable and of running trials to the
            size of the next batch.
        min_examples: Usable trials below which batch 0 goes on.
        plan: What chooses the rows.
        warn: Called with a message about trials that cannot be learned from.
        may_lack: See `TrialTable`.
    """

    def __init__(
        self,
        key: str,
        *,
        space: SearchSpace | None,
        objectives: Sequence[Goal] | None = None,
        seed: int | None,
        n_startup: Callable[[SearchSpace], int],
        batch_size: Callable[[SearchSpace, int, int], int],
        min_examples: int,
        plan: Planner,
        warn: Callable[[str], None],
        may_lack: bool = False,
    ) -> None:
        self._key = key
        self._reader = StudyReader(
            key, space=space, objectives=objectives, warn=warn, may_lack=may_lack
        )
        self._seed = StudySeed(key, seed)
        self._n_startup = n_startup
        self._batch_size = batch_size
        self._min_examples = min_examples
        self._plan = plan
        self._warn = warn
        self._n_planned = 0
        self.lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock."""
        return {name: value for name, value in self.__dict__.items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock())

    def table(self, study: Study) -> TrialTable:
        """Return the study's finished trials, as of the last time that Optuna read them."""
        return self._reader.book(study).table

    def seed_of(self, study: Study) -> int:
        """Return the search's seed; without one, draw it once and keep it with the study."""
        return self._seed.of(study)

    def claim_of(self, trial: FrozenTrial) -> Claim | None:
        """Return the claim that a trial carries."""
        return self._reader.claim_of(trial)

    def proposed(self, trial: FrozenTrial) -> bool:
        """Whether the plan says what a trial is, rather than who enqueued a part of it."""
        claim = self.claim_of(trial)
        return claim is not None and claim.note != ENQUEUED

    def take(self, study: Study, trial: FrozenTrial) -> tuple[Claim, dict[str, Option]]:
        """Claim a row for `trial`; return the claim and the row's parameters.

        The same when called again. Of a trial that has parameters already, or was enqueued with
        some, the others are chosen. Before the space is known the row is empty; call it again for
        each parameter then.
        """
        held = self.claim_of(trial)
        view: View | None = None
        space: SearchSpace | None = None
        given_up: set[Identity] = set()
        n_tries = 0
        with Turn(self._key, study, trial, self._warn) as turn:
            while True:
                has_waited = turn.pause()  # without the lock: this process's other threads go on
                with self.lock:
                    if view is None:
                        # What Optuna has read for a new trial will do: what counts is the look
                        # after the claim.
                        view = self._reader.look(study, trial, anew=held is not None)
                        space = view.space
                        if held is not None and (space is None or is_of(held, space)):
                            return held, _params(held, space)
                    elif has_waited:
                        view = self._reader.look(study, trial, anew=True)
                    if view.space is not space:
                        space = view.space
                        given_up = set()  # They are rows of another space.
                    claim = self._choose(study, trial, view, given_up, turn)
                    if claim is None:
                        continue
                    claim, before = self._as_fixed(study, trial, view, claim, held, given_up), view
                    key, storage = f"{self._key}:claim", study._storage
                    storage.set_trial_system_attr(trial._trial_id, key, claim.dumps())
                    view = self._reader.look(study, trial, anew=True)
                    n_tries += 1
                    if n_tries < _MAX_RETRIES and claim.row and not is_of(claim, view.space):
                        continue  # Variables have turned up: the row is of another space.
                    identity = identity_of(claim, view.space)
                    # Taken by now, by a trial that runs or has even ended; but a repetition, made
                    # because nothing else is left, was taken before.
                    is_lost = identity in view.taken | view.missed
                    # (Told in the space of then: a range that was learned since makes rows one.)
                    was = identity_of(claim, before.space)
                    is_lost &= was not in before.taken | before.missed
                    if not is_lost or n_tries >= _MAX_RETRIES:
                        return claim, _params(claim, view.space)
                    given_up.add(identity)

    def close(self, study: Study, trial: FrozenTrial, values: Sequence[float]) -> None:
        """Record how well a batch was predicted, once `trial` completes it with `values`."""
        claim = self.claim_of(trial)
        if claim is None or "predicted" not in claim.note:
            return
        book = self._reader.known_book(study)
        size = None if book is None or book.plan is None else book.plan.plan.size
        # While places of the batch are free, those who claim them have yet to end: nothing to read.
        if book is None or size is None or book.n_seen[claim.batch] < size:
            return
        book = self._reader.book(study)
        goals = book.table.goals
        if book.n_places[claim.batch] + 1 < size:
            return
        measured = goals.values(values, trial.user_attrs)
        mine = [] if measured is None else [Outcome(claim, measured)]
        if not book.is_record_due(len(mine)):
            return
        book.n_recorded = len(book.outcomes) + len(mine)
        record_quality(study, self._key, goals, [*book.outcomes, *mine])

    def _as_fixed(
        self,
        study: Study,
        trial: FrozenTrial,
        view: View,
        claim: Claim,
        held: Claim | None,
        given_up: set[Identity],
    ) -> Claim:
        """Return the claim of a trial that has some parameters already; of any other, `claim`."""
        fixed = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        if not fixed:
            return claim
        # What it will be is not the planned row, so that row stays free.
        place = held or Claim(0, trial.number, (), "", ENQUEUED)
        claim = self._complete(study, view, claim, fixed, given_up)
        return replace(claim, batch=place.batch, slot=place.slot, note=place.note)

    def _complete(
        self,
        study: Study,
        view: View,
        planned: Claim,
        fixed: Mapping[str, Any],
        given_up: set[Identity],
    ) -> Claim:
        """Return a row with the values of `fixed`; the others are those of a plan's row, or any."""
        space = view.space
        if space is None:
            return planned
        stored = self._reader.kept_plan(study, space)
        rng = derive_rng(self.seed_of(study), "complete", planned.batch, planned.slot)
        archs = space.sample(_N_TRIES, rng)
        if stored is not None:
            archs = np.concatenate([stored.archs(stored.free(view.taken)), archs])
        archs = with_fixed(space, archs, fixed)
        taken = view.taken | given_up
        unseen = archs[[arch.tobytes() not in taken for arch in archs]]
        clear = unseen[~view.may_be_running(unseen)]
        row = row_of(space, next(iter((*clear, *unseen, *archs))), rng)
        return Claim(planned.batch, planned.slot, row, names_key(space.names))

    def _choose(
        self, study: Study, trial: FrozenTrial, view: View, given_up: set[Identity], turn: Turn
    ) -> Claim | None:
        """Return the row to claim next, planning a batch where the last one is used up.

        `None` while it is another trial's turn to plan.
        """
        space = view.space
        # What was missed once would be missed again: it comes last.
        taken = view.taken | view.missed | given_up
        if space is None:
            places = (slot for slot in count() if (OPENING, slot) not in taken)
            slot = next(islice(places, view.n_ahead, None))
            return Claim(0, slot, (), names_key(()))
        stored = self._reader.kept_plan(study, space)
        batch = self._batch(space, view, None if stored is None else stored.plan)
        if stored is None or stored.plan.batch != batch or not stored.free(taken):
            stored = self._reader.stored_plan(study, space)
            batch = self._batch(space, view, None if stored is None else stored.plan)
        # What another has planned in the meantime is as good as what this trial would plan, even
        # where all places of that batch are taken by now.
        is_new = stored is not None and turn.is_new(stored.text) and bool(stored.free(taken))
        is_due = stored is None or stored.plan.batch != batch or not stored.free(taken)
        if not is_new and is_due and self._is_used_up(view, taken):
            # The plan is left to those whose parameters are not fixed, or to other values.
            batch = batch if stored is None else min(batch, stored.plan.batch)
            return self._repetition(study, view, batch, given_up)
        if not is_new and is_due:
            if not turn.comes(None if stored is None else stored.text, view.marks):
                return None
            # Rows that ran out before the places did (many failed) end a batch early.
            batch += stored is not None and stored.plan.batch == batch > 0
            stored = self._make(study, trial, space, view, batch, taken, turn)
        assert stored is not None
        plan, free = stored.plan, stored.free(taken)
        if free:
            clear = view.clearest(stored.archs(free), plan.batch)
            slot = free[clear[min(view.n_ahead, len(clear) - 1)]]
            row = plan.rows[slot]
            if plan.names != space.names or space is not view.table.space:
                [arch] = rows_to_archs(space, plan.names, [row])
                assert arch is not None
                row = row_of(space, arch, derive_rng(self.seed_of(study), "row", batch, slot))
            return Claim(plan.batch, slot, row, names_key(space.names), plan.note(slot))
        return self._repetition(study, view, batch, given_up)

    def _is_used_up(self, view: View, taken: set[Identity]) -> bool:
        """Whether a sampler around ours fixes parameters, and nothing new is left with them."""
        if view.space is None or view.space is view.table.space:
            return False
        rows = {key for key in taken if isinstance(key, bytes)}
        return len(unseen(view.space, 1, np.random.default_rng(0), taken=rows)) == 0

    def _repetition(self, study: Study, view: View, batch: int, given_up: set[Identity]) -> Claim:
        """Return one of the rows at random: all are measured or are being measured."""
        space = view.space
        assert space is not None
        n = sum(view.n_claims.values()) + len(given_up)
        rng = derive_rng(self.seed_of(study), "repeat", n)
        left = archs_of(view.missed - view.taken - given_up, space)
        arch = rng.choice(left) if len(left) else space.canonical(space.sample(1, rng))[0]
        return Claim(batch, n, row_of(space, arch, rng), names_key(space.names))

    def _batch(self, space: SearchSpace, view: View, plan: Plan | None) -> int:
        """Return the batch that the next trial belongs to."""
        if view.n_places[0] < self._n_startup(space) or view.table.n_usable < self._min_examples:
            return 0
        if plan is None or plan.batch == 0:
            return 1
        return plan.batch + (view.n_places[plan.batch] >= plan.size)

    def _make(
        self,
        study: Study,
        trial: FrozenTrial,
        space: SearchSpace,
        view: View,
        batch: int,
        taken: set[Identity],
        turn: Turn,
    ) -> ReadablePlan:
        """Plan a batch and store it; it is the trial's turn."""
        seed, table = self.seed_of(study), view.table
        of_batch = self._batch_size(space, table.n_usable, view.n_running)
        size = max(1, int(of_batch if batch else self._n_startup(space)))
        rng = derive_rng(seed, "plan", batch, view.n_claims[batch])
        book = self._reader.known_book(study)
        assert book is not None  # `table` is its.
        history = table.history(book.failures())
        excluded, pending = archs_of(taken, space), archs_of(view.running, space)
        if space is not table.space:
            history = history_inside(space, history)
            excluded, pending = (rows[inside(space, rows)] for rows in (excluded, pending))
        with one_blas_thread():
            planned = self._plan(
                space,
                history,
                size + max(_MIN_SPARES, size // 2),
                rng,
                goals=table.goals,
                batch=batch,
                taken=excluded,
                pending=pending,
            )
        values = tuple(
            row_of(space, arch, derive_rng(seed, "row", batch, i))
            for i, arch in enumerate(planned.archs)
        )
        if turn.is_overdue():
            # The others may have given this trial up, and one of them has planned.
            stored = self._reader.stored_plan(study, space)
            if stored is not None and turn.is_new(stored.text) and stored.free(taken):
                return stored
        if book.is_record_due():
            book.n_recorded = len(book.outcomes)
            record_quality(study, self._key, table.goals, book.outcomes)
        self._n_planned += 1
        origin = f"{trial.number}.{self._n_planned}"
        plan = Plan(batch, size, space.names, values, planned.notes, origin)
        key, text = f"{self._key}:plan", plan.dumps()
        study._storage.set_study_system_attr(study._study_id, key, text)
        book.plan = ReadablePlan(text, space)
        return book.plan


def _params(claim: Claim, space: SearchSpace | None) -> dict[str, Option]:
    return {} if space is None else row_to_params(space, space.names, claim.row)
