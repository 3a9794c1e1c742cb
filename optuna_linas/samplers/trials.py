"""From a study's trials to arrays: the history, and what is finished.

Everything here is derived from the trials and can be thrown away at any time; it is kept between
calls only so that a finished trial is read once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.goals import Goals
from optuna_linas.history import History
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.samplers.space_learner import SpaceLearner, imputed, present
from optuna_linas.space import SearchSpace

__all__ = ["TrialTable"]


class TrialTable:
    """The finished trials of one study, each encoded once.

    Args:
        goals: What the search optimises.
        declared: The space that the user gave, or `None` to infer it from the trials.
        warn: Called with a message about complete trials that cannot be learned from.
        may_lack: Trials may lack variables of a declared space, of which they then count as having
            the first option: as in an inferred space that has grown.

    Attributes:
        goals: What the search optimises.
        space: The search space; `None` while no trial has told anything of it.
        codes: Canonical row of each finished trial that has all its parameters, by trial number.
        keys: The same rows as bytes.
        finished: Every finished trial, by trial number.
        n_usable: How many of them can be learned from.
        outside: Numbers of trials with values outside of their ranges or of the declared space, and
            of those that have none of its variables and so tell of no network.
        first_open: Number of the first trial that has not finished.
        n_inferred: How often the space was inferred: what was made of earlier ones is out of date.
    """

    def __init__(
        self,
        goals: Goals,
        declared: SearchSpace | None,
        warn: Callable[[str], None],
        may_lack: bool = False,
    ) -> None:
        self.space = declared
        self.codes: dict[int, IntArray] = {}
        self.keys: dict[int, bytes] = {}
        self.finished: dict[int, FrozenTrial] = {}
        self.n_usable = 0
        self.outside: set[int] = set()
        self.first_open = 0
        self.n_inferred = 0
        self.goals = goals
        self._is_declared = declared is not None
        self._warn = warn
        self._may_lack = may_lack
        self._learner = SpaceLearner()
        self._inferred: SearchSpace | None = None  # without what is known of it since
        # Trials that are outside of whatever space the others tell of, and those warned of.
        self._never: set[int] = set()
        self._named: set[int] = set()
        self._has_warned = False  # of nonsense
        # How many trials failed or were pruned with just these parameters.
        self._ended: Counter[bytes] = Counter()

    def update(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Take in what has finished since the last call, and adapt an inferred space to it.

        Args:
            trials: All trials of the study, in the order of their numbers.

        Returns:
            The trials that are new.
        """
        new = [
            trial
            for trial in trials[self.first_open :]
            if trial.state.is_finished() and trial.number not in self.finished
        ]
        self.finished.update((trial.number, trial) for trial in new)
        while self.first_open < len(trials) and trials[self.first_open].state.is_finished():
            self.first_open += 1
        if not new:
            return new
        inside = []
        for trial in new:
            if (reason := self._why_outside(trial)) is not None:
                self._reject(trial, reason)
                continue
            inside.append(trial)
            self._warn_of_nonsense(trial)
            if not self._is_declared:
                self._learner.learn(trial)
        if not self._is_declared and self._learner.space is not self._inferred:
            self.space = self._inferred = self._learner.space
            self.n_inferred += 1
            self.codes.clear()
            self.keys.clear()
            self._ended.clear()
            self.n_usable = 0
            # What has none of one space's variables may have some of the next.
            self.outside = set(self._never)
            numbers = sorted(set(self.finished) - self.outside)
            self._encode(self.finished[number] for number in numbers)
        else:
            self._encode(inside)
        return new

    def has_losses(self, trial: FrozenTrial) -> bool:
        """Whether a trial is complete and tells all goals."""
        return self.goals.losses(trial) is not None

    def has_failed(self, trial: FrozenTrial) -> bool:
        """Whether a finished trial tells that its network may not work.

        It failed, what it tells is nonsense, or it was pruned before it reported anything: what was
        pruned for being poor has reported how poor it is. (Of several objectives Optuna lets no
        trial report.)
        """
        if trial.state == TrialState.PRUNED:
            return not trial.intermediate_values
        return trial.state == TrialState.FAIL or self.goals.nonsense(trial) is not None

    def history(self, failed: Mapping[bytes, int] = MappingProxyType({})) -> History:
        """Return what has been measured and what failed, in the order of the trial numbers.

        Args:
            failed: Further canonical rows, as bytes, of trials that failed and whose parameters do
                not tell what they would have been, with the numbers of these trials.
        """
        encoded = [self.finished[number] for number in sorted(self.codes)]
        used = [trial for trial in encoded if self.has_losses(trial)]
        keys = sorted({key for trial in used for key in trial.constraints})
        losses = [self.goals.losses(trial) for trial in used]
        constraints = [[trial.constraints.get(key, np.nan) for key in keys] for trial in used]
        codes = [self.codes[trial.number] for trial in used]
        n = len(used)
        failures = self._failed(failed)
        rows = np.frombuffer(b"".join(failures), dtype=np.int64)
        return History(
            codes=np.array(codes, dtype=np.int64).reshape(n, len(self.space or ())),
            losses=np.array(losses, dtype=np.float64).reshape(n, len(self.goals)),
            constraints=np.array(constraints, dtype=np.float64).reshape(n, len(keys)),
            numbers=np.array([trial.number for trial in used], dtype=np.int64),
            failed=rows.reshape(-1, len(self.space or ())),
            failed_numbers=np.array(list(failures.values()), dtype=np.int64),
        )

    def _failed(self, more: Mapping[bytes, int]) -> dict[bytes, int]:
        """The rows that failed, `more` among them, and never ran to an end, by trial number."""
        found = {key: number for number, key in sorted(self.keys.items(), reverse=True)}
        worked = {
            self.keys[number] for number in self.codes if not self.has_failed(self.finished[number])
        }
        failed = {**more, **found}
        return {
            key: failed[key] for key in sorted(failed, key=failed.__getitem__) if key not in worked
        }

    def _why_outside(self, trial: FrozenTrial) -> str | None:
        """Why a trial is outside of any space; `None` if it is not, for all that it tells."""
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            # Enqueued ones may lie outside.
            if not distribution._contains(distribution.to_internal_repr(value)):
                return f"{name}={value!r} lies outside of {distribution}."
        return None if self._is_declared else self._learner.objection(trial)

    def _reject(self, trial: FrozenTrial, reason: str) -> None:
        """Leave a trial out for good."""
        self.outside.add(trial.number)
        self._never.add(trial.number)
        if trial.state == TrialState.COMPLETE:
            self._warn(f"Trial {trial.number} cannot be learned from: {reason}")

    def _encode(self, trials: Iterable[FrozenTrial]) -> None:
        if self.space is None:
            return
        strange: list[tuple[int, str]] = []
        for trial in trials:
            try:
                # As it is, whatever its ranges have been taken for so far.
                code = SearchSpace.encode(self.space, trial.params)
            except SpaceMismatchError as error:
                if trial.state != TrialState.COMPLETE and not self._note_end(trial):
                    continue  # Before it had told all its parameters, for all that is known.
                row = self._imputed(trial)
                if row is None:
                    if trial.number not in self._named:
                        strange.append((trial.number, self._why_strange(trial, error)))
                    self.outside.add(trial.number)
                    continue
                if isinstance(self.space, ObservedSpace):
                    self.space = self.space.knowing(row, present(self.space, trial))
                code = row
            if isinstance(self.space, ObservedSpace):
                self.space = self._learner.heed_ranges(self.space, trial, code)
            code = self.space.canonical(code[None])[0]
            self.codes[trial.number] = code
            self.keys[trial.number] = code.tobytes()
            self.n_usable += self.has_losses(trial)
        if strange:
            self._warn_of(strange)

    def _note_end(self, trial: FrozenTrial) -> bool:
        """Count a failed or pruned trial; return whether it has all that its network has.

        So it is if an earlier one ended with the same, and none of those that ran to an end had
        more besides.
        """
        row = None if self._is_declared else self._imputed(trial)
        if row is None or self.space is None:
            return False
        has = present(self.space, trial)
        key = has.tobytes() + row[has].tobytes()
        self._ended[key] += 1
        return self._ended[key] > 1 and not any(
            (code[has] == row[has]).all()
            and (present(self.space, self.finished[number]) & ~has).any()
            for number, code in self.codes.items()
        )

    def _imputed(self, trial: FrozenTrial) -> IntArray | None:
        """The row of a trial that lacks variables; `None` where it lies outside of the space.

        So does one that lacks all of them: it agrees with every row, and so tells of none.
        """
        assert self.space is not None
        if (self._is_declared and not self._may_lack) or not present(self.space, trial).any():
            return None
        try:
            return imputed(self.space, trial)
        except SpaceMismatchError:  # of a declared space
            return None

    def _why_strange(self, trial: FrozenTrial, error: SpaceMismatchError) -> str:
        if self._is_declared:
            return str(error)
        return (
            f"it has none of the parameters that other trials have; its own are "
            f"{sorted(trial.params)}."
        )

    def _warn_of_nonsense(self, trial: FrozenTrial) -> None:
        said = None if self._has_warned else self.goals.nonsense(trial)
        if said is not None:
            self._has_warned = True
            self._warn(
                f"Trial {trial.number} counts as failed, as do others like it: its {said}. Of a "
                "network that does not work, say inf where less is better and -inf where more is, "
                "or raise an error."
            )

    def _warn_of(self, strange: Sequence[tuple[int, str]]) -> None:
        self._named.update(number for number, _ in strange)
        (number, reason), *others = strange
        more = f" So it is with {len(others)} more trials." if others else ""
        self._warn(f"Trial {number} cannot be learned from: {reason}{more}")
