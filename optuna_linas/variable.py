"""One variable of a search space: its kind, its options and the conditions under which it exists.

Every variable is an ordered list of options. A number lives on an ordered grid: an integer or a
stepped float on its own steps, a continuous float on `MAX_LEVELS` points that are equally spaced
in the (log) range. A grid point then stands for the cell around it, and `refine` draws a value
from inside that cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.errors import SpaceMismatchError

__all__ = ["MAX_LEVELS", "Condition", "Option", "Variable"]

Option = None | bool | int | float | str
Kind = Literal["categorical", "integer", "float"]

MAX_LEVELS = 1025
"""Grid points of a continuous float, and the most that a long integer range is given."""


@dataclass(frozen=True)
class Condition:
    """The variable exists only where `parent` exists and takes one of `options`.

    Example:
        >>> Condition("depth_1", (4,))  # for kernel_7, the fourth layer of unit 1
        Condition(parent='depth_1', options=(4,))
    """

    parent: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Variable:
    """A named choice among ordered options; make one with `categorical`, `integer` or `floating`.

    Attributes:
        name: The parameter's name in `trial.suggest_*`.
        kind: "categorical", "integer" or "float".
        options: The options in order; for a number, the grid's values.
        conditions: All must hold for the variable to exist; empty for one that always exists.
        low, high, step, log: The range of a number (`step` is None for a continuous float).
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
        """A choice among `options`, which must be distinct.

        Raises:
            ValueError: No options, or two that Optuna cannot tell apart (`True` and `1`).
        """
        if len(options) == 0:
            raise ValueError(f"Variable {name!r} needs at least one option, got none.")
        if len(set(options)) != len(options):
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
        """An integer in `[low, high]` by `step`.

        A range of more than `MAX_LEVELS` steps is given a grid of `MAX_LEVELS` of them.

        Raises:
            ValueError: `low > high`, a step below 1, or `log` with `low < 1` or with a step.
        """
        _check_range(name, low, high, step, log)
        if step < 1:
            raise ValueError(f"Variable {name!r}: step must be at least 1, got {step}.")
        n = (high - low) // step + 1
        if n <= MAX_LEVELS:
            grid = [low + step * i for i in range(n)]
        elif log:
            points = np.exp(np.linspace(np.log(low), np.log(high), MAX_LEVELS))
            grid = sorted({int(v) for v in np.clip(np.rint(points), low, high)})
        else:
            steps = np.rint(np.linspace(0, n - 1, MAX_LEVELS)).astype(np.int64)
            grid = [low + step * int(i) for i in steps]
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
        """A float in `[low, high]`, continuous or by `step`.

        Raises:
            ValueError: `low > high`, a step of 0 or less, or `log` with `low <= 0` or with a step.
        """
        _check_range(name, low, high, step, log)
        if step is not None and not step > 0:
            raise ValueError(f"Variable {name!r}: step must be positive, got {step}.")
        grid: tuple[float, ...]
        if low == high:
            grid = (float(low),)
        elif step is None:
            points = np.linspace(np.log(low), np.log(high), MAX_LEVELS) if log else None
            values = np.linspace(low, high, MAX_LEVELS) if points is None else np.exp(points)
            grid = tuple(float(v) for v in np.clip(values, low, high))
        else:
            n = int(np.floor((high - low) / step + 1e-8)) + 1
            index = np.unique(np.rint(np.linspace(0, n - 1, min(n, MAX_LEVELS))).astype(np.int64))
            grid = tuple(float(low + step * int(i)) for i in index)
        return Variable(name, "float", grid, tuple(conditions), float(low), float(high), step, log)

    @property
    def n_options(self) -> int:
        """How many options (grid points) there are."""
        return len(self.options)

    @property
    def is_number(self) -> bool:
        """Whether the options are points of a numeric range."""
        return self.kind != "categorical"

    def index(self, value: Option) -> int:
        """Return the index of `value` among the options; a number goes to its nearest grid point.

        Raises:
            SpaceMismatchError: `value` is not an option, or lies outside the range.
        """
        if not self.is_number:
            for i, option in enumerate(self.options):
                # 1 == True and 1 == 1.0: the second is meant, the first is not.
                if option == value and isinstance(option, bool) == isinstance(value, bool):
                    return i
            raise SpaceMismatchError(
                f"{self.name}={value!r} is not an option of the space: {list(self.options)}."
            )
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise SpaceMismatchError(f"{self.name}={value!r} is not a number.")
        slack = 1e-9 * max(abs(self.low), abs(self.high), 1e-300)
        if not self.low - slack <= value <= self.high + slack:
            raise SpaceMismatchError(
                f"{self.name}={value!r} lies outside the space's range [{self.low}, {self.high}]."
            )
        grid = self._positions()
        at = float(self._position(float(value)))
        right = int(np.clip(np.searchsorted(grid, at), 1, max(len(grid) - 1, 1)))
        if len(grid) == 1:
            return 0
        return right if grid[right] - at < at - grid[right - 1] else right - 1

    def refine(self, index: int, rng: np.random.Generator) -> Option:
        """Return a value drawn from the cell around option `index`.

        The option itself for a categorical variable and where the grid holds every step; else
        uniform (in log where `log`) between the midpoints to the neighbours, on a step.
        """
        if not self.is_number or self.n_options == 1 or not self._is_coarse():
            return self.options[index]
        grid = self._positions()
        left = grid[max(index - 1, 0)]
        right = grid[min(index + 1, len(grid) - 1)]
        at = rng.uniform((left + grid[index]) / 2, (right + grid[index]) / 2)
        value = float(np.clip(np.exp(at) if self.log else at, self.low, self.high))
        if self.kind == "integer":
            assert self.step is not None
            steps = round((value - self.low) / self.step)
            return int(self.low + steps * self.step)
        if self.step is not None:
            return float(self.low + round((value - self.low) / self.step) * self.step)
        return value

    def _is_coarse(self) -> bool:
        """Whether the range holds values between two grid points."""
        if self.step is None:
            return True
        return (self.high - self.low) / self.step + 1 > self.n_options + 1e-6

    def _position(self, value: float) -> float:
        return float(np.log(value)) if self.log else value

    def _positions(self) -> FloatArray:
        values = np.asarray(self.options, dtype=float)
        return np.log(values) if self.log else values


def _check_range(name: str, low: float, high: float, step: float | None, log: bool) -> None:
    if not (np.isfinite(low) and np.isfinite(high)) or low > high:
        raise ValueError(f"Variable {name!r} needs finite low <= high, got [{low}, {high}].")
    if log and low <= 0:
        raise ValueError(f"Variable {name!r}: log=True needs low > 0, got {low}.")
    if log and step not in (None, 1):
        raise ValueError(f"Variable {name!r}: log=True and step={step} exclude each other.")
