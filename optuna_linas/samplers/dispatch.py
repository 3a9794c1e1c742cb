"""Hands every trial an architecture of a stored plan, for any number of workers.

The rules (see `plan` for the data): a batch is planned once, by whichever worker finds the last
one used up, and stored; a trial claims the first free row. What is used up and what is free follows
from the trials alone, so a worker that starts fresh continues where the others are, and a killed
worker costs the one place it had claimed.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from itertools import count, islice
from typing import Any

import numpy as np
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.goals import Goal, Goals
from optuna_linas.samplers.book import (
    Book,
    Identity,
    View,
    archs_of,
    identity_of,
    running_identity,
)
from optuna_linas.samplers.plan import (
    Claim,
    Plan,
    ReadablePlan,
    names_key,
    row_of,
    row_to_arch,
    with_fixed,
)
from optuna_linas.samplers.planner import Planner
from optuna_linas.samplers.quality import Outcome, record_quality
from optuna_linas.samplers.study_seed import StudySeed
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.seeding import derive_rng
from optuna_linas.space import SearchSpace

__all__ = ["Dispatcher"]

_FAILED = (TrialState.FAIL, TrialState.PRUNED)
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
        batch_size: From the number of usable trials to the trials of the next batch.
        min_examples: Usable trials below which batch 0 goes on.
        plan: What chooses the rows.
        warn: Called with a message about a trial that cannot be learned from.
    """

    def __init__(
        self,
        key: str,
        *,
        space: SearchSpace | None,
        objectives: Sequence[Goal] | None = None,
        seed: int | None,
        n_startup: Callable[[SearchSpace], int],
        batch_size: Callable[[int], int],
        min_examples: int,
        plan: Planner,
        warn: Callable[[str], None],
    ) -> None:
        self._key = key
        self._space = space
        self._objectives = objectives
        self._seed = StudySeed(key, seed)
        self._n_startup = n_startup
        self._batch_size = batch_size
        self._min_examples = min_examples
        self._plan = plan
        self._warn = warn
        self._reset()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out caches and the lock: they are rebuilt from the storage."""
        state = self.__dict__.copy()
        for name in ("lock", "_books"):
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def table(self, study: Study) -> TrialTable:
        """Return the study's finished trials, as of the last time that Optuna read them."""
        return self._book(study, study._get_trials(deepcopy=False, use_cache=True)).table

    def seed_of(self, study: Study) -> int:
        """Return the search's seed; without one, draw it once and keep it with the study."""
        return self._seed.of(study)

    def claim_of(self, trial: FrozenTrial) -> Claim | None:
        """Return the claim that a trial carries."""
        text = trial.system_attrs.get(f"{self._key}:claim")
        return None if text is None else Claim.loads(text)

    def complete(self, study: Study, trial: FrozenTrial, fixed: dict[str, Any]) -> Claim:
        """Return a row for a trial of which `fixed` is decided already, without claiming it."""
        view = self._look(study, trial)
        claim = self._choose(study, view, set())
        space = view.table.space
        stored = self._kept(study, space)
        if space is None or stored is None:
            return claim
        seed = self.seed_of(study)
        rng = derive_rng(seed, "complete", claim.batch, claim.slot)
        planned = stored.archs(stored.free(view.taken))
        archs = with_fixed(space, np.concatenate([planned, space.sample(_N_TRIES, rng)]), fixed)
        unseen = (arch for arch in archs if arch.tobytes() not in view.taken)
        row = row_of(space, next(unseen, archs[0]), rng)
        return Claim(claim.batch, claim.slot, row, names_key(space.names))

    def take(self, study: Study, trial: FrozenTrial) -> Claim:
        """Claim a row for `trial` and return it; the same one when called again."""
        if (held := self.claim_of(trial)) is not None:
            return held
        given_up: set[Identity] = set()
        # What Optuna has just read for this trial is new enough: what counts is the look after the
        # claim.
        view = self._look(study, trial)
        for _ in range(_MAX_RETRIES):
            claim = self._choose(study, view, given_up)
            key, storage = f"{self._key}:claim", study._storage
            storage.set_trial_system_attr(trial._trial_id, key, claim.dumps())
            before, view = view.taken, self._look(study, trial, anew=True)
            identity = identity_of(claim, view.table.space)
            # Taken by now, by a trial that runs or has even ended; but a repetition, made because
            # nothing else is left, was taken before.
            if identity not in view.taken or identity in before:
                break
            given_up.add(identity)
        return claim

    def close(self, study: Study, trial: FrozenTrial, values: Sequence[float]) -> None:
        """Record how well a batch was predicted, once `trial` completes it with `values`."""
        claim = self.claim_of(trial)
        if claim is None or "predicted" not in claim.note:
            return
        book = self._books.get(study._storage, {}).get(study._study_id)
        size = None if book is None or book.plan is None else book.plan.plan.size
        # While places of the batch are free, those who claim them have yet to end: nothing to read.
        if book is None or size is None or book.n_seen[claim.batch] < size:
            return
        book = self._book(study, study._get_trials(deepcopy=False, use_cache=True))
        goals = book.table.goals
        if book.n_places[claim.batch] + 1 < size:
            return
        measured = goals.values(values, trial.user_attrs)
        mine = [] if measured is None else [Outcome(claim, measured)]
        if not book.is_record_due(len(mine)):
            return
        book.n_recorded = len(book.outcomes) + len(mine)
        record_quality(study, self._key, goals, [*book.outcomes, *mine])

    def _reset(self) -> None:
        self.lock = threading.RLock()
        self._books: weakref.WeakKeyDictionary[BaseStorage, dict[int, Book]] = (
            weakref.WeakKeyDictionary()
        )

    def _book(self, study: Study, trials: list[FrozenTrial]) -> Book:
        books = self._books.setdefault(study._storage, {})
        if study._study_id not in books:
            table = TrialTable(Goals(study.directions, self._objectives), self._space, self._warn)
            books[study._study_id] = Book(table)
        book = books[study._study_id]
        for trial in book.table.update(trials):
            if (claim := self.claim_of(trial)) is None:
                book.n_places[0] += book.table.has_losses(trial)
                continue
            book.heed(claim)
            book.n_claims[claim.batch] += 1
            book.n_places[claim.batch] += trial.state not in _FAILED
            if trial.number not in book.table.codes or not claim.row:
                book.partial.append(claim)
            elif identity_of(claim, book.table.space) != book.table.keys[trial.number]:
                book.missed.append(claim)
            elif claim.note and book.table.has_losses(trial):
                values = book.table.goals.values(trial.values, trial.user_attrs)
                book.outcomes.append(Outcome(claim, values or ()))
        return book

    def _look(self, study: Study, me: FrozenTrial, *, anew: bool = False) -> View:
        """Return what the trials say: as Optuna has read them for this trial, or read again."""
        if anew:
            trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
            # The next trial that this thread has asked for already must see the claim.
            study._thread_local.cached_all_trials = trials
        else:
            trials = study._get_trials(deepcopy=False, use_cache=True)
        book = self._book(study, trials)
        table = book.table
        view = View(
            table,
            running=[],
            taken=set(table.keys.values()),
            missed={identity_of(claim, table.space) for claim in book.missed},
            n_claims=book.n_claims.copy(),
            n_places=book.n_places.copy(),
            n_ahead=0,
        )
        for trial in trials[table.first_open :]:
            if trial.state != TrialState.RUNNING or trial.number == me.number:
                continue
            if trial.number in table.finished:
                continue  # Another thread has read the trials since.
            claim = self.claim_of(trial)
            view.running.append(running_identity(trial, claim, table.space))
            if claim is not None:
                book.heed(claim)
                view.n_claims[claim.batch] += 1
                view.n_places[claim.batch] += 1
            elif trial.number < me.number and not trial.params:
                # It may be about to claim the first free row: leave that one to it.
                view.n_ahead += "fixed_params" not in trial.system_attrs
        view.taken.update(identity for identity in view.running if identity is not None)
        view.taken.update(identity_of(claim, table.space) for claim in book.partial)
        for batch, n in view.n_places.items():
            book.n_seen[batch] = max(book.n_seen[batch], n + 1)
        return view

    def _choose(self, study: Study, view: View, given_up: set[Identity]) -> Claim:
        """Return the row to claim next, planning a batch where the last one is used up."""
        table, space = view.table, view.table.space
        # What was missed once would be missed again: it comes last.
        taken = view.taken | view.missed | given_up
        if space is None:
            places = (slot for slot in count() if (0, slot) not in taken)
            slot = next(islice(places, view.n_ahead, None))
            return Claim(0, slot, (), names_key(()))
        stored = self._kept(study, space)
        batch = self._batch(space, view, None if stored is None else stored.plan)
        if stored is None or stored.plan.batch != batch or not stored.free(taken):
            stored = self._stored(study, space)
            batch = self._batch(space, view, None if stored is None else stored.plan)
        if stored is None or stored.plan.batch != batch or not stored.free(taken):
            # Rows that ran out before the places did (many failed) end a batch early.
            batch += stored is not None and stored.plan.batch == batch > 0
            stored = self._make(study, table, space, view, batch, taken)
        plan, free = stored.plan, stored.free(taken)
        if free:
            slot = free[min(view.n_ahead, len(free) - 1)]
            row = plan.rows[slot]
            if plan.names != space.names:
                arch = row_to_arch(space, plan.names, row)
                assert arch is not None
                row = row_of(space, arch, derive_rng(self.seed_of(study), "row", batch, slot))
            return Claim(plan.batch, slot, row, names_key(space.names), plan.note(slot))
        # Every architecture is measured or is being measured: repeat one at random.
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
        table: TrialTable,
        space: SearchSpace,
        view: View,
        batch: int,
        taken: set[Identity],
    ) -> ReadablePlan:
        """Plan a batch and store it, unless another worker has stored it in the meantime."""
        seed = self.seed_of(study)
        size = max(1, int(self._batch_size(table.n_usable) if batch else self._n_startup(space)))
        rng = derive_rng(seed, "plan", batch, view.n_claims[batch])
        planned = self._plan(
            space,
            table.history(),
            size + max(_MIN_SPARES, size // 2),
            rng,
            goals=table.goals,
            batch=batch,
            taken=archs_of(taken, space),
            pending=archs_of(view.running, space),
        )
        values = tuple(
            row_of(space, arch, derive_rng(seed, "row", batch, i))
            for i, arch in enumerate(planned.archs)
        )
        plan = Plan(batch, size, space.names, values, planned.notes)
        stored = self._stored(study, space)
        if stored is not None and stored.plan.batch >= batch and stored.free(taken):
            return stored
        book = self._books[study._storage][study._study_id]
        if book.is_record_due():
            book.n_recorded = len(book.outcomes)
            record_quality(study, self._key, table.goals, book.outcomes)
        key, text = f"{self._key}:plan", plan.dumps()
        study._storage.set_study_system_attr(study._study_id, key, text)
        # Two that write at once both go on with what was written last.
        return self._stored(study, space) or ReadablePlan(text, space)

    def _kept(self, study: Study, space: SearchSpace | None) -> ReadablePlan | None:
        """Return the plan as it was last read, while no claim tells of another one."""
        plan = self._books[study._storage][study._study_id].plan
        return plan if plan is not None and plan.space is space else self._stored(study, space)

    def _stored(self, study: Study, space: SearchSpace | None) -> ReadablePlan | None:
        """Read the plan anew; parsed again only if it or the space has changed."""
        if space is None:
            return None
        text = study._storage.get_study_system_attrs(study._study_id).get(f"{self._key}:plan")
        if text is None:
            return None
        book = self._books[study._storage][study._study_id]
        if book.plan is None or book.plan.text != text or book.plan.space is not space:
            book.plan = ReadablePlan(text, space)
        return book.plan
