"""Time a call: warm up until the times settle, then take readings.

The first calls of a network are slow (memory is allocated, kernels are chosen, the clock frequency
rises) by an amount that differs between machines. So warm-up ends when the medians of successive
windows of readings agree, not after a fixed count. This file knows no torch: a clock and a call
are passed in.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

__all__ = ["Readings", "TimingPlan", "time_calls"]

WINDOW = 5
"""Readings of a warm-up window: the fewest whose median ignores two interruptions."""

_MAX_CALLS_PER_READING = 10_000


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
            inside the reading, so that the resolution of the clock does not matter.

    Raises:
        ValueError: `n_repeats < 1`, not `10 <= min_warmup <= max_warmup`, a negative tolerance or
            a negative `min_reading_ms`.

    Example:
        >>> TimingPlan(n_repeats=200).max_warmup  # a finer figure, in four times the time
        100
    """

    n_repeats: int = 50
    min_warmup: int = 2 * WINDOW
    max_warmup: int = 100
    tolerance: float = 0.05
    min_reading_ms: float = 1.0

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


@dataclass(frozen=True)
class Readings:
    """What `time_calls` saw.

    Attributes:
        seconds: The kept readings, seconds per call, `n_repeats` of them.
        n_warmup: Calls made and discarded.
        n_calls: Calls that each reading is the mean of.
        warmed_up: Whether the times settled within the plan's bound.
    """

    seconds: tuple[float, ...]
    n_warmup: int
    n_calls: int
    warmed_up: bool


def time_calls(
    call: Callable[[], object], plan: TimingPlan, clock: Callable[[], float]
) -> Readings:
    """Call `call` until its times settle, then time it.

    Args:
        call: What is timed. It returns when its work is done, not when the work is queued.
        plan: How long to warm up, how many readings to take.
        clock: Returns seconds, like `time.perf_counter`.

    Example:
        >>> import time
        >>> readings = time_calls(lambda: sum(range(1000)), TimingPlan(), time.perf_counter)
        >>> len(readings.seconds)
        50
    """
    with _no_garbage_collection():
        n_calls, n_warmup, warmed_up = _warm_up(call, plan, clock)
        seconds = tuple(_read(call, n_calls, clock) for _ in range(plan.n_repeats))
    return Readings(seconds, n_warmup, n_calls, warmed_up)


def _warm_up(
    call: Callable[[], object], plan: TimingPlan, clock: Callable[[], float]
) -> tuple[int, int, bool]:
    """Return the calls a reading needs, the calls made, and whether the times settled."""
    n_calls, n_warmup = 1, 0
    previous = math.nan  # no window before the first: NaN agrees with nothing
    for n_readings in range(WINDOW, plan.max_warmup + 1, WINDOW):
        latest = median(_read(call, n_calls, clock) for _ in range(WINDOW))
        n_warmup += WINDOW * n_calls
        is_long_enough = n_calls * latest * 1e3 >= plan.min_reading_ms / 2
        is_settled = abs(latest - previous) <= plan.tolerance * previous
        if n_readings >= plan.min_warmup and is_settled and is_long_enough:
            return n_calls, n_warmup, True
        n_calls = _calls_per_reading(latest, n_calls, plan.min_reading_ms / 1e3)
        previous = latest
    return n_calls, n_warmup, False


def _calls_per_reading(seconds: float, n_calls: int, min_seconds: float) -> int:
    """Return how many calls of `seconds` each make a reading of `min_seconds`."""
    if min_seconds == 0:
        return 1
    if seconds <= 0:  # below the clock's resolution: no estimate to go by
        return min(10 * n_calls, _MAX_CALLS_PER_READING)
    return min(max(math.ceil(min_seconds / seconds), 1), _MAX_CALLS_PER_READING)


def _read(call: Callable[[], object], n_calls: int, clock: Callable[[], float]) -> float:
    """Return the mean seconds of `n_calls` calls."""
    start = clock()
    for _ in range(n_calls):
        call()
    return (clock() - start) / n_calls


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
