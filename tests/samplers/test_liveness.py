"""Whether a process is known to be dead, on real processes."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from optuna_linas.assignment import Holder
from optuna_linas.samplers.liveness import is_known_dead, this_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="asks a POSIX system")


def test_a_running_process_is_not_dead() -> None:
    assert not is_known_dead(this_process())
    assert not is_known_dead(
        replace(this_process(), pid=os.getppid(), started=_start(os.getppid()))
    )


def test_a_process_that_has_ended_is_dead_reaped_or_not() -> None:
    child = subprocess.Popen(["sleep", "60"])
    holder = replace(this_process(), pid=child.pid, started=_start(child.pid))
    assert not is_known_dead(holder)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, but its parent has not looked
    if sys.platform == "linux":
        assert is_known_dead(holder)
    child.wait()
    assert is_known_dead(holder)


def test_another_process_with_the_same_id_is_not_the_same() -> None:
    if sys.platform == "linux":
        assert is_known_dead(replace(this_process(), started="1"))


def test_of_another_machine_nothing_is_known() -> None:
    assert not is_known_dead(Holder("elsewhere", 2**22 + 1, "1"))


def _start(pid: int) -> str:
    from optuna_linas.samplers.liveness import _start_of

    return _start_of(pid) or ""
