"""One variable of a search space: its kind, its options and the conditions under which it exists.

Every variable is an ordered list of options. A number lives on an ordered grid: an integer or a
stepped float on its own steps, a continuous float on `MAX_LEVELS` points that are equally spaced
in the (log) range. A grid point then stands for the cell around it, and `refine` draws a value
from inside that cell.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.grid import MAX_LEVELS, check_range, float_grid, integer_grid
from optuna_linas.option import Option, choice_options, given_options, option_key, same_option

__all__ = ["MAX_LEVELS", "Condition", "Option", "Variable"]

Kind = Literal["categorical", "integer", "float"]


@dataclass(frozen=True)
class Condition:
    """The variable exists only where `parent` exists and takes one of `options`.

    Attributes:
        parent: The name of another variable.
        options: Values of the parent, as its own options are given; kept as a tuple.

    Raises:
        TypeError: `options` is one value by itself.

    Example:
        >>> Condition("depth_1", (4,))  # for kernel_7, the fourth layer of unit 1
        Condition(parent='depth_1', options=(4,))
    """

    parent: str
    options: Sequence[Option]

    def __post_init__(self) -> None:
        options = given_options(self.options, f"A condition on {self.parent!r}")
        object.__setattr__(self, "options", options)

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
            TypeError: `options` is one value by itself, or a set.
            ValueError: No options, two that Optuna cannot tell apart (`True` and `1`), or a whole
                number beyond the floats.
        """
        options = choice_options(name, options)
        return Variable(name, "categorical", options, tuple(conditions))

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
            ValueError: `low > high`, a step below 1, `log` with `low < 1` or with a step, or a
                bound of more than 64 bits.
        """
        try:
            low, high, step = operator.index(low), operator.index(high), operator.index(step)
        except TypeError:
            raise TypeError(
                f"Variable {name!r}: low, high and step are whole numbers, got {low!r}, {high!r} "
                f"and {step!r}. Use Variable.floating for a float."
            ) from None
        check_range(name, low, high, step, log)
        if step < 1:
            raise ValueError(f"Variable {name!r}: step must be at least 1, got {step}.")
        if low < -(2**63) or high >= 2**63:
            raise ValueError(
                f"Variable {name!r}: [{low}, {high}] goes beyond the integers of 64 bits that a "
                "plan is stored with. Use a float, or search the exponent."
            )
        grid = integer_grid(low, high, step, log=log)
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
        check_range(name, low, high, step, log)
        if step is not None and not step > 0:
            raise ValueError(f"Variable {name!r}: step must be positive, got {step}.")
        low, high = float(low), float(high)
        grid = float_grid(low, high, step, log=log)
        if step is not None:
            high, step = grid[-1], float(step)
        return Variable(name, "float", tuple(grid), tuple(conditions), low, high, step, log)

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
            if likely is not None:
                option = self.options[likely]
                # Equal, as it was found, and meant, unless 1 or (1,) was found for True or (True,).
                if type(option) is type(value) is not tuple or same_option(option, value):
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
        # As a list: each parameter of each trial comes by here, and arrays are slow one by one.
        grid, at = self._positions, self._position(min(max(value, self.low), self.high))
        right = min(max(bisect_left(grid, at), 1), len(grid) - 1)
        return right if grid[right] - at < at - grid[right - 1] else right - 1

    def option_index(self, value: object) -> int:
        """Return the index of `value`, which must be an option: a number, on a point of the grid.

        Raises:
            SpaceMismatchError: It is none.

        Example:
            >>> Variable.integer("n", 0, 10_000).option_index(9)
            1
        """
        index = self.index(value)
        option = self.options[index]
        if self.is_number and not self._is_close(option, value):
            raise SpaceMismatchError(
                f"{self.name}={value!r} is no point of the grid of {self.n_options} values that "
                f"stand for [{self.low}, {self.high}]; the nearest is {option!r}. Take values "
                "among the variable's options, or a range with fewer steps."
            )
        return index

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
        # Halved first: the sum of two of the largest floats is none.
        here = grid[index] / 2
        at = float(rng.uniform(left / 2 + here, right / 2 + here))
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

    def _is_close(self, option: Any, value: Any) -> bool:
        """Whether two numbers differ by no more than rounding."""
        if self.kind == "integer":
            return bool(option == value)
        return bool(abs(option - value) <= 1e-9 * (option if self.log else self.high - self.low))

    @cached_property
    def positions(self) -> FloatArray:
        """Where a number's options lie in the (log) range, from 0 upwards, `float[n_options]`."""
        return np.array(self._positions)

    @cached_property
    def _positions(self) -> list[float]:
        return [self._position(option) for option in self.options]

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
