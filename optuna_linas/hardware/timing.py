"""Time a call: warm up until the times settle, then take readings.

The first calls of a network are slow (memory is allocated, kernels are chosen, the clock frequency
rises) by an amount that differs between machines. So warm-up ends when the medians of successive
windows of readings agree, not after a fixed count. This file knows no torch: a clock and a call
are passed in.

A spread that is too wide says that something else ran meanwhile: the readings are taken again, a
few times, and the steadiest ones are kept together with the verdict.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import NamedTuple

__all__ = ["Readings", "Stopwatch", "TimingPlan", "by_clock", "time_calls", "time_in_turns"]

WINDOW = 5
"""Readings of a warm-up window: the fewest whose median ignores two interruptions."""

_MAX_CALLS_PER_READING = 10_000

Stopwatch = Callable[[Callable[[], object], int], float]
"""Calls a function so many times; returns the seconds that all calls took together."""


@dataclass(frozen=True)
class TimingPlan:
    """How long to warm up and how many readings to take.

    Attributes:
        n_repeats: Readings that are kept.
        min_warmup, max_warmup: Bounds on the readings that are discarded; a whole number of
            windows of 5 is taken.
        tolerance: The warm-up ends when the medians of two successive windows differ by at most
            this fraction.
        min_reading_ms: The shortest reading, in milliseconds. A call that takes less is repeated
            inside the reading, so that the resolution of the clock does not matter. Short readings
            suit a busy machine: most of them fit between two interruptions, which is what the
            median needs.
        max_spread: The widest interquartile range that counts as steady, as a share of the median.
        max_attempts: How often the readings are taken while their spread is wider.

    Raises:
        ValueError: `n_repeats < 1`, not `10 <= min_warmup <= max_warmup`, a negative tolerance,
            `min_reading_ms` or `max_spread`, or `max_attempts < 1`.

    Example:
        >>> TimingPlan(n_repeats=200).max_warmup  # a finer figure, in four times the time
        100
    """

    n_repeats: int = 50
    min_warmup: int = 2 * WINDOW
    max_warmup: int = 100
    tolerance: float = 0.05
    min_reading_ms: float = 0.2
    max_spread: float = 0.25
    max_attempts: int = 3

    def __post_init__(self) -> None:
        if self.n_repeats < 1:
            raise ValueError(f"n_repeats counts readings, at least 1, got {self.n_repeats}.")
        if not 2 * WINDOW <= self.min_warmup <= self.max_warmup:
            raise ValueError(
                f"Warm-up compares two windows of {WINDOW} readings, so it needs "
                f"{2 * WINDOW} <= min_warmup <= max_warmup, got min_warmup={self.min_warmup}, "
                f"max_warmup={self.max_warmup}."
            )
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance is a fraction of 0 or more, got {self.tolerance}.")
        if not 0 <= self.min_reading_ms < math.inf:
            raise ValueError(f"min_reading_ms is 0 or more, got {self.min_reading_ms}.")
        if not self.max_spread >= 0:
            raise ValueError(f"max_spread is a fraction of 0 or more, got {self.max_spread}.")
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is at least 1, got {self.max_attempts}.")


@dataclass(frozen=True)
class Readings:
    """What `time_calls` saw.

    Attributes:
        seconds: The kept readings, seconds per call, `n_repeats` of them.
        n_warmup: Calls made and discarded.
        n_calls: Calls that each reading is the mean of.
        warmed_up: Whether the times settled within the plan's bound.
        steady: Whether the spread is as narrow as the plan wants it.
    """

    seconds: tuple[float, ...]
    n_warmup: int
    n_calls: int
    warmed_up: bool
    steady: bool = True

    @property
    def n_outliers(self) -> int:
        """Readings more than 1.5 interquartile ranges outside of the quartiles (Tukey's fences)."""
        low, _, high = _quartiles(self.seconds)
        reach = 1.5 * (high - low)
        return sum(not low - reach <= s <= high + reach for s in self.seconds)


def by_clock(clock: Callable[[], float]) -> Stopwatch:
    """Return the stopwatch of a clock that returns seconds, like `time.perf_counter`.

    What it times returns when its work is done, not when the work is queued.
    """

    def seconds(call: Callable[[], object], n_calls: int) -> float:
        start = clock()
        for _ in range(n_calls):
            call()
        return clock() - start

    return seconds


def time_calls(call: Callable[[], object], plan: TimingPlan, stopwatch: Stopwatch) -> Readings:
    """Call `call` until its times settle, then time it.

    Args:
        call: What is timed.
        plan: How long to warm up, how many readings to take.
        stopwatch: Times a number of calls.

    Example:
        >>> import time
        >>> plan = TimingPlan()
        >>> readings = time_calls(lambda: sum(range(1000)), plan, by_clock(time.perf_counter))
        >>> len(readings.seconds)
        50
    """
    return time_in_turns([call], plan, stopwatch)[0]


def time_in_turns(
    calls: Sequence[Callable[[], object]], plan: TimingPlan, stopwatch: Stopwatch
) -> list[Readings]:
    """Time several calls reading by reading in turns, so that a drift of the machine hits all.

    Each round takes one reading of every call, and begins with another one.

    Args:
        calls: What is timed.
        plan: How long to warm up each, how many readings of each to take. The readings are taken
            again while any call's spread is too wide; the round of readings whose widest spread is
            the narrowest is kept.
        stopwatch: Times a number of calls.
    """
    with _no_garbage_collection():
        warmed = [_warm_up(call, plan, stopwatch) for call in calls]
        best: list[tuple[float, ...]] = []
        for _ in range(plan.max_attempts):
            seconds: list[list[float]] = [[] for _ in calls]
            for turn in range(plan.n_repeats):
                for k in range(len(calls)):
                    which = (k + turn) % len(calls)
                    n_calls = warmed[which].n_calls
                    seconds[which].append(stopwatch(calls[which], n_calls) / n_calls)
            if not best or _widest(seconds) < _widest(best):
                best = [tuple(row) for row in seconds]
            if _widest(best) <= plan.max_spread:
                break
    return [
        Readings(row, w.n_calls_made, w.n_calls, w.settled, _spread(row) <= plan.max_spread)
        for row, w in zip(best, warmed, strict=True)
    ]


class _WarmUp(NamedTuple):
    """The calls that a reading needs, those made, and whether the times settled."""

    n_calls: int
    n_calls_made: int
    settled: bool


def _warm_up(call: Callable[[], object], plan: TimingPlan, stopwatch: Stopwatch) -> _WarmUp:
    n_calls, n_warmup = 1, 0
    previous = math.nan  # no window before the first: NaN agrees with nothing
    for n_readings in range(WINDOW, plan.max_warmup + 1, WINDOW):
        latest = median(stopwatch(call, n_calls) / n_calls for _ in range(WINDOW))
        n_warmup += WINDOW * n_calls
        is_long_enough = n_calls * latest * 1e3 >= plan.min_reading_ms / 2
        is_settled = abs(latest - previous) <= plan.tolerance * previous
        if n_readings >= plan.min_warmup and is_settled and is_long_enough:
            return _WarmUp(n_calls, n_warmup, True)
        n_calls = _calls_per_reading(latest, n_calls, plan.min_reading_ms / 1e3)
        previous = latest
    return _WarmUp(n_calls, n_warmup, False)


def _quartiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    if len(seconds) == 1:
        return (seconds[0],) * 3
    low, middle, high = quantiles(seconds, n=4, method="inclusive")
    return low, middle, high


def _spread(seconds: Sequence[float]) -> float:
    """The interquartile range as a share of the median."""
    low, middle, high = _quartiles(seconds)
    return (high - low) / middle if middle > 0 else 0.0


def _widest(rows: Sequence[Sequence[float]]) -> float:
    return max(_spread(row) for row in rows)


def _calls_per_reading(seconds: float, n_calls: int, min_seconds: float) -> int:
    """Return how many calls of `seconds` each make a reading of `min_seconds`."""
    if min_seconds == 0:
        return 1
    if seconds <= 0:  # below the clock's resolution: no estimate to go by
        return min(10 * n_calls, _MAX_CALLS_PER_READING)
    return min(max(math.ceil(min_seconds / seconds), 1), _MAX_CALLS_PER_READING)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep collections out of the readings, as `timeit` does."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
