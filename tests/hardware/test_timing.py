import gc
import itertools
from collections.abc import Iterable
from statistics import median
from typing import Any

import pytest

from optuna_linas.hardware.timing import TimingPlan, by_clock, time_calls, time_in_turns


class ScriptedCall:
    """A call that takes the scripted seconds, one after another, and its clock."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self._seconds = iter(seconds)
        self._now = 0.0
        self.n_calls = 0

    def __call__(self) -> None:
        self._now += next(self._seconds)
        self.n_calls += 1

    def clock(self) -> float:
        return self._now


def test_warm_up_lasts_until_two_windows_agree() -> None:
    slow = [8.0] * 5 + [4.0] * 5 + [2.0] * 5
    call = ScriptedCall([*slow, *[1.0] * 10, *[1.0] * 4])
    readings = time_calls(call, TimingPlan(n_repeats=4), by_clock(call.clock))
    assert readings.n_warmup == 25
    assert readings.warmed_up
    assert readings.seconds == (1.0,) * 4


def test_warm_up_ends_at_its_bound_and_says_so() -> None:
    call = ScriptedCall(2.0**-i for i in itertools.count())
    plan = TimingPlan(n_repeats=1, max_warmup=22, min_reading_ms=0.0)
    readings = time_calls(call, plan, by_clock(call.clock))
    assert readings.n_warmup == 20  # whole windows
    assert not readings.warmed_up


def test_warm_up_lasts_at_least_its_minimum() -> None:
    call = ScriptedCall(itertools.repeat(1.0))
    readings = time_calls(call, TimingPlan(n_repeats=1, min_warmup=30), by_clock(call.clock))
    assert readings.n_warmup == 30
    assert readings.warmed_up


def test_an_interruption_does_not_prolong_the_warm_up() -> None:
    call = ScriptedCall([1.0, 90.0, 1.0, 90.0, 1.0, *[1.0] * 5, 1.0])
    readings = time_calls(call, TimingPlan(n_repeats=1), by_clock(call.clock))
    assert readings.n_warmup == 10


def test_a_short_call_is_repeated_within_a_reading() -> None:
    call = ScriptedCall(itertools.repeat(2.0**-13))  # 0.12 ms, exact in binary
    readings = time_calls(call, TimingPlan(n_repeats=3, min_reading_ms=1.0), by_clock(call.clock))
    assert readings.n_calls == 9
    assert readings.seconds == (2.0**-13,) * 3
    assert call.n_calls == readings.n_warmup + 3 * 9


def test_a_long_call_is_not_repeated_within_a_reading() -> None:
    call = ScriptedCall(itertools.repeat(0.25))
    assert time_calls(call, TimingPlan(n_repeats=3), by_clock(call.clock)).n_calls == 1


def test_a_call_below_the_resolution_of_the_clock_ends() -> None:
    call = ScriptedCall(itertools.repeat(0.0))
    readings = time_calls(call, TimingPlan(n_repeats=2), by_clock(call.clock))
    assert readings.seconds == (0.0, 0.0)
    assert readings.n_calls == 10_000
    assert not readings.warmed_up


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_as_before_even_after_an_error(enabled: bool) -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise RuntimeError("the network broke")

    was_enabled = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(RuntimeError, match="the network broke"):
            time_calls(fail, TimingPlan(), by_clock(lambda: 0.0))
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_repeats": 0}, "n_repeats counts readings"),
        ({"min_warmup": 3}, "10 <= min_warmup <= max_warmup"),
        ({"min_warmup": 50, "max_warmup": 40}, "10 <= min_warmup <= max_warmup"),
        ({"tolerance": -0.1}, "tolerance is a fraction"),
        ({"tolerance": float("nan")}, "tolerance is a fraction"),
        ({"min_reading_ms": -1.0}, "min_reading_ms is 0 or more"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimingPlan(**settings)


def test_calls_are_read_in_turns_and_each_round_begins_with_another() -> None:
    order: list[str] = []
    calls = [lambda name=name: order.append(name) for name in "abc"]
    plan = TimingPlan(n_repeats=4, min_reading_ms=0.0, max_attempts=1)
    time_in_turns(calls, plan, by_clock(itertools.count().__next__))
    assert "".join(order[30:]) == "abcbcacababc"


def test_a_drift_of_the_machine_hits_all_alike() -> None:
    now = [0.0, 0.0]  # time, and calls so far

    def call(seconds: float) -> None:
        now[1] += 1
        now[0] += seconds * (1 + now[1] / 50)  # ever slower

    plan = TimingPlan(n_repeats=20, max_attempts=1)
    fast, slow = time_in_turns(
        [lambda: call(0.01), lambda: call(0.02)], plan, by_clock(lambda: now[0])
    )
    assert median(slow.seconds) / median(fast.seconds) == pytest.approx(2.0, rel=0.02)


def test_outliers_are_those_beyond_the_fences() -> None:
    call = ScriptedCall([*[1.0] * 10, 1.0, 1.1, 1.2, 1.3, 1.4, 9.0, 0.1])
    readings = time_calls(call, TimingPlan(n_repeats=7, max_attempts=1), by_clock(call.clock))
    assert readings.n_outliers == 2


@pytest.mark.parametrize(
    ("attempts", "kept", "steady"),
    [
        ([[1.0, 2.0, 9.0], [2.0, 2.0, 2.0]], (2.0, 2.0, 2.0), True),
        ([[1.0, 2.0, 9.0], [1.0, 2.0, 3.0], [1.0, 2.0, 5.0]], (1.0, 2.0, 3.0), False),
    ],
)
def test_readings_with_a_wide_spread_are_taken_again_and_the_steadiest_kept(
    attempts: list[list[float]], kept: tuple[float, ...], steady: bool
) -> None:
    call = ScriptedCall([*[1.0] * 10, *itertools.chain(*attempts)])
    plan = TimingPlan(n_repeats=3, max_spread=0.25, max_attempts=3)
    readings = time_calls(call, plan, by_clock(call.clock))
    assert readings.seconds == pytest.approx(kept)
    assert readings.steady is steady
