"""What a study's storage says of the search: the trials, their claims, and the stored plan.

Kept between calls only so that a finished trial is read once; a reader that starts fresh says the
same.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.goals import Goal, Goals
from optuna_linas.samplers.book import (
    ENQUEUED,
    OPENING,
    Book,
    View,
    is_of,
    running_identity,
)
from optuna_linas.samplers.fixed_outside import fixed_outside
from optuna_linas.samplers.plan import Claim, ReadablePlan, stored_text
from optuna_linas.samplers.quality import Outcome
from optuna_linas.samplers.rows import row_to_params
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.samplers.turn import mark_of
from optuna_linas.space import SearchSpace

__all__ = ["StudyReader"]

_OPEN = (TrialState.RUNNING, TrialState.WAITING)
_FAILED = (TrialState.FAIL, TrialState.PRUNED)


class StudyReader:
    """Reads any study for one sampler.

    Args:
        key: Prefix of the attributes in the storage.
        space: The declared space, or `None` to infer it.
        objectives: What is optimised; `None` for all objectives of the study.
        warn: Called with a message about trials that cannot be learned from.
        may_lack: See `TrialTable`.
    """

    def __init__(
        self,
        key: str,
        *,
        space: SearchSpace | None,
        objectives: Sequence[Goal] | None,
        warn: Callable[[str], None],
        may_lack: bool = False,
    ) -> None:
        self._key, self._space, self._objectives, self._warn = key, space, objectives, warn
        self._may_lack = may_lack
        self._books: weakref.WeakKeyDictionary[BaseStorage, dict[int, Book]] = (
            weakref.WeakKeyDictionary()
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was read: it is read again."""
        return {name: value for name, value in self.__dict__.items() if name != "_books"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _books=weakref.WeakKeyDictionary())

    def claim_of(self, trial: FrozenTrial) -> Claim | None:
        """Return the claim that a trial carries."""
        text = trial.system_attrs.get(f"{self._key}:claim")
        return None if text is None else Claim.loads(text)

    def known_book(self, study: Study) -> Book | None:
        """Return what has been read of a study; `None` if nothing has."""
        return self._books.get(study._storage, {}).get(study._study_id)

    def book(self, study: Study, trials: list[FrozenTrial] | None = None) -> Book:
        """Return what `trials` say; by default those that Optuna has read last."""
        if trials is None:
            trials = study._get_trials(deepcopy=False, use_cache=True)
        books = self._books.setdefault(study._storage, {})
        if study._study_id not in books:
            goals = Goals(study.directions, self._objectives)
            table = TrialTable(goals, self._space, self._warn, self._may_lack)
            books[study._study_id] = Book(table)
        book = books[study._study_id]
        new = book.table.update(trials)
        for trial in new:
            book.time(trial)
        if book.n_inferred != book.table.n_inferred:
            # What a claim came to is told in terms of the space.
            book.n_inferred = book.table.n_inferred
            book.clear()
            new = [book.table.finished[number] for number in sorted(book.table.finished)]
        for trial in new:
            self._enter(book, trial)
        return book

    def _enter(self, book: Book, trial: FrozenTrial) -> None:
        """Enter what a finished trial's claim came to."""
        claim = self.claim_of(trial)
        is_told = trial.number in book.table.codes
        if claim is not None and claim.row and book.table.has_failed(trial) and not is_told:
            book.failed[trial.number] = claim
        if claim is None or claim.note == ENQUEUED:
            book.n_places[0] += book.table.has_losses(trial)
            if claim is not None and not is_told:
                book.partial.append(claim)
            return
        book.heed(claim)
        book.n_claims[claim.batch] += 1
        book.n_places[claim.batch] += trial.state not in _FAILED
        if trial.number in book.table.outside and trial.state == TrialState.COMPLETE:
            book.outside.append(claim)
        elif not is_told or not claim.row:
            book.partial.append(claim)
        elif is_of(claim, book.table.space) and _became_another(claim, trial, book.table.space):
            book.missed.append(claim)
        elif claim.note and book.table.has_losses(trial):
            values = book.table.goals.values(trial.values, trial.user_attrs)
            # By how much a prediction is off infinity nobody can say.
            book.outcomes += [] if values is None else [Outcome(claim, values)]

    def look(self, study: Study, me: FrozenTrial, *, anew: bool = False) -> View:
        """Return what the trials say: as Optuna has read them for this trial, or read again."""
        if anew:
            trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
            # The next trial that this thread has asked for already must see the claim.
            study._thread_local.cached_all_trials = trials
        else:
            trials = study._get_trials(deepcopy=False, use_cache=True)
        book = self.book(study, trials)
        table = book.table
        view = View(
            table,
            book.space_for(fixed_outside(study, me)),
            running=[],
            taken=set(table.keys.values()),
            # A row of a space that has grown since says nothing of the plan's rows.
            missed=set(book.missed.of(table.space)),
            n_claims=book.n_claims.copy(),
            n_places=book.n_places.copy(),
            n_ahead=0,
            n_running=0,
            vague=[],
            begun=[],
            marks={},
        )
        for trial in trials[table.first_open :]:
            if trial.state not in _OPEN or trial.number == me.number:
                continue
            if trial.number in table.finished:
                continue  # Another thread has read the trials since.
            claim = self.claim_of(trial)
            identity = running_identity(trial, claim, table.space)
            if trial.state == TrialState.WAITING:
                # It was enqueued, and will be measured; but what it has copied is no claim.
                view.running.extend([identity] if isinstance(identity, bytes) else [])
                continue
            view.running.append(identity)
            view.n_running += book.may_live(trial, me)
            if (mark := mark_of(trial, self._key)) is not None:
                view.marks[trial.number] = mark
            if claim is not None and not isinstance(identity, bytes):
                view.vague.append(trial.params)
            if self._space is None and trial.params:
                view.begun.append(trial.params)
            if claim is not None and claim.note != ENQUEUED:
                book.heed(claim)
                view.n_claims[claim.batch] += 1
                view.n_places[claim.batch] += 1
            elif trial.number < me.number and not trial.params:
                # It may be about to claim the first free row: leave that one to it.
                view.n_ahead += "fixed_params" not in trial.system_attrs
        view.taken.update(identity for identity in view.running if identity is not None)
        view.taken.update(book.partial.identities(table.space))
        # A slot of another space's plan is none of this one's; one before any space is taken.
        # (Rows that were planned with what is fixed are told by that, whatever became of them.)
        for space in (table.space, view.space):
            outside = book.outside.identities(space)
            view.taken.update(i for i in outside if isinstance(i, bytes) or i[0] == OPENING)
        for batch, n in view.n_places.items():
            book.n_seen[batch] = max(book.n_seen[batch], n + 1)
        return view

    def kept_plan(self, study: Study, space: SearchSpace | None) -> ReadablePlan | None:
        """Return the plan as it was last read, while no claim tells of another one."""
        book = self.known_book(study)
        plan = None if book is None else book.plan
        return plan if plan is not None and plan.space is space else self.stored_plan(study, space)

    def stored_plan(self, study: Study, space: SearchSpace | None) -> ReadablePlan | None:
        """Read the plan anew; parsed again only if it or the space has changed."""
        if space is None:
            return None
        text = stored_text(study, self._key)
        if text is None:
            return None
        book = self.book(study) if (known := self.known_book(study)) is None else known
        if book.plan is None or book.plan.text != text or book.plan.space is not space:
            book.plan = ReadablePlan(text, space)
        return book.plan


def _became_another(claim: Claim, trial: FrozenTrial, space: SearchSpace | None) -> bool:
    """Whether a trial took other values than it had claimed.

    Told by the values alone: what is known of ranges changes, and who reads all trials at once must
    find what those have found who read each in its time.
    """
    if space is None:
        return False
    try:
        claimed = SearchSpace.encode(space, row_to_params(space, space.names, claim.row))
        measured = SearchSpace.encode(space, trial.params)
    except SpaceMismatchError:
        return True
    return bool((claimed != measured).any())
