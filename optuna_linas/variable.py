"""One variable of a search space: its kind, its options and the conditions under which it exists.

Every variable is an ordered list of options. A number lives on an ordered grid: an integer or a
stepped float on its own steps, a continuous float on `MAX_LEVELS` points that are equally spaced
in the (log) range. A grid point then stands for the cell around it, and `refine` draws a value
from inside that cell.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.option import Option, all_different, option_key, same_option

__all__ = ["MAX_LEVELS", "Condition", "Option", "Variable"]

Kind = Literal["categorical", "integer", "float"]

MAX_LEVELS = 1025
"""Grid points of a continuous float, and the most that a long integer range is given."""


@dataclass(frozen=True)
class Condition:
    """The variable exists only where `parent` exists and takes one of `options`.

    Attributes:
        parent: The name of another variable.
        options: Values of the parent, as its own options are given.

    Example:
        >>> Condition("depth_1", (4,))  # for kernel_7, the fourth layer of unit 1
        Condition(parent='depth_1', options=(4,))
    """

    parent: str
    options: tuple[Option, ...]

    def __hash__(self) -> int:
        return hash((self.parent, option_key(self.options)))


@dataclass(frozen=True)
class Variable:
    """A named choice among ordered options; make one with `categorical`, `integer` or `floating`.

    Attributes:
        name: The parameter's name in `trial.suggest_*`.
        kind: "categorical", "integer" or "float".
        options: The options in order; for a number, the grid's values.
        conditions: All must hold for the variable to exist; empty for one that always exists.
        low, high, step, log: The range of a number (`step` is None for a continuous float).

    Example:
        >>> Variable.categorical("op", ["conv3", "conv5"]).options
        ('conv3', 'conv5')
        >>> Variable.integer("depth", 2, 8, step=2).options
        (2, 4, 6, 8)
    """

    name: str
    kind: Kind
    options: tuple[Option, ...]
    conditions: tuple[Condition, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False

    @staticmethod
    def categorical(
        name: str, options: Sequence[Option], conditions: Sequence[Condition] = ()
    ) -> Variable:
        """Return a choice among `options`.

        Args:
            name: The parameter's name.
            options: At least one, all distinct.
            conditions: When the variable exists; always without any.

        Raises:
            ValueError: No options, or two that Optuna cannot tell apart (`True` and `1`).
        """
        if len(options) == 0:
            raise ValueError(f"Variable {name!r} needs at least one option, got none.")
        if not all_different(options):
            raise ValueError(
                f"Variable {name!r} has options that compare equal: {list(options)}. "
                "Give each option once; Python counts True and 1 as the same value."
            )
        return Variable(name, "categorical", tuple(options), tuple(conditions))

    @staticmethod
    def integer(
        name: str,
        low: int,
        high: int,
        *,
        step: int = 1,
        log: bool = False,
        conditions: Sequence[Condition] = (),
    ) -> Variable:
        """Return an integer in `[low, high]` by `step`.

        A range of more than `MAX_LEVELS` steps is given a grid of `MAX_LEVELS` of them.

        Args:
            name: The parameter's name.
            low: The least value.
            high: The greatest value.
            step: Between two neighbours.
            log: Whether the grid is even in the logarithm.
            conditions: When the variable exists; always without any.

        Raises:
            TypeError: A bound or the step is not a whole number.
            ValueError: `low > high`, a step below 1, or `log` with `low < 1` or with a step.
        """
        try:
            low, high, step = operator.index(low), operator.index(high), operator.index(step)
        except TypeError:
            raise TypeError(
                f"Variable {name!r}: low, high and step are whole numbers, got {low!r}, {high!r} "
                f"and {step!r}. Use Variable.floating for a float."
            ) from None
        _check_range(name, low, high, step, log)
        if step < 1:
            raise ValueError(f"Variable {name!r}: step must be at least 1, got {step}.")
        n = (high - low) // step + 1
        if n <= MAX_LEVELS:
            grid = [low + step * i for i in range(n)]
        elif log:
            inner = np.exp(np.linspace(np.log(float(low)), np.log(float(high)), MAX_LEVELS))[1:-1]
            grid = sorted({low, high, *(min(max(round(v), low), high) for v in inner.tolist())})
        else:
            grid = [low + step * i for i in _spread(n)]
        return Variable(
            name, "integer", tuple(grid), tuple(conditions), low, grid[-1], float(step), log
        )

    @staticmethod
    def floating(
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,
        conditions: Sequence[Condition] = (),
    ) -> Variable:
        """Return a float in `[low, high]`, continuous or by `step`.

        Args:
            name: The parameter's name.
            low: The least value.
            high: The greatest value.
            step: Between two neighbours; `None` for a continuous one.
            log: Whether the grid is even in the logarithm.
            conditions: When the variable exists; always without any.

        Raises:
            ValueError: `low > high`, a step of 0 or less, or `log` with `low <= 0` or with a step.
        """
        _check_range(name, low, high, step, log)
        if step is not None and not step > 0:
            raise ValueError(f"Variable {name!r}: step must be positive, got {step}.")
        low, high = float(low), float(high)
        if step is not None:
            # In decimals as Optuna does it: as floats, 0.3 is less than three steps of 0.1.
            first, each = Fraction(str(low)), Fraction(str(float(step)))
            n = int((Fraction(str(high)) - first) // each) + 1
            grid = [float(first + each * i) for i in _spread(n)]
            return Variable(
                name, "float", tuple(grid), tuple(conditions), low, grid[-1], float(step), log
            )
        if log:
            inner = np.exp(np.linspace(np.log(low), np.log(high), MAX_LEVELS))[1:-1]
        else:
            inner = np.linspace(low, high, MAX_LEVELS)[1:-1]
        # A range of a few floats has fewer than MAX_LEVELS different points.
        grid = np.unique([low, *np.clip(inner, low, high), high]).tolist()
        return Variable(name, "float", tuple(grid), tuple(conditions), low, high, None, log)

    def __hash__(self) -> int:
        kind = (self.name, self.kind, self.low, self.high, self.step, self.log)
        return hash((kind, self.option_keys, self.conditions))

    @property
    def n_options(self) -> int:
        """How many options (grid points) there are."""
        return len(self.options)

    @property
    def is_number(self) -> bool:
        """Whether the options are points of a numeric range."""
        return self.kind != "categorical"

    def index(self, value: object) -> int:
        """Return the index of `value` among the options; a number goes to its nearest grid point.

        Raises:
            SpaceMismatchError: `value` is not an option, or lies outside the range.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if not self.is_number:
            try:
                likely = self._index_of.get(value)
            except TypeError:  # no option that can be looked up
                likely = None
            if likely is not None and same_option(self.options[likely], value):
                return likely
            for i, option in enumerate(self.options):
                if same_option(option, value):
                    return i
            raise SpaceMismatchError(
                f"{self.name}={value!r} is not an option of the space: {list(self.options)}."
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SpaceMismatchError(f"{self.name}={value!r} is not a number.")
        low, high = self.low, self.high
        if self.kind == "float":  # forgive what rounding does to the ends
            slack = 1e-9 * max(abs(low), abs(high))
            low, high = (low - 1e-9 * low if self.log else low - slack), high + slack
        if not low <= value <= high:
            raise SpaceMismatchError(
                f"{self.name}={value!r} lies outside the space's range [{self.low}, {self.high}]."
            )
        if self.n_options == 1:
            return 0
        grid, at = self.positions, self._position(min(max(value, self.low), self.high))
        right = int(np.clip(np.searchsorted(grid, at), 1, len(grid) - 1))
        return right if grid[right] - at < at - grid[right - 1] else right - 1

    def refine(self, index: int, rng: np.random.Generator) -> Option:
        """Return a value that `rng` draws from the cell around option `index`.

        The option itself for a categorical variable and where the grid holds every step; else
        uniform (in log where `log`) between the midpoints to the neighbours, on a step. The value
        always has this `index` again.

        Args:
            index: Of the option.
            rng: The source of all randomness.
        """
        if not self.is_number or self.n_options == 1 or self.n_options == self._n_steps:
            return self.options[index]
        grid = self.positions
        left, right = grid[max(index - 1, 0)], grid[min(index + 1, len(grid) - 1)]
        at = float(rng.uniform((left + grid[index]) / 2, (right + grid[index]) / 2))
        if self._n_steps is None:
            value: int | float = min(max(self._value(at), self.low), self.high)
        else:
            value = self._on_step(min(self._step_at(at), self._n_steps - 1))
        # Rounding may carry a value over the edge of its cell.
        return value if self.index(value) == index else self.options[index]

    @cached_property
    def option_keys(self) -> tuple[Hashable, ...]:
        """What stands for each option in a dict; see `optuna_linas.option.option_key`."""
        return tuple(map(option_key, self.options))

    @cached_property
    def _index_of(self) -> dict[object, int]:
        """The index of each option that can be looked up; to others, Python takes 1 for True."""
        try:
            return {option: i for i, option in enumerate(self.options)}
        except TypeError:  # Optuna warns about a list as an option, but takes it.
            return {}

    @cached_property
    def positions(self) -> FloatArray:
        """Where a number's options lie in the (log) range, from 0 upwards, `float[n_options]`."""
        return np.array([self._position(option) for option in self.options])

    def _position(self, value: Option) -> float:
        assert isinstance(value, (int, float))
        # Differences first: 2**60 and 2**60 + 1 are the same float.
        above = value - self.low
        if not self.log:
            return float(above)
        if above < self.low:
            return math.log1p(above / self.low)
        return math.log(value) - math.log(self.low)

    def _value(self, position: float) -> float:
        if not self.log:
            return self.low + position
        if position < 1.0:
            return self.low + self.low * math.expm1(position)
        return math.exp(math.log(self.low) + position)

    @cached_property
    def _n_steps(self) -> int | None:
        """How many values the range holds; `None` for a continuous one."""
        if self.kind == "integer":
            return (int(self.high) - int(self.low)) // int(self.step or 1) + 1
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def _step_at(self, position: float) -> int:
        assert self.step is not None
        return round(self._value(position) - self.low if self.log else position / self.step)

    def _on_step(self, i: int) -> int | float:
        assert self.step is not None
        if self.kind == "integer":
            return int(self.low) + i * int(self.step)
        return float(Fraction(str(self.low)) + i * Fraction(str(self.step)))


def _spread(n: int) -> list[int]:
    """Return `0, ..., n - 1`, or `MAX_LEVELS` of them, evenly spread with both ends."""
    if n <= MAX_LEVELS:
        return list(range(n))
    return [i * (n - 1) // (MAX_LEVELS - 1) for i in range(MAX_LEVELS)]


def _check_range(name: str, low: float, high: float, step: float | None, log: bool) -> None:
    try:
        is_finite = math.isfinite((float(high) - float(low)) / (step or 1.0))
    except OverflowError:  # an int beyond the floats
        is_finite = False
    if not is_finite or low > high:
        raise ValueError(
            f"Variable {name!r} needs low <= high, finite and not too far apart, got "
            f"[{low}, {high}]."
        )
    if log and low <= 0:
        raise ValueError(f"Variable {name!r}: log=True needs low > 0, got {low}.")
    if log and step not in (None, 1):
        raise ValueError(f"Variable {name!r}: log=True and step={step} exclude each other.")
