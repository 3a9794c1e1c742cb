import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import pytest

from optuna_linas.hardware.turns import take_turn

# Each worker writes its name and the number of its measurement at every forward call.
MEASURING_WORKER = """
import sys
import time
from pathlib import Path
import torch
from optuna_linas.hardware import LatencyMeter, TimingPlan

name, log = sys.argv[1], Path(sys.argv[2])

class Logged(torch.nn.Module):
    number = 0

    def forward(self, x):
        with log.open("a") as file:
            file.write(f"{name}{Logged.number}\\n")
        time.sleep(0.001)  # lets the other worker in, if anything does
        return x

meter = LatencyMeter(plan=TimingPlan(n_repeats=20, max_warmup=10, min_reading_ms=0.0))
print("ready", flush=True)
sys.stdin.readline()
for Logged.number in range(8):
    meter(Logged(), torch.zeros(1, 1))
"""

HOLDING_WORKER = """
import time
from optuna_linas.hardware.turns import take_turn

with take_turn("cpu", timeout_s=60.0):
    print("holding", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else on the host takes turns with these tests; child processes inherit the folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(own_temporary_folder: None) -> Iterator[Start]:
    """Start a worker; none outlives the test."""
    with ExitStack() as stack:

        def start_one(script: str, *args: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", script, *args]
            pipe = subprocess.PIPE
            worker = stack.enter_context(
                subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
            )
            stack.callback(worker.kill)
            return worker

        yield start_one


def first_line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline()


def test_two_processes_measure_in_turns(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "calls.log"
    workers = [start(MEASURING_WORKER, name, str(log)) for name in "ab"]
    assert [first_line(worker) for worker in workers] == ["ready\n"] * 2
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.wait(timeout=120) == 0
    blocks = [label for label, _ in groupby(log.read_text().splitlines())]
    assert sorted(blocks) == sorted(f"{name}{i}" for name in "ab" for i in range(8))


def test_two_threads_take_turns() -> None:
    inside: list[int] = []
    most = 0

    def work(number: int) -> None:
        nonlocal most
        for _ in range(50):
            with take_turn("cpu", timeout_s=60.0):
                inside.append(number)
                most = max(most, len(inside))
                time.sleep(0.0005)  # lets the other thread in, if anything does
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_killed_process_frees_its_turn(start: Start) -> None:
    worker = start(HOLDING_WORKER)
    assert first_line(worker) == "holding\n"
    with (
        pytest.raises(TimeoutError, match=r"Waited 0\.05 s for other latency measurements"),
        take_turn("cpu", timeout_s=0.05),
    ):
        pass
    worker.kill()
    worker.wait(timeout=60)
    with take_turn("cpu", timeout_s=60.0):
        pass


def test_waiting_for_another_thread_is_bounded() -> None:
    failures: list[str] = []

    def wait() -> None:
        try:
            with take_turn("cpu", timeout_s=0.05):
                pass
        except TimeoutError as error:
            failures.append(str(error))

    with take_turn("cpu", timeout_s=60.0):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert len(failures) == 1
    assert "turn_timeout_s" in failures[0]


def test_a_turn_is_given_back_after_an_error() -> None:
    with pytest.raises(RuntimeError, match="broke"), take_turn("cpu", timeout_s=60.0):
        raise RuntimeError("broke")
    with take_turn("cpu", timeout_s=60.0):
        pass


def test_another_device_has_turns_of_its_own(tmp_path: Path) -> None:
    for device_key in ("cpu", "cuda-GPU 1/2", "cuda-GPU-1-2"):
        with take_turn(device_key, timeout_s=60.0):
            pass
    assert len(list(tmp_path.glob("optuna-linas-*.lock"))) == 3
