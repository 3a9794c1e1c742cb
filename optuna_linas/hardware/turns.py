"""Measurements of one host take turns: two at once would slow each other down.

The turn is a file lock of the operating system in the temporary folder. It holds between threads
and between processes, and frees itself when its process is killed.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["take_turn"]

_POLL_S = 0.01

_ONE_PER_PROCESS = threading.Lock()
"""A measurement sets torch's thread count, which belongs to the process and not to a device."""


@contextmanager
def take_turn(device_key: str, timeout_s: float) -> Iterator[None]:
    """Wait until no other measurement of this user runs on the device, and keep the others out.

    Not re-entrant. Only measurements wait for one another: other work on the host, such as a
    neighbouring worker's training, still disturbs them.

    Args:
        device_key: Names the device within the host; equal keys take turns.
        timeout_s: The longest wait, in seconds.

    Raises:
        TimeoutError: The others took longer than `timeout_s`.

    Example:
        >>> with take_turn("cpu", timeout_s=600.0):
        ...     pass  # nobody else measures on this host's CPU
    """
    path = _lock_path(device_key)
    deadline = time.monotonic() + timeout_s
    if not _ONE_PER_PROCESS.acquire(timeout=timeout_s):
        raise TimeoutError(_too_late(path, timeout_s))
    try:
        lock = FileLock(path)
        try:
            lock.acquire(timeout=max(deadline - time.monotonic(), 0.0), poll_interval=_POLL_S)
        except Timeout as timeout:
            raise TimeoutError(_too_late(path, timeout_s)) from timeout
        try:
            yield
        finally:
            lock.release()
    finally:
        _ONE_PER_PROCESS.release()


def _lock_path(device_key: str) -> Path:
    # The host is part of the name because a cluster's temporary folder may be shared, and the user
    # because a file of one user cannot be opened for writing by another.
    # A user id rather than a name: in a container, the id may have none.
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    owner = f"{platform.node()}\x1f{user}\x1f{device_key}"
    digest = hashlib.blake2b(owner.encode(), digest_size=6).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", device_key)
    return Path(tempfile.gettempdir()) / f"optuna-linas-{readable}-{digest}.lock"


def _too_late(path: Path, timeout_s: float) -> str:
    return (
        f"Waited {timeout_s:g} s for other latency measurements on this device to end. Measure "
        "with fewer workers, shorten the measurement (TimingPlan(n_repeats=...)) or raise "
        f"turn_timeout_s. The turn is held by the process that has locked {path}."
    )
