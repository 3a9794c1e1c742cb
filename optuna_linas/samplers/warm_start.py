"""What another study tells of this one's search: its front, and how its losses go.

Another device ranks architectures much alike, and multiply-accumulates much like latencies. So the
front found there is measured first, and what a model of the other study predicts is a feature of
this one's predictors: they need to learn only the difference, and learn too how much to trust it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import BoolArray, FloatArray, IntArray, cut_off
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.gain import greedy_gain
from optuna_linas.goals import Attr, Goals
from optuna_linas.linas.fitting import MIN_EXAMPLES
from optuna_linas.pareto import non_dominated
from optuna_linas.predictors import StructuredGP
from optuna_linas.predictors.blocks import Advice
from optuna_linas.predictors.trusted_order import trusted_order
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace

__all__ = ["WarmStart"]


class WarmStart:
    """The complete trials of another study, in terms of a search space.

    Args:
        source: The other study, or a list of its trials. Bare trials do not tell directions: they
            are taken to have those of the study that is searched.

    Raises:
        TypeError: Neither a study nor trials.
        ValueError: None of the trials is complete.
    """

    def __init__(self, source: Study | Sequence[FrozenTrial]) -> None:
        self._directions = source.directions if isinstance(source, Study) else None
        trials: Any = source.trials if isinstance(source, Study) else source
        if isinstance(trials, str) or not isinstance(trials, Sequence):
            raise TypeError(
                f"warm_start is a study or a list of its trials, got {type(source).__name__}."
            )
        for trial in trials:
            if not isinstance(trial, FrozenTrial):
                raise TypeError(
                    f"warm_start is a study or a list of its trials (`study.trials`), and "
                    f"{trial!r} is not a finished trial."
                )
        self._trials = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        if not self._trials:
            raise ValueError(
                f"warm_start has {len(trials)} trials and none is complete: there is nothing to "
                "start from."
            )
        self._space: SearchSpace | None = None
        self._advice: Advice | None = None
        self._first: tuple[Goals, Mapping[str, Any]] | None = None

    def front(self, space: SearchSpace, goals: Goals, n: int) -> IntArray:
        """Return up to `n` rows of the other study's front, spread along it, `int[<= n, d]`.

        What violates a constraint there is not on it: none may be where all of it does.
        """
        codes, losses, feasible = self._examples(space, goals)
        codes, losses = codes[feasible], losses[feasible]
        if len(codes) == 0:
            return codes
        front: IntArray = codes[_front_of(losses, n)]
        return front

    def first(self, goals: Goals) -> Mapping[str, Any]:
        """Return the parameters of the network that would be first in `front` of its own space.

        None where nothing is feasible or has finite values.

        Raises:
            ValueError: Bare trials with another number of values.
        """
        if self._first is None or self._first[0] is not goals:
            # As in `front`, the last measurement of a network counts.
            last = {repr(sorted(t.params.items())): (t, losses) for t, losses in self._told(goals)}
            told = [(t.params, losses) for t, losses in last.values() if _is_feasible(t)]
            params: Mapping[str, Any] = {}
            if told:
                clipped = cut_off([losses for _, losses in told])
                params = told[_front_of(clipped, 1)[0]][0]
            self._first = goals, params
        return self._first[1]

    def advice(self, space: SearchSpace, goals: Goals) -> Advice | None:
        """Return what predicts the other study's losses; `None` if it has too few trials."""
        if self._space is not space:
            codes, losses, _ = self._examples(space, goals)
            self._space, self._advice = space, None
            if len(codes) >= MIN_EXAMPLES:
                trusted = trusted_order(space, codes, losses)
                self._advice = StructuredGP(trusted).fit(codes, losses).predict
        return self._advice

    def _examples(self, space: SearchSpace, goals: Goals) -> tuple[IntArray, FloatArray, BoolArray]:
        """The other study's different architectures, their losses, and whether they are feasible.

        Returns:
            `int[n, d]`, `float[n, q]`, `bool[n]`.

        Raises:
            ValueError: Bare trials with another number of values.
            SpaceMismatchError: No trial fits the space.
        """
        last: dict[bytes, tuple[IntArray, list[float], bool]] = {}  # measurement of a network
        reason: SpaceMismatchError | None = None
        for trial, told in self._told(goals):
            shared = {name: v for name, v in trial.params.items() if name in space}
            try:
                code = space.encode(shared)
                _check_values(space, code, shared)
            except SpaceMismatchError as error:
                reason = error
                continue
            last[code.tobytes()] = code, told, _is_feasible(trial)
        if not last:
            raise SpaceMismatchError(
                "No complete trial of warm_start fits the search space, so nothing can be learned "
                f"from it. {self._why_none(space) or reason or 'None of them has finite values.'}"
            )
        codes, losses, feasible = zip(*last.values(), strict=True)
        # Cut off as ours are: the largest float is a popular penalty, and its square overflows.
        return np.stack(codes), cut_off(losses), np.array(feasible)

    def _why_none(self, space: SearchSpace) -> str | None:
        """Say which parameters none of the trials has; `None` if there is no such one.

        What only some of them lack may exist under a condition.
        """
        theirs = {name for trial in self._trials for name in trial.params}
        if theirs and theirs.isdisjoint(space.names):
            return f"They have other parameters, {sorted(theirs)[:5]}, than {[*space.names[:5]]}."
        lacking = [name for name in space.names if name not in theirs]
        if not theirs or not lacking:
            return None
        return (
            f"None of them has {lacking[:5]}. If these had a fixed value there, pass trials that "
            "say so (optuna.trial.create_trial); else leave warm_start out."
        )

    def _told(self, goals: Goals) -> list[tuple[FrozenTrial, list[float]]]:
        """The trials that tell all their goals, with their losses."""
        directions = self._directions or goals.directions
        # A goal of this search that is an attribute is one of theirs too, if they have recorded it.
        attributes = [
            goal
            for goal in goals.goals
            if isinstance(goal, Attr) and any(goal.name in t.user_attrs for t in self._trials)
        ]
        theirs = Goals(directions, [*range(len(directions)), *attributes])
        if self._directions is None and len(self._trials[0].values) != len(directions):
            raise ValueError(
                f"The trials of warm_start have {len(self._trials[0].values)} values, and the "
                f"study that is searched has {len(directions)}: nobody knows their directions. "
                "Pass the study itself: warm_start=study."
            )
        pairs = ((trial, theirs.losses(trial)) for trial in self._trials)
        return [(trial, losses) for trial, losses in pairs if losses is not None]


def _check_values(space: SearchSpace, code: IntArray, params: Mapping[str, Any]) -> None:
    """Raise where an observed space takes parameters for another network: out of its ranges.

    Raises:
        SpaceMismatchError: A value has become another one.
    """
    if not isinstance(space, ObservedSpace):
        return
    for j in np.flatnonzero(space.present(code[None])[0]):
        variable = space.variables[j]
        if variable.name in params and variable.index(params[variable.name]) != code[j]:
            raise SpaceMismatchError(
                f"{variable.name}={params[variable.name]!r} is out of what this search asks for."
            )


def _is_feasible(trial: FrozenTrial) -> bool:
    # NaN is no violation, as in a history.
    return not any(value > 0 for value in trial.constraints.values())


def _front_of(losses: FloatArray, n: int) -> IntArray:
    """Up to `n` indices of the front, spread along it."""
    best = np.flatnonzero(non_dominated(losses))
    losses = losses[best]
    unit = (losses - losses.min(axis=0)) / np.maximum(np.ptp(losses, axis=0), 1e-300)
    # The first picks span most of the front together, whatever `n` is.
    order = greedy_gain(np.zeros((0, losses.shape[1])), unit, np.full(losses.shape[1], 1.1), n)
    front: IntArray = best[order]
    return front
