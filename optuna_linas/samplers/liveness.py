"""Whether the process that holds a slot is known to be dead.

Storages do not say so (heartbeats exist for databases only). On one machine the operating system
does: a process is gone when its id is, or belongs to a process that started at another time.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from optuna_linas.assignment import Holder

__all__ = ["is_known_alive", "is_known_dead", "this_process"]


def this_process() -> Holder:
    """Return the mark of the running process."""
    pid = os.getpid()
    return Holder(_machine(), pid, _start_of(pid) or "")


def is_known_dead(holder: Holder) -> bool:
    """Return whether a process no longer exists; `False` where that cannot be known from here.

    Example:
        >>> is_known_dead(this_process())
        False
    """
    if holder.machine != _machine() or os.name != "posix":
        return False
    try:
        os.kill(holder.pid, 0)  # asks only whether it is there
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    start = _start_of(holder.pid)
    return start is not None and start != holder.started


def is_known_alive(holder: Holder) -> bool:
    """Return whether a process still runs; `False` where that cannot be known from here.

    Example:
        >>> is_known_alive(this_process())
        True
    """
    if holder.machine != _machine():
        return False
    start = _start_of(holder.pid)
    return start is not None and start != "" and start == holder.started


def _machine() -> str:
    """The host, this boot of it, and the container: what a process id is unique in."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:  # not Linux
        pass
    return " ".join(parts)


def _start_of(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; "" for one that has died and was not reaped.

    `None` where the system does not tell.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in brackets may hold spaces and brackets; state and start are fields 3 and 22.
    fields = text[text.rindex(")") + 2 :].split()
    return "" if fields[0] in "ZX" else fields[19]
