"""The latency of a network on a device of this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from optuna_linas.hardware.devices import device_key, device_name, find_device, synchronize
from optuna_linas.hardware.examples import batch_size_of, copy_to, with_batch_size
from optuna_linas.hardware.measurement import Measurement
from optuna_linas.hardware.timing import TimingPlan, time_calls
from optuna_linas.hardware.turns import take_turn

__all__ = ["LatencyMeter", "measure_latency"]


@dataclass(frozen=True)
class LatencyMeter:
    """Measures networks, one after another, always under the same conditions.

    Meters of one user on one host take turns, over threads and processes, device by device. Only
    measurements wait for one another: training or evaluation beside them still slows them down,
    most of all in threads of the same process (`n_jobs`), which share Python's lock. Prefer
    processes where latency is an objective, and leave a core free for the measurement.

    Attributes:
        batch_size: Examples per forward call; the example input is cut or repeated to it.
        n_threads: Threads that one CPU operator may use.
        device: "cpu", "cuda", "cuda:1", "mps", ...
        plan: How long to warm up and how many readings to take.
        turn_timeout_s: The longest wait for the others' measurements, in seconds.
        clock: Returns seconds.

    Raises:
        DeviceNotFoundError: This machine has no such device.
        TypeError: `batch_size` or `n_threads` is no whole number.
        ValueError: `batch_size`, `n_threads` or `turn_timeout_s` is not positive.

    Example:
        >>> meter = LatencyMeter(batch_size=1, n_threads=1)
        >>> measurement = meter(nn.Linear(8, 2), torch.zeros(64, 8))
        >>> measurement.batch_size, measurement.latency_ms > 0
        (1, True)
    """

    batch_size: int = 1
    n_threads: int = 1
    device: str | torch.device = "cpu"
    plan: TimingPlan = field(default_factory=TimingPlan)
    turn_timeout_s: float = 600.0
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        _check_count("batch_size", "examples", self.batch_size)
        _check_conditions(self.n_threads, self.turn_timeout_s)
        find_device(self.device)

    def __call__(self, module: nn.Module, example_input: Any) -> Measurement:
        """Measure `module`; arguments and errors as `measure_latency`."""
        return measure_latency(
            module,
            with_batch_size(example_input, self.batch_size),
            device=self.device,
            n_threads=self.n_threads,
            plan=self.plan,
            turn_timeout_s=self.turn_timeout_s,
            clock=self.clock,
        )


def measure_latency(
    module: nn.Module,
    example_input: Any,
    *,
    device: str | torch.device = "cpu",
    n_threads: int = 1,
    plan: TimingPlan | None = None,
    turn_timeout_s: float = 600.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Measurement:
    """Measure how long one forward call takes, in evaluation mode and without gradients.

    A copy of the module is measured, so the caller's keeps its mode, device and state. Each call
    is waited for (a GPU only queues it), and nobody else measures on the device meanwhile.

    Args:
        module: The network.
        example_input: What `module` is called with, batch first: a tensor, or a tuple, list or
            dict of tensors that `forward` takes as its one argument. Measured at the batch size it
            has.
        device: "cpu", "cuda", "cuda:1", "mps", ...
        n_threads: Threads that one CPU operator may use; the caller's number is restored.
        plan: How long to warm up and how many readings to take; `TimingPlan()` if not given.
        turn_timeout_s: The longest wait for other measurements to end, in seconds.
        clock: Returns seconds.

    Returns:
        The median over the readings, their interquartile range, and the conditions.

    Raises:
        DeviceNotFoundError: This machine has no such device.
        EmptyDataError: The example input has no examples.
        TimeoutError: Others measured for longer than `turn_timeout_s`.
        TypeError: `module` is no `nn.Module`, or `example_input` holds no batch.
        ValueError: `n_threads` or `turn_timeout_s` is not positive.

    Example:
        >>> measure_latency(nn.Conv2d(3, 8, 3), torch.zeros(2, 3, 32, 32)).batch_size
        2
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"A network to measure is an nn.Module, got {type(module).__name__}.")
    _check_conditions(n_threads, turn_timeout_s)
    where = find_device(device)
    batch_size = batch_size_of(example_input)
    plan = TimingPlan() if plan is None else plan
    network = copy.deepcopy(module).to(where).eval()
    example = copy_to(example_input, where)

    def call() -> None:
        network(example)
        synchronize(where)

    with take_turn(device_key(where), turn_timeout_s), _threads(n_threads), torch.inference_mode():
        synchronize(where)
        readings = time_calls(call, plan, clock)
    low, middle, high = np.percentile(np.asarray(readings.seconds) * 1e3, [25, 50, 75])
    return Measurement(
        latency_ms=float(middle),
        latency_ms_iqr=float(high - low),
        n_repeats=len(readings.seconds),
        n_warmup=readings.n_warmup,
        device=device_name(where),
        batch_size=batch_size,
        n_threads=n_threads,
        n_calls_per_reading=readings.n_calls,
        warmed_up=readings.warmed_up,
    )


def _check_conditions(n_threads: int, turn_timeout_s: float) -> None:
    _check_count("n_threads", "CPU threads", n_threads)
    if not turn_timeout_s > 0:
        raise ValueError(f"turn_timeout_s is a positive number of seconds, got {turn_timeout_s}.")


def _check_count(name: str, things: str, n: object) -> None:
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"{name} counts {things}, a whole number, got {n!r}.")
    if n < 1:
        raise ValueError(f"{name} counts {things}, at least 1, got {n}.")


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
