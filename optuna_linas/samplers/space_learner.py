"""From trials to a search space: what define-by-run code has asked for, and under which conditions.

Shapes: `d` variables.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.conditions import learn_conditions
from optuna_linas.distributions import agrees, merge, variable_of
from optuna_linas.natural_order import natural_order
from optuna_linas.samplers.into_range import into_range
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.samplers.whole_trials import WholeTrials
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = ["SpaceLearner", "imputed", "present"]


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
        >>> learner.learn(trial)
        >>> learner.space.names
        ('width',)
    """

    def __init__(self) -> None:
        self._distributions: dict[str, BaseDistribution] = {}
        # Complete trials that the space may be inferred from, and the variables that some of them
        # lack for a reason which no condition explains.
        self._whole = WholeTrials()
        self._unexplained: set[str] = set()
        self._space: SearchSpace | None = None
        self._is_due = False
        self._variables: dict[str, tuple[BaseDistribution, Variable]] = {}
        # Variables that have had several ranges, and those by trial that were known as such then:
        # a range that is wider from some trial on depends on nothing that was chosen.
        self._varying: set[str] = set()
        self._ranged: dict[int, list[str]] = {}

    @property
    def space(self) -> SearchSpace | None:
        """What the trials tell, the same object while it explains them; `None` for nothing."""
        if self._is_due:
            # Not before somebody asks: where each trial has another range, few do.
            self._space, self._is_due = self._infer(), False
        return self._space

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

    def learn(self, trial: FrozenTrial) -> None:
        """Take in one more finished trial; `space` is another one if it did not explain this one.

        Args:
            trial: With values in their ranges, and without an `objection`.

        Raises:
            SpaceMismatchError: It has a value that is no option, to which there is an objection.
        """
        is_wider = self._widen(trial)
        if trial.state != TrialState.COMPLETE:
            self._is_due |= is_wider
            return
        # What the trials before it tell is to be known before it is one of them.
        is_new = is_wider or not self._is_explained(trial)
        self._whole.add(trial)
        self._is_due |= is_new

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
            becomes = into_range(space.variables[j], trial.distributions[name])
            others = {other: option for other, option in chosen.items() if other != j}
            space = space.knowing_range(j, others, becomes, fixed)
        return space

    def _widen(self, trial: FrozenTrial) -> bool:
        """Take in a trial's distributions; return whether a variable is new, has more, or varies.

        What was made of earlier trials depends on which variables' ranges vary.
        """
        is_wider = False
        for name, seen in trial.distributions.items():
            known = self._distributions.get(name)
            is_new = known is None or not _is_same(known, seen)
            if known is not None and is_new and name not in self._varying:
                self._varying.add(name)
                is_wider = True
            if name in self._varying:
                self._ranged.setdefault(trial.number, []).append(name)
            merged = seen if known is None else merge(known, seen) if is_new else known
            if merged is not known and merged != known:
                self._distributions[name] = merged
                is_wider = True
        return is_wider

    def _is_explained(self, trial: FrozenTrial) -> bool:
        """Whether the space has the parameters of a complete trial, and explains what it lacks.

        What no condition has explained once, no condition will explain: more trials leave fewer.
        """
        space = self.space
        if space is None:
            return False
        if any(n not in space and not d.single() for n, d in trial.distributions.items()):
            return False
        if not present(space, trial).any():
            return True  # No condition explains why nothing was asked for.
        differs = space.active(imputed(space, trial)[None])[0] != present(space, trial)
        names = (name for name, other in zip(space.names, differs, strict=True) if other)
        return all(name in self._unexplained for name in names)

    def _infer(self) -> SearchSpace | None:
        """The space of what complete trials have, with the conditions that explain absences.

        A trial that failed may have had parameters that no complete one has: when they exist nobody
        can tell, and to take them for always there would make one network many.
        """
        plain = [
            self._variable(name)
            for name in sorted(self._distributions, key=natural_order)
            if name in self._whole.names and not self._distributions[name].single()
        ]
        if not plain:
            return None
        has = self._whole.present([variable.name for variable in plain])
        tells = has.any(axis=1)
        found = []
        if not has[tells].all():
            found = learn_conditions(
                present=has[tells],
                codes=self._whole.codes(plain)[tells],
                n_options=np.array([variable.n_options for variable in plain]),
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
            if j not in conditions and not has[tells, j].all()
        }
        variables = [
            replace(variable, conditions=tuple(conditions[j])) if j in conditions else variable
            for j, variable in enumerate(plain)
        ]
        return ObservedSpace(variables)

    def _variable(self, name: str) -> Variable:
        """The variable of a parameter, the same object while its distribution is the same."""
        distribution = self._distributions[name]
        of, variable = self._variables.get(name, (None, None))
        if variable is None or of is not distribution:
            variable = variable_of(name, distribution)
            self._variables[name] = distribution, variable
        return variable


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


def _is_same(known: BaseDistribution, seen: BaseDistribution) -> bool:
    """Optuna's comparison, of which most can be spared: it is made for each value of each trial."""
    return (type(known) is type(seen) and vars(known) == vars(seen)) or known == seen
