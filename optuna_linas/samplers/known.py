"""Objectives that are computed from the parameters instead of being predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from optuna import logging as optuna_logging

from optuna_linas.arrays import BoolArray, FloatArray, IntArray, cut_off
from optuna_linas.fence import NEAR, fenced
from optuna_linas.goals import Goal, Goals
from optuna_linas.history import History
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = [
    "FailsSomewhereError",
    "KnownLosses",
    "KnownObjective",
    "KnownObjectives",
    "check_known",
]

KnownObjective = Callable[[Mapping[str, Option]], float]
"""From the active parameters of an architecture to the objective's value."""

_MOST_SAID = 60
_N_COMPARED, _LEAST_COMPARED = 20, 3
_TOLERANCE, _SHARE = 0.1, 0.5
"""How far a function may be off, in ranges of what is measured (a float is asked for its cell), and
as a share of the measurement: costs may span decades, and most be nothing in units of the range."""
_PENALTY = 10.0
"""Times the dearest that works, or the range of what does: a number that so many have in common
that there is no fence is a penalty."""

# A child of Optuna's logger, so that optuna.logging.set_verbosity holds for it too.
_logger = optuna_logging.get_logger("optuna.linas")


def check_known(known_objectives: Mapping[Goal, KnownObjective] | None) -> None:
    """Raise if it does not give a function for each of its objectives.

    Raises:
        TypeError: No mapping, or something else than a function in it.
    """
    if not isinstance(known_objectives, Mapping | None):
        raise TypeError(
            "known_objectives is a mapping from an objective to a function of the parameters, such "
            f"as {{1: count_macs}}; got {known_objectives!r}."
        )
    for goal, value in (known_objectives or {}).items():
        if not callable(value):
            raise TypeError(
                f"known_objectives gives for each objective a function of the parameters; got "
                f"{value!r} for {goal!r}."
            )


class KnownObjectives:
    """The functions that a sampler was given for some of its objectives.

    Args:
        given: From the objective to the function.

    Raises:
        TypeError: See `check_known`.

    Example:
        >>> import optuna
        >>> known = KnownObjectives({0: lambda params: params["width"]})
        >>> space = SearchSpace.from_choices({"width": [8, 16]})
        >>> goals = Goals([optuna.study.StudyDirection.MAXIMIZE])
        >>> losses = np.array([[-8.0], [-16.0]])
        >>> history = History(
        ...     np.array([[0], [1]]), losses, constraints=np.zeros((2, 0)), numbers=np.arange(2)
        ... )
        >>> known.losses(space, goals, history, is_declared=True)[0](np.array([[1]]))
        array([-16.])
    """

    def __init__(self, given: Mapping[Goal, KnownObjective] | None) -> None:
        check_known(given)
        self._given = dict(given or {})
        self._warned: set[Goal] = set()
        # Whose functions were off, and those of which it was said that they are used again.
        self._accused: set[Goal] = set()
        self._cleared: set[Goal] = set()

    def check(self, goals: Goals) -> None:
        """Raise `ValueError` if a function is given for what is no goal."""
        for goal in self._given:
            goals.position(goal)

    def losses(
        self, space: SearchSpace, goals: Goals, history: History, *, is_declared: bool
    ) -> dict[int, KnownLosses]:
        """Return the losses of each goal that is known, by its position.

        A function is left out, and the log says why, where it gives something else than what was
        measured, and where it would be asked about parameters that no such network has.

        Args:
            space: The search space.
            goals: What the search optimises.
            history: What was measured.
            is_declared: Whether the space is declared, and not inferred from what was measured.
        """
        positions = {goals.position(goal): goal for goal in self._given}
        known = {
            k: KnownLosses(
                goal,
                k,
                space,
                self._given[goal],
                goals.signs[k],
                measured=None if is_declared else history.codes,
                warn=partial(self._warn_once, goal),
            )
            for k, goal in positions.items()
        }
        held = {k: losses for k, losses in known.items() if losses.holds_for(history)}
        self._accused |= {positions[k] for k in known.keys() - held.keys()}
        found = {k: losses for k, losses in held.items() if losses.needs_no_more_conditions()}
        for goal in [goal for k, goal in positions.items() if k in found]:
            self._take_back(goal)
        return found

    def _take_back(self, goal: Goal) -> None:
        if goal in self._accused - self._cleared:
            self._cleared.add(goal)
            _logger.warning(
                f"The function that known_objectives has for {goal!r} says by now what most trials "
                "have measured: the sampler computes this objective again."
            )

    def _warn_once(self, goal: Goal, message: str) -> None:
        if goal not in self._warned:
            self._warned.add(goal)
            _logger.warning(message)


class FailsSomewhereError(Exception):
    """A function fails for an architecture that the objective may never ask for.

    Args:
        position: The goal's.
    """

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class KnownLosses:
    """The losses of architectures by a function of their parameters, each computed once.

    While the conditions of a space are being learned, some of its architectures are none that the
    objective could ask for, and the function may fail for them. That is no bug of the function if
    it works for most of what is measured.

    Args:
        goal: The objective.
        position: Among the goals.
        space: The search space.
        value: The function, in the user's direction.
        sign: -1 where the objective is maximised, else 1.
        measured: Architectures that are real, `int[k, d]`, where the space was inferred from them;
            `None` where it is declared, and all of them are.
        warn: Called with a message when the function fails for what may not be real.
    """

    def __init__(
        self,
        goal: Goal,
        position: int,
        space: SearchSpace,
        value: KnownObjective,
        sign: float,
        *,
        measured: IntArray | None,
        warn: Callable[[str], None],
    ) -> None:
        self._goal, self._position, self._space = goal, position, space
        self._value, self._sign = value, sign
        self._measured, self._warn = measured, warn
        self._computed: dict[bytes, float] = {}

    def __call__(self, archs: IntArray) -> FloatArray:
        """Return the losses of `archs` `int[n, d]`, `float[n]`.

        Raises:
            TypeError: The function returns no number for what is real.
            ValueError: The function raises an error for what is real.
            FailsSomewhereError: It fails for what may not be.
        """
        losses = np.empty(len(archs))
        for i, arch in enumerate(self._space.canonical(archs)):
            key = arch.tobytes()
            if key not in self._computed:
                self._computed[key] = self._loss(arch)
            losses[i] = self._computed[key]
        return losses

    def holds_for(self, history: History) -> bool:
        """Whether most of the first networks measure what the function says, or it fails.

        Of those that work, whose cost is no penalty; where there are fewer than three, nobody can
        tell yet.
        """
        works = np.flatnonzero(_work(history.losses[:, self._position]))[:_N_COMPARED]
        archs, measured = history.codes[works], history.losses[works, self._position]
        try:
            computed = self(archs)
        except (TypeError, ValueError, FailsSomewhereError):
            return True  # what the search will say of it
        if len(archs) < _LEAST_COMPARED:
            return True
        unit, own = np.ptp(measured), np.abs(measured)
        tolerance = np.minimum(_TOLERANCE * unit, _SHARE * own) + 1e-9 * (unit + own)
        differs = ~(np.abs(computed - measured) <= tolerance)  # NaN does
        if 2 * np.count_nonzero(differs) <= len(archs):
            return True
        first = int(np.argmax(differs))
        number = history.numbers[works[first]]
        self._warn(
            f"The function that known_objectives has for {self._goal!r} says "
            f"{self._sign * computed[first]:.6g} for the parameters of trial {number}, which "
            f"measured {self._sign * measured[first]:.6g}, and is off for most trials: it "
            "must return the objective's own value, in its unit. The sampler predicts this "
            "objective instead."
        )
        return False

    def needs_no_more_conditions(self) -> bool:
        """Whether the function says the same where the space has what its network lacks.

        Define-by-run code may ask for a parameter under a condition that a space cannot say. For
        trials it is known which parameters they lack, for networks that are not measured it is not.
        """
        if not isinstance(self._space, ObservedSpace):
            return True
        plain = SearchSpace(self._space.variables)
        last = self._space.n_options - 1
        for has, rows in self._space.absences():
            for arch in rows[:_N_COMPARED]:
                params = self._space.decode(arch)
                others = (arch, np.where(has, arch, last))  # the first may be the function's own
                with suppress(TypeError, ValueError):
                    if {self._number(params)} == {self._number(plain.decode(o)) for o in others}:
                        continue
                self._warn(
                    f"Parameters like {params} lack some that others have under no condition that "
                    "a search space can say, so the function that known_objectives has for "
                    f"{self._goal!r} cannot be asked about networks that are not measured: the "
                    "sampler predicts this objective."
                )
                return False
        return True

    def _loss(self, arch: IntArray) -> float:
        try:
            return self._of(arch)
        except (TypeError, ValueError) as error:
            if self._measured is None or not self._works_for_most(self._measured):
                raise
            self._warn(
                f"{error} The sampler is still learning from the trials which parameters exist "
                "when, so there may be no such architecture; as long as it meets some, it predicts "
                "this objective. `space=` tells the sampler from the start."
            )
            raise FailsSomewhereError(self._position) from error

    def _works_for_most(self, archs: IntArray) -> bool:
        n_failed = 0
        for arch in archs:
            try:
                self._of(arch)
            except (TypeError, ValueError):
                n_failed += 1
        return 2 * n_failed <= len(archs)

    def _of(self, arch: IntArray) -> float:
        return self._sign * self._number(self._space.decode(arch))

    def _number(self, params: Mapping[str, Option]) -> float:
        try:
            value: Any = self._value(params)
        except Exception as error:
            raise ValueError(
                f"The function that known_objectives has for {self._goal!r} failed for "
                f"{dict(params)}: {type(error).__name__}: {error}. It must return a number for all "
                "parameters that the objective may have."
            ) from error
        try:
            if not isinstance(value, str) and np.ndim(value) == 0:
                return float(value)
        except (TypeError, ValueError, OverflowError):
            pass  # no number either
        raise TypeError(
            f"The function that known_objectives has for {self._goal!r} must return a number, in "
            f"the objective's own unit; for {dict(params)} it returned {repr(value)[:_MOST_SAID]}."
        )


def _work(losses: FloatArray) -> BoolArray:
    """Which losses are of networks that work, and no penalties, `bool[n]`.

    Most of a search's first networks may have failed: where half of all has the same loss, no fence
    stands. Where all have the same, nothing tells whether it is a penalty, and so none works.
    """
    losses = cut_off(losses)
    is_worst: BoolArray = losses == losses.max(initial=-np.inf)
    others = losses[~is_worst]
    if len(others) == 0:
        return ~is_worst
    works: BoolArray = losses <= fenced(losses[:, None], NEAR)[:, 0]
    unit = max(np.abs(others).max(), np.ptp(others))
    return works & ~is_worst if losses.max() - others.max() > _PENALTY * unit else works
