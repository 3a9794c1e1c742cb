from __future__ import annotations

import itertools
import logging
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optuna_linas.hardware import (
    LatencyMeter,
    OnnxNetwork,
    TimingPlan,
    compare_latency,
    count_file_bytes,
    export_onnx,
    measure_latency,
    unsteady,
)
from optuna_linas.hardware.events import by_cuda_events
from tests.hardware.test_latency import FakeClock, Timed

QUICK = TimingPlan(n_repeats=3, max_warmup=10, min_reading_ms=0.0, max_spread=math.inf)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)]
    return nn.Sequential(*layers).eval()


class Pair(nn.Module):
    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        return x[0] + 2 * x[1]


def test_onnx_gives_what_torch_gives_at_any_batch(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'optuna-linas[export]'")
    net = network()
    exported = export_onnx(net, torch.rand(1, 3, 8, 8), tmp_path / "new" / "n.onnx")
    for n in (1, 5):
        x = torch.rand(n, 3, 8, 8)
        torch.testing.assert_close(exported(x), net(x).detach(), atol=1e-4, rtol=1e-4)
    assert list((tmp_path / "new").iterdir()) == [exported.path]
    assert count_file_bytes(exported) == exported.path.stat().st_size
    copied = pickle.loads(pickle.dumps(exported))
    assert torch.equal(copied(x), exported(x))


def test_an_input_of_two_tensors_is_exported(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    x = (torch.rand(2, 3), torch.rand(2, 3))
    exported = export_onnx(Pair(), x, tmp_path / "n.onnx")
    torch.testing.assert_close(exported(x), Pair()(x))


def test_a_network_that_onnx_gets_wrong_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(OnnxNetwork, "forward", lambda self, x: torch.zeros(2, 2))
    with pytest.raises(RuntimeError, match="differs from torch by up to"):
        export_onnx(network(), torch.rand(2, 3, 8, 8), tmp_path / "n.onnx")
    assert list(tmp_path.iterdir()) == []


def test_onnxruntime_measures_networks_and_files(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    x = torch.rand(2, 3, 8, 8)
    measurement = measure_latency(network(), x, backend="onnxruntime", plan=QUICK)
    assert measurement.backend == "onnxruntime"
    assert measurement.batch_size == 2
    assert measurement.latency_ms > 0
    exported = export_onnx(network(), x, tmp_path / "n.onnx")
    assert measure_latency(exported, x, plan=QUICK).backend == "onnxruntime"
    meter = LatencyMeter(backend="onnxruntime", plan=QUICK)
    assert meter(network(), x).backend == "onnxruntime"


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optuna_linas.extras.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'optuna-linas\[export\]'"):
        measure_latency(network(), torch.rand(1, 3, 8, 8), backend="onnxruntime", plan=QUICK)
    with pytest.raises(ImportError, match="onnxruntime is not installed"):
        OnnxNetwork("n.onnx")


def test_torch_compile_runs_the_compiled_network(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(torch, "compile", lambda net: compiled.append(net) or net)
    clock = FakeClock(itertools.repeat(0.25))
    measurement = measure_latency(
        Timed(clock), torch.rand(1, 3), backend="torch.compile", plan=QUICK, clock=clock
    )
    assert len(compiled) == 1
    assert measurement.backend == "torch.compile"
    assert measurement.latency_ms == 250.0


def test_a_backend_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unknown backend 'tvm'; choose from torch, torch.comp"):
        LatencyMeter(backend="tvm")  # type: ignore[arg-type]


def test_a_missing_onnx_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(FileNotFoundError, match=r"no ONNX file .*n\.onnx"):
        OnnxNetwork(tmp_path / "n.onnx")


def test_warm_up_and_repeats_override_the_plan() -> None:
    clock = FakeClock(itertools.repeat(0.5))
    net = Timed(clock)
    measurement = measure_latency(
        net, torch.zeros(1, 3), n_warmup=200, n_repeats=7, plan=QUICK, clock=clock
    )
    assert (measurement.n_warmup, measurement.n_repeats) == (200, 7)


def test_networks_are_compared_under_the_same_conditions() -> None:
    clock = FakeClock(
        itertools.chain([1.0] * 10, [2.0] * 10, itertools.cycle([1.0, 2.0, 2.0, 1.0]))
    )
    plan = TimingPlan(n_repeats=4)
    one, two = compare_latency(
        [Timed(clock), Timed(clock)], torch.zeros(3, 1), plan=plan, clock=clock
    )
    # Read a b, b a, a b, ...: the script gives a 1 s and b 2 s whichever is first.
    assert (one.latency_ms, two.latency_ms) == (1000.0, 2000.0)
    assert one.batch_size == two.batch_size == 3
    assert compare_latency([], torch.zeros(1, 1)) == []
    with pytest.raises(TypeError, match=r"nn\.Module, got str"):
        compare_latency([nn.Identity(), "net"], torch.zeros(1, 1))  # type: ignore[list-item]


def test_a_wide_spread_is_said(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(itertools.chain([1.0] * 10, itertools.cycle([1.0, 5.0, 9.0])))
    with caplog.at_level(logging.WARNING, logger="optuna_linas"):
        measurement = measure_latency(
            Timed(clock), torch.zeros(1, 1), plan=TimingPlan(n_repeats=9), clock=clock
        )
    assert not measurement.steady
    assert "latency of 5e+03 ms has an interquartile range of 8e+03 ms" in caplog.text


def test_a_search_is_told_once_and_then_how_often(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(itertools.cycle([1.0, 5.0, 9.0]))
    meter = LatencyMeter(plan=TimingPlan(n_repeats=9), clock=clock)
    calm = FakeClock(itertools.repeat(1.0))
    with caplog.at_level(logging.WARNING, logger="optuna_linas"):
        measured = [meter(Timed(clock), torch.zeros(1, 1)) for _ in range(17)]
        LatencyMeter(plan=TimingPlan(n_repeats=9), clock=calm)(Timed(calm), torch.zeros(1, 1))
    assert not any(each.steady for each in measured)  # each says so itself
    first, *others = [record.getMessage() for record in caplog.records]
    assert "latency of 5e+03 ms has an interquartile range of 8e+03 ms" in first
    assert [each.partition(" latency")[0] for each in others] == ["4 of 4", "16 of 16"]
    assert meter == LatencyMeter(plan=TimingPlan(n_repeats=9), clock=clock)  # a count is no setting
    assert pickle.loads(pickle.dumps(LatencyMeter())) == LatencyMeter()


def test_more_threads_than_cores_are_said_and_blamed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsteady, "n_available_cores", lambda: 2)
    clock = FakeClock(itertools.cycle([1.0, 5.0, 9.0]))
    with caplog.at_level(logging.WARNING, logger="optuna_linas"):
        LatencyMeter(n_threads=2)
        assert not caplog.records
        LatencyMeter(n_threads=4)
        measure_latency(
            Timed(clock), torch.zeros(1, 1), n_threads=4, plan=TimingPlan(n_repeats=9), clock=clock
        )
    meter, measured, spread = [record.getMessage() for record in caplog.records]
    assert meter == measured
    assert meter.startswith("n_threads=4, but this process has 2 CPU cores")
    assert spread.endswith("4 threads waited for one another on 2 CPU cores.")


class FakeQueue:
    """A GPU's queue: work takes time when it runs, not when it is queued."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.n_waits = 0

    def event(self) -> Any:
        queue = self

        class Event:
            def record(self) -> None:
                self.at_ms = queue.now_ms

            def synchronize(self) -> None:
                queue.n_waits += 1

            def elapsed_time(self, end: Any) -> float:
                return float(end.at_ms - self.at_ms)

        return Event()


def test_cuda_is_timed_by_events_with_one_wait_a_reading() -> None:
    queue = FakeQueue()

    def call() -> None:
        queue.now_ms += 3.0

    stopwatch: Callable[..., float] = by_cuda_events(torch.device("cuda"), queue.event)
    assert stopwatch(call, 4) == pytest.approx(0.012)
    assert queue.n_waits == 1
