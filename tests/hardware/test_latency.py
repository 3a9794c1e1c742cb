import itertools
import json
import math
import pickle
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import DeviceNotFoundError, EmptyDataError
from optuna_linas.hardware import LatencyMeter, Measurement, TimingPlan, measure_latency

QUICK = TimingPlan(n_repeats=3, max_warmup=10, min_reading_ms=0.0, max_spread=math.inf)


class FakeClock:
    """Stands still until a network moves it on by the next scripted time."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self._seconds = iter(seconds)
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    def tick(self) -> None:
        self._now += next(self._seconds)

    def __deepcopy__(self, memo: dict[int, Any]) -> "FakeClock":
        return self  # a copied network still moves the one clock


class Timed(nn.Module):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self, x: Tensor) -> Tensor:
        self.clock.tick()
        return x


class Spy(nn.Module):
    """Notes what it sees in every call; the note is shared with its copies."""

    def __init__(self, seen: list[Any]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.see = seen.append  # a bound built-in is not copied by deepcopy

    def forward(self, x: Any) -> Any:
        shape = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        self.see((shape, torch.get_num_threads(), self.training, torch.is_inference_mode_enabled()))
        return self.norm(x) if isinstance(x, Tensor) else x


def test_median_and_interquartile_range_of_the_readings() -> None:
    clock = FakeClock([*[0.003] * 10, 0.001, 0.002, 0.003, 0.004, 0.100])
    measurement = measure_latency(
        Timed(clock), torch.zeros(2, 3), plan=TimingPlan(n_repeats=5, max_attempts=1), clock=clock
    )
    assert measurement.latency_ms == pytest.approx(3.0)
    assert measurement.latency_ms_iqr == pytest.approx(2.0)
    assert measurement.n_repeats == 5
    assert measurement.n_warmup == 10
    assert measurement.n_calls_per_reading == 1
    assert measurement.warmed_up
    assert measurement.batch_size == 2
    assert measurement.n_threads == 1
    assert measurement.device not in ("", "cpu")


def test_the_network_runs_in_evaluation_and_inference_mode_with_the_given_threads() -> None:
    seen: list[Any] = []
    measure_latency(Spy(seen), torch.zeros(4, 3), n_threads=2, plan=QUICK)
    assert set(seen) == {((4, 3), 2, False, True)}


@pytest.mark.parametrize("training", [True, False])
def test_the_callers_network_and_threads_are_as_before(training: bool) -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).train(training)
    network[0].eval()  # a frozen part stays frozen
    before = {name: value.clone() for name, value in network.state_dict().items()}
    n_threads = torch.get_num_threads()
    measure_latency(network, torch.ones(4, 3), n_threads=n_threads + 1, plan=QUICK)
    assert [m.training for m in network.modules()] == [training, False, training]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.get_num_threads() == n_threads


def test_threads_are_restored_when_the_network_fails() -> None:
    n_threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        measure_latency(nn.Linear(3, 3), torch.ones(4, 7), n_threads=n_threads + 1)
    assert torch.get_num_threads() == n_threads


def test_an_in_place_network_does_not_change_the_example() -> None:
    example = -torch.ones(2, 3)
    measure_latency(nn.ReLU(inplace=True), example, plan=QUICK)
    assert torch.equal(example, -torch.ones(2, 3))


class Pair(NamedTuple):
    image: Tensor
    scale: Tensor


@pytest.mark.parametrize(
    "example",
    [
        (torch.zeros(4, 3), torch.zeros(4)),
        [torch.zeros(4, 3), "label"],
        {"tokens": torch.zeros(4, 3), "nested": (torch.zeros(4),), "scale": torch.tensor(1.0)},
        Pair(torch.zeros(4, 3), torch.tensor(1.0)),
    ],
)
def test_an_input_may_be_a_container_of_tensors(example: Any) -> None:
    seen: list[Any] = []
    measurement = LatencyMeter(batch_size=6, plan=QUICK)(Spy(seen), example)
    assert measurement.batch_size == 6
    assert {shape for shape, *_ in seen} == {type(example).__name__}


@pytest.mark.parametrize("batch_size", [1, 4, 11])
def test_the_meter_cuts_or_repeats_the_example_to_its_batch_size(batch_size: int) -> None:
    seen: list[Any] = []
    meter = LatencyMeter(batch_size=batch_size, plan=QUICK)
    assert meter(Spy(seen), torch.zeros(4, 3)).batch_size == batch_size
    assert {shape for shape, *_ in seen} == {(batch_size, 3)}


def test_the_meter_hands_on_all_its_conditions() -> None:
    clock = FakeClock(itertools.repeat(0.5))
    meter = LatencyMeter(n_threads=2, plan=TimingPlan(n_repeats=7), clock=clock)
    measurement = meter(Timed(clock), torch.zeros(4, 3))
    assert measurement.latency_ms == 500.0
    assert measurement.n_threads == 2
    assert measurement.n_repeats == 7


def test_a_measurement_holds_plain_numbers_whichever_it_was_given() -> None:
    measurement = Measurement(
        latency_ms=np.float32(1.5),  # type: ignore[arg-type]
        latency_ms_iqr=torch.tensor(0.5),  # type: ignore[arg-type]
        n_repeats=np.int64(5),  # type: ignore[arg-type]
        n_warmup=0,
        device="phone",
        batch_size=1,
        n_threads=4,
    )
    assert json.loads(json.dumps(asdict(measurement)))["latency_ms"] == 1.5


def test_a_meter_can_be_pickled() -> None:
    meter = LatencyMeter(batch_size=2, plan=QUICK)
    assert pickle.loads(pickle.dumps(meter)) == meter


def test_a_device_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    for device in ("nonsense", "meta", "cuda:99"):
        with pytest.raises(DeviceNotFoundError, match=rf"'{device}'.*this machine has cpu"):
            LatencyMeter(device=device)
        with pytest.raises(DeviceNotFoundError, match="this machine has cpu"):
            measure_latency(nn.Identity(), torch.zeros(1, 3), device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_where_there_is_none_is_found_out_when_the_meter_is_made() -> None:
    with pytest.raises(DeviceNotFoundError, match="'cuda' was asked for"):
        LatencyMeter(device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_caller_keeps_the_network_on_its_device() -> None:
    network = nn.Linear(3, 3)
    measurement = measure_latency(network, torch.zeros(4, 3), device="cuda", plan=QUICK)
    assert measurement.device == torch.cuda.get_device_name()
    assert measurement.latency_ms > 0
    assert network.weight.device.type == "cpu"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size counts examples"),
        ({"n_threads": 0}, "n_threads counts CPU threads"),
        ({"turn_timeout_s": 0.0}, "turn_timeout_s is a positive"),
        ({"turn_timeout_s": float("nan")}, "turn_timeout_s is a positive"),
    ],
)
def test_conditions_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatencyMeter(**settings)


@pytest.mark.parametrize("settings", [{"batch_size": 1.5}, {"n_threads": "1"}])
def test_counts_are_whole_numbers(settings: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="a whole number"):
        LatencyMeter(**settings)


def test_no_device_is_explained() -> None:
    with pytest.raises(DeviceNotFoundError, match="this machine has cpu"):
        LatencyMeter(device=None)  # type: ignore[arg-type]


def test_inputs_that_are_not_a_batch_are_refused() -> None:
    with pytest.raises(TypeError, match=r"nn\.Module, got function"):
        measure_latency(lambda x: x, torch.zeros(1, 3))  # type: ignore[arg-type]
    for example in (3.0, torch.tensor(1.0), {"label": "cat"}):
        with pytest.raises(TypeError, match=r"tensor of shape \(batch, \.\.\.\)"):
            measure_latency(nn.Identity(), example)
        with pytest.raises(TypeError, match=r"tensor of shape \(batch, \.\.\.\)"):
            LatencyMeter()(nn.Identity(), example)
    with pytest.raises(EmptyDataError, match="has no examples"):
        measure_latency(nn.Identity(), torch.zeros(0, 3))
    with pytest.raises(EmptyDataError, match="has no examples"):
        LatencyMeter()(nn.Identity(), torch.zeros(0, 3))
