"""From trials to a search space: what define-by-run code has asked for, and under which conditions.

Shapes: `d` variables.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import cast

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.conditions import learn_conditions
from optuna_linas.distributions import agrees, merge, nearest, variable_of
from optuna_linas.natural_order import natural_order
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = ["SpaceLearner", "imputed", "present"]

_EXACT = 2**53
"""Integers up to which floats, which Optuna compares by, tell all apart."""


class SpaceLearner:
    """Infers a search space from the trials of a study, which it is shown one by one.

    Who shows all at once must come to what those have who showed each in its time, or a search that
    is resumed would not go on as it would have.

    Example:
        >>> import optuna
        >>> learner = SpaceLearner()
        >>> trial = optuna.trial.create_trial(
        ...     params={"width": 8},
        ...     distributions={"width": optuna.distributions.IntDistribution(8, 64)},
        ...     value=1.0,
        ... )
        >>> learner.learn(trial, None).names
        ('width',)
    """

    def __init__(self) -> None:
        self._distributions: dict[str, BaseDistribution] = {}
        # Complete trials that the space may be inferred from, and the variables that some of them
        # lack for a reason which no condition explains.
        self._whole: list[FrozenTrial] = []
        self._unexplained: set[str] = set()
        # Variables that have had several ranges, and those by trial that were known as such then:
        # a range that is wider from some trial on depends on nothing that was chosen.
        self._varying: set[str] = set()
        self._ranged: dict[int, list[str]] = {}

    def objection(self, trial: FrozenTrial) -> str | None:
        """Return why a trial is of no space that has what trials had so far; `None` if it may be.

        A parameter is of one kind and has one set of choices, those of the first trial. Optuna sees
        to it where it samples, but not in trials that are added (`study.add_trial`).

        Args:
            trial: With values in their ranges.
        """
        for name, seen in trial.distributions.items():
            known = self._distributions.get(name)
            if known is not None and not agrees(known, seen, trial.params[name]):
                return (
                    f"{name}={trial.params[name]!r} is of {seen}, and earlier trials have {known}."
                )
        return None

    def learn(self, trial: FrozenTrial, space: SearchSpace | None) -> SearchSpace | None:
        """Return `space` itself if it explains one more finished trial, else one inferred anew.

        Args:
            trial: With values in their ranges, and without an `objection`.
            space: What was inferred so far, with what is known of it; `None` for nothing.

        Raises:
            SpaceMismatchError: It has a value that is no option, to which there is an objection.
        """
        if trial.state == TrialState.COMPLETE:
            self._whole.append(trial)
        return self._infer() if self._contradicts(trial, space) else space

    def heed_ranges(
        self, space: ObservedSpace, trial: FrozenTrial, code: IntArray
    ) -> ObservedSpace:
        """Return the space that knows which ranges a trial has, of those that depend on others.

        Args:
            space: What was inferred.
            trial: One that was learned from.
            code: Its row, `int[d]`.
        """
        if trial.number not in self._ranged:
            return space
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

    def _contradicts(self, trial: FrozenTrial, space: SearchSpace | None) -> bool:
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
        if space is None:
            return True
        if any(n not in space and not d.single() for n, d in trial.distributions.items()):
            return True
        if not present(space, trial).any():
            return False  # No condition explains why nothing was asked for.
        differs = space.active(imputed(space, trial)[None])[0] != present(space, trial)
        names = (name for name, other in zip(space.names, differs, strict=True) if other)
        return any(name not in self._unexplained for name in names)

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
        space = SearchSpace(plain)
        whole = [trial for trial in self._whole if present(space, trial).any()]
        has = np.array([present(space, trial) for trial in whole])
        found = learn_conditions(
            present=has,
            codes=np.array([imputed(space, trial) for trial in whole]),
            n_options=space.n_options,
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
            if j not in conditions and not has[:, j].all()
        }
        variables = [
            replace(variable, conditions=tuple(conditions.get(j, ())))
            for j, variable in enumerate(plain)
        ]
        return ObservedSpace(variables)


def present(space: SearchSpace, trial: FrozenTrial) -> BoolArray:
    """Return which of the space's variables a trial has, `bool[d]`."""
    return np.array([name in trial.params for name in space.names], dtype=bool)


def imputed(space: SearchSpace, trial: FrozenTrial) -> IntArray:
    """Return a trial's row, variables that it lacks at their first option, `int[d]`.

    Raises:
        SpaceMismatchError: It has a value that is no option.
    """
    return np.array(
        [
            variable.index(trial.params[variable.name]) if variable.name in trial.params else 0
            for variable in space.variables
        ],
        dtype=np.int64,
    )


@lru_cache(maxsize=1_000)
def _inside(variable: Variable, seen: BaseDistribution) -> IntArray:
    """What each option of a number becomes in a range, `int[n_options]`."""
    options = variable.options
    becomes = np.arange(len(options))
    if isinstance(seen, FloatDistribution | IntDistribution) and _is_on_grid(variable, seen):
        # Only what lies beyond an end becomes another: a code that asks for another range in each
        # trial has this computed for each.
        grid = cast("Sequence[float]", options)
        first, last = bisect_left(grid, seen.low), bisect_right(grid, seen.high)
        becomes[:first] = variable.index(nearest(seen, options[0]))
        becomes[last:] = variable.index(nearest(seen, options[-1]))
        return becomes
    for i, option in enumerate(options):
        value = nearest(seen, option)
        # Optuna cannot tell large integers apart, and then none may seem to be inside.
        becomes[i] = variable.index(option if value is None else value)
    return becomes


def _is_on_grid(variable: Variable, seen: FloatDistribution | IntDistribution) -> bool:
    """Whether every option between a range's ends is in it, and floats tell them all apart."""
    if isinstance(seen, FloatDistribution):
        return seen.step is None
    if max(abs(seen.low), abs(seen.high)) > _EXACT:
        return False
    aligned = seen.step == variable.step and (seen.low - int(variable.low)) % seen.step == 0
    return seen.step == 1 or aligned


def _is_same(known: BaseDistribution, seen: BaseDistribution) -> bool:
    """Optuna's comparison, of which most can be spared: it is made for each value of each trial."""
    return (type(known) is type(seen) and vars(known) == vars(seen)) or known == seen
