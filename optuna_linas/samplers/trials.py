"""From a study's trials to arrays: the search space, the history, and what is finished.

Everything here is derived from the trials and can be thrown away at any time; it is kept between
calls only so that a finished trial is read once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.conditions import learn_conditions
from optuna_linas.distributions import merge, nearest, variable_of
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.goals import Goals
from optuna_linas.history import History
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = ["TrialTable", "natural_order"]


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
        outside: Numbers of trials with values outside of their ranges or of the declared space.
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
        self._distributions: dict[str, BaseDistribution] = {}
        # Complete trials that the space may be inferred from, and the variables that some of them
        # lack for a reason which no condition explains.
        self._whole: list[FrozenTrial] = []
        self._unexplained: set[str] = set()
        # Variables that have had several ranges, and those by trial that were known as such then:
        # a range that is wider from some trial on depends on nothing that was chosen.
        self._varying: set[str] = set()
        self._ranged: dict[int, list[str]] = {}
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
        inside = [trial for trial in new if self._is_inside(trial)]
        n_inferred = self.n_inferred
        if not self._is_declared:
            # One by one: who reads all at once must come to what those have who have read each in
            # its time, or a search would not go on as it would have.
            for trial in inside:
                if trial.state == TrialState.COMPLETE:
                    self._whole.append(trial)
                if self._contradicts(trial):
                    self.space = self._infer()
                    self.n_inferred += 1
        if self.n_inferred > n_inferred:
            self.codes.clear()
            self.keys.clear()
            self._ended.clear()
            self.n_usable = 0
            numbers = sorted(set(self.finished) - self.outside)
            self._encode(self.finished[number] for number in numbers)
        else:
            self._encode(inside)
        return new

    def has_losses(self, trial: FrozenTrial) -> bool:
        """Whether a trial is complete and tells all goals."""
        return self.goals.losses(trial) is not None

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
            self.keys[number]
            for number in self.codes
            if self.finished[number].state != TrialState.FAIL
        }
        failed = {**more, **found}
        return {
            key: failed[key] for key in sorted(failed, key=failed.__getitem__) if key not in worked
        }

    def _is_inside(self, trial: FrozenTrial) -> bool:
        """Whether a trial's values are in their ranges: enqueued ones may lie outside."""
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            if not distribution._contains(distribution.to_internal_repr(value)):
                self.outside.add(trial.number)
                if trial.state == TrialState.COMPLETE:
                    self._warn(
                        f"Trial {trial.number} cannot be learned from: {name}={value!r} lies "
                        f"outside of {distribution}."
                    )
                return False
        return True

    def _contradicts(self, trial: FrozenTrial) -> bool:
        """Whether a trial has parameters or absences that the space does not explain.

        What no condition has explained once, no condition will explain: more trials leave fewer.
        """
        changed = False
        for name, seen in trial.distributions.items():
            known = self._distributions.get(name)
            is_new = known is None or not _is_same(known, seen)
            if known is not None and is_new:
                self._varying.add(name)
            if name in self._varying:
                self._ranged.setdefault(trial.number, []).append(name)
            if is_new:
                self._distributions[name] = seen if known is None else merge(known, seen)
                changed |= self._distributions[name] != known
        if changed or trial.state != TrialState.COMPLETE:
            return changed
        if self.space is None:
            return True
        if any(n not in self.space and not d.single() for n, d in trial.distributions.items()):
            return True
        present = self._present(trial)
        differs = self.space.active(self._impute(trial)[None])[0] != present
        names = (name for name, other in zip(self.space.names, differs, strict=True) if other)
        return any(name not in self._unexplained for name in names)

    def _present(self, trial: FrozenTrial) -> BoolArray:
        """Which of the space's variables a trial has, `bool[d]`."""
        assert self.space is not None
        return np.array([name in trial.params for name in self.space.names], dtype=bool)

    def _infer(self) -> SearchSpace | None:
        """The space of what complete trials have, with the conditions that explain absences.

        A trial that failed may have had parameters that no complete one has: when they exist nobody
        can tell, and to take them for always there would make one network many.
        """
        known = {name for trial in self._whole for name in trial.params}
        plain = [
            variable_of(name, distribution)
            for name, distribution in sorted(
                self._distributions.items(), key=lambda item: natural_order(item[0])
            )
            if name in known and not distribution.single()
        ]
        if not plain:
            return None
        self.space = SearchSpace(plain)
        present = np.array([self._present(trial) for trial in self._whole])
        found = learn_conditions(
            present=present,
            codes=np.array([self._impute(trial) for trial in self._whole]),
            n_options=self.space.n_options,
            is_number=np.array([variable.is_number for variable in plain]),
        )
        conditions: dict[int, list[Condition]] = {}
        for condition in found:
            parent = plain[condition.parent]
            allowed = tuple(
                o for o, ok in zip(parent.options, condition.allowed, strict=True) if ok
            )
            conditions.setdefault(condition.child, []).append(Condition(parent.name, allowed))
        self._unexplained = {
            variable.name
            for j, variable in enumerate(plain)
            if j not in conditions and not present[:, j].all()
        }
        variables = [
            replace(variable, conditions=tuple(conditions.get(j, ())))
            for j, variable in enumerate(plain)
        ]
        return ObservedSpace(variables)

    def _impute(self, trial: FrozenTrial) -> IntArray:
        """The row of a trial in an inferred space, absent parameters at index 0."""
        assert self.space is not None
        return np.array(
            [
                variable.index(trial.params[variable.name]) if variable.name in trial.params else 0
                for variable in self.space.variables
            ],
            dtype=np.int64,
        )

    def _encode(self, trials: Iterable[FrozenTrial]) -> None:
        if self.space is None:
            return
        strange: list[tuple[int, SpaceMismatchError]] = []
        for trial in trials:
            try:
                # As it is, whatever its ranges have been taken for so far.
                code = SearchSpace.encode(self.space, trial.params)
            except SpaceMismatchError as error:
                if trial.state != TrialState.COMPLETE and not self._ends_again(trial):
                    continue  # Before it had told all its parameters, for all that is known.
                row = self._imputed(trial)
                if row is None:
                    strange.append((trial.number, error))
                    self.outside.add(trial.number)
                    continue
                if isinstance(self.space, ObservedSpace):
                    self.space = self.space.knowing(row, self._present(trial))
                code = row
            if trial.number in self._ranged and isinstance(self.space, ObservedSpace):
                self.space = self._heed_ranges(self.space, trial, code)
            code = self.space.canonical(code[None])[0]
            self.codes[trial.number] = code
            self.keys[trial.number] = code.tobytes()
            self.n_usable += self.has_losses(trial)
        if strange:
            self._warn_of(strange)

    def _ends_again(self, trial: FrozenTrial) -> bool:
        """Whether a failed or pruned trial has all parameters that its network has.

        So it is if an earlier one ended with the same, and none of those that ran to an end had
        more besides.
        """
        row = None if self._is_declared else self._imputed(trial)
        if row is None:
            return False
        present = self._present(trial)
        key = present.tobytes() + row[present].tobytes()
        self._ended[key] += 1
        return self._ended[key] > 1 and not any(
            (code[present] == row[present]).all()
            and (self._present(self.finished[number]) & ~present).any()
            for number, code in self.codes.items()
        )

    def _heed_ranges(
        self, space: ObservedSpace, trial: FrozenTrial, code: IntArray
    ) -> ObservedSpace:
        """The space that knows which ranges a trial has, of those that depend on others."""
        position = {name: j for j, name in enumerate(space.names)}
        chosen = {j: int(code[j]) for name, j in position.items() if name in trial.params}
        fixed = {j for name, j in position.items() if name not in self._varying}
        for name in self._ranged[trial.number]:
            if name not in position:
                continue
            j = position[name]
            becomes = _inside(space.variables[j], trial.distributions[name])
            others = {other: option for other, option in chosen.items() if other != j}
            space = space.knowing_range(j, others, becomes, fixed)
        return space

    def _imputed(self, trial: FrozenTrial) -> IntArray | None:
        """The row of a trial that lacks variables; `None` where it lies outside of the space."""
        assert self.space is not None
        if self._is_declared:
            has_some = any(name in self.space for name in trial.params)
            if not (self._may_lack and has_some):
                return None
        try:
            return self._impute(trial)
        except SpaceMismatchError:
            return None

    def _warn_of(self, strange: Sequence[tuple[int, SpaceMismatchError]]) -> None:
        (number, error), *others = strange
        more = f" So it is with {len(others)} more trials." if others else ""
        self._warn(f"Trial {number} cannot be learned from: {error}{more}")


@lru_cache(maxsize=1_000)
def _inside(variable: Variable, seen: BaseDistribution) -> IntArray:
    """What each option of a number becomes in a range, `int[n_options]`."""
    found = ((option, nearest(seen, option)) for option in variable.options)
    # Optuna cannot tell large integers apart, and then none may seem to be inside.
    values = (option if value is None else value for option, value in found)
    return np.array([variable.index(value) for value in values], dtype=np.int64)


def _is_same(known: BaseDistribution, seen: BaseDistribution) -> bool:
    """Optuna's comparison, of which most can be spared: it is made for each value of each trial."""
    return (type(known) is type(seen) and vars(known) == vars(seen)) or known == seen


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key under which layer_10 follows layer_9, whatever order a storage returns.

    Example:
        >>> sorted(["layer_10", "layer_9", "depth"], key=natural_order)
        ['depth', 'layer_9', 'layer_10']
    """
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
