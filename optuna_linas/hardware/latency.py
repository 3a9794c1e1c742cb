"""The latency of a network on a device of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from optuna_linas.hardware.backends import Backend, check_backend, runnable
from optuna_linas.hardware.devices import device_key, device_name, find_device, synchronize
from optuna_linas.hardware.events import by_cuda_events
from optuna_linas.hardware.examples import batch_size_of, with_batch_size
from optuna_linas.hardware.measurement import Measurement
from optuna_linas.hardware.onnx_network import OnnxNetwork
from optuna_linas.hardware.timing import Readings, Stopwatch, TimingPlan, by_clock, time_in_turns
from optuna_linas.hardware.turns import take_turn
from optuna_linas.hardware.unsteady import UnsteadyCount, warn_of_threads, warn_unsteady

__all__ = ["LatencyMeter", "compare_latency", "measure_latency"]


@dataclass(frozen=True)
class LatencyMeter:
    """Measures networks, one after another, always under the same conditions.

    Figures whose spread stays too wide have `steady=False`. The first is logged as a warning, and
    then, as they become more, how many they are.

    Meters of one user on one host take turns, over threads and processes, device by device. Only
    measurements wait for one another: training or evaluation beside them still slows them down,
    most of all in threads of the same process (`n_jobs`), which share Python's lock. Prefer
    processes where latency is an objective, and leave a core free for the measurement.

    Attributes:
        batch_size: Examples per forward call; the example input is cut or repeated to it.
        n_threads: Threads that one CPU operator may use; of more than there are cores, a logged
            warning says so.
        device: "cpu", "cuda", "cuda:1", "mps", ...
        plan: How long to warm up and how many readings to take.
        turn_timeout_s: The longest wait for the others' measurements, in seconds.
        clock: Returns seconds; not used on CUDA devices, which time themselves.
        backend: What runs the networks: "torch", "torch.compile" or "onnxruntime".

    Raises:
        DeviceNotFoundError: This machine has no such device.
        TypeError: `batch_size` or `n_threads` is no whole number.
        ValueError: `batch_size`, `n_threads` or `turn_timeout_s` is not positive, or the backend
            does not run on the device.

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
    backend: Backend = "torch"
    _unsteady: UnsteadyCount = field(
        default_factory=UnsteadyCount, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        _check_count("batch_size", "examples", self.batch_size)
        _check_conditions(self.n_threads, self.turn_timeout_s)
        check_backend(self.backend, find_device(self.device))
        warn_of_threads(self.n_threads)

    def __call__(self, module: nn.Module, example_input: Any) -> Measurement:
        """Measure `module`; arguments and errors as `measure_latency`."""
        (measurement,) = _measured(
            [module],
            with_batch_size(example_input, self.batch_size),
            device=self.device,
            n_threads=self.n_threads,
            plan=self.plan,
            turn_timeout_s=self.turn_timeout_s,
            clock=self.clock,
            backend=self.backend,
        )
        self._unsteady.note(measurement)
        return measurement


def measure_latency(
    module: nn.Module,
    example_input: Any,
    *,
    device: str | torch.device = "cpu",
    n_threads: int = 1,
    n_warmup: int | None = None,
    n_repeats: int | None = None,
    plan: TimingPlan | None = None,
    turn_timeout_s: float = 600.0,
    clock: Callable[[], float] = time.perf_counter,
    backend: Backend = "torch",
) -> Measurement:
    """Measure how long one forward call takes, in evaluation mode and without gradients.

    A copy of the module is measured, so the caller's keeps its mode, device and state. Each call
    is waited for (a GPU only queues it), and nobody else measures on the device meanwhile. A figure
    whose spread stays too wide is logged as a warning and has `steady=False`.

    Args:
        module: The network, or an `OnnxNetwork`.
        example_input: What `module` is called with, batch first: a tensor, or a tuple, list or
            dict of tensors that `forward` takes as its one argument. Measured at the batch size it
            has.
        device: "cpu", "cuda", "cuda:1", "mps", ...
        n_threads: Threads that one CPU operator may use; the caller's number is restored.
        n_warmup: At least so many readings are discarded, whatever the plan says.
        n_repeats: So many readings are kept, whatever the plan says.
        plan: How long to warm up and how many readings to take; `TimingPlan()` if not given.
        turn_timeout_s: The longest wait for other measurements to end, in seconds.
        clock: Returns seconds; not used on CUDA devices, which time themselves by events.
        backend: What runs the network: "torch", "torch.compile" (its compilation falls into the
            warm-up) or "onnxruntime".

    Returns:
        The median over the readings, their interquartile range, and the conditions.

    Raises:
        DeviceNotFoundError: This machine has no such device.
        EmptyDataError: The example input has no examples.
        ImportError: The backend needs a package that is not installed.
        TimeoutError: Others measured for longer than `turn_timeout_s`.
        TypeError: `module` is no `nn.Module`, or `example_input` holds no batch.
        ValueError: `n_threads`, `n_repeats` or `turn_timeout_s` is not positive, or the backend
            does not run on the device.

    Example:
        >>> measure_latency(nn.Conv2d(3, 8, 3), torch.zeros(2, 3, 32, 32)).batch_size
        2
    """
    return compare_latency(
        [module],
        example_input,
        device=device,
        n_threads=n_threads,
        plan=_plan(plan, n_warmup, n_repeats),
        turn_timeout_s=turn_timeout_s,
        clock=clock,
        backend=backend,
    )[0]


def compare_latency(
    modules: Sequence[nn.Module],
    example_input: Any,
    *,
    device: str | torch.device = "cpu",
    n_threads: int = 1,
    plan: TimingPlan | None = None,
    turn_timeout_s: float = 600.0,
    clock: Callable[[], float] = time.perf_counter,
    backend: Backend = "torch",
) -> list[Measurement]:
    """Measure several networks reading by reading in turns, so that drift hits all alike.

    All are in memory at once. Arguments and errors are those of `measure_latency`.

    Args:
        modules: The networks.
        example_input: What each is called with.
        device: "cpu", "cuda", "cuda:1", "mps", ...
        n_threads: Threads that one CPU operator may use.
        plan: How long to warm up and how many readings of each network to take.
        turn_timeout_s: The longest wait for other measurements to end, in seconds.
        clock: Returns seconds.
        backend: What runs the networks.

    Returns:
        A measurement of each network, in their order.

    Example:
        >>> small, large = compare_latency(
        ...     [nn.Linear(8, 8), nn.Linear(8, 8)], torch.zeros(1, 8), plan=TimingPlan(n_repeats=5)
        ... )
        >>> small.n_repeats
        5
    """
    measurements = _measured(
        modules,
        example_input,
        device=device,
        n_threads=n_threads,
        plan=TimingPlan() if plan is None else plan,
        turn_timeout_s=turn_timeout_s,
        clock=clock,
        backend=backend,
    )
    warn_of_threads(n_threads)
    for measurement in measurements:
        warn_unsteady(measurement)
    return measurements


def _measured(
    modules: Sequence[nn.Module],
    example_input: Any,
    *,
    device: str | torch.device,
    n_threads: int,
    plan: TimingPlan,
    turn_timeout_s: float,
    clock: Callable[[], float],
    backend: Backend,
) -> list[Measurement]:
    for module in modules:
        if not isinstance(module, nn.Module):
            raise TypeError(f"A network to measure is an nn.Module, got {type(module).__name__}.")
    if len(modules) == 0:
        return []
    _check_conditions(n_threads, turn_timeout_s)
    where = find_device(device)
    check_backend(backend, where)
    batch_size = batch_size_of(example_input)
    stopwatch: Stopwatch = by_cuda_events(where) if where.type == "cuda" else by_clock(clock)
    with ExitStack() as stack:
        stack.enter_context(take_turn(device_key(where), turn_timeout_s))
        stack.enter_context(_threads(n_threads))
        calls = [
            stack.enter_context(
                runnable(
                    module,
                    example_input,
                    device=where,
                    n_threads=n_threads,
                    backend=backend,
                    wait=where.type != "cuda",
                )
            )
            for module in modules
        ]
        stack.enter_context(torch.inference_mode())
        synchronize(where)
        readings = time_in_turns(calls, plan, stopwatch)
    return [
        _measurement(
            reading,
            device=device_name(where),
            batch_size=batch_size,
            n_threads=n_threads,
            backend="onnxruntime" if isinstance(module, OnnxNetwork) else backend,
        )
        for module, reading in zip(modules, readings, strict=True)
    ]


def _measurement(
    readings: Readings, *, device: str, batch_size: int, n_threads: int, backend: str
) -> Measurement:
    low, middle, high = np.percentile(np.asarray(readings.seconds) * 1e3, [25, 50, 75])
    return Measurement(
        latency_ms=float(middle),
        latency_ms_iqr=float(high - low),
        n_repeats=len(readings.seconds),
        n_warmup=readings.n_warmup,
        device=device,
        batch_size=batch_size,
        n_threads=n_threads,
        n_calls_per_reading=readings.n_calls,
        warmed_up=readings.warmed_up,
        steady=readings.steady,
        n_outliers=readings.n_outliers,
        backend=backend,
    )


def _plan(plan: TimingPlan | None, n_warmup: int | None, n_repeats: int | None) -> TimingPlan:
    plan = TimingPlan() if plan is None else plan
    if n_warmup is not None:
        plan = replace(plan, min_warmup=n_warmup, max_warmup=max(plan.max_warmup, n_warmup))
    return plan if n_repeats is None else replace(plan, n_repeats=n_repeats)


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
