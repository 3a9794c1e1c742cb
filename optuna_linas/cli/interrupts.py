"""Ctrl-C in a search with several threads: the running trials end, then the search does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from optuna_linas.cli.output import say

__all__ = ["stop_at_interrupt"]


@contextmanager
def stop_at_interrupt(n_jobs: int) -> Iterator[threading.Event]:
    """Note the first Ctrl-C; the second one interrupts as ever.

    One thread is interrupted at once, as Optuna then marks its trial as failed. Of several, the
    main thread alone would see the interrupt and then wait for the others without a word.

    Args:
        n_jobs: The search's threads.

    Yields:
        Is set at the first Ctrl-C: a callback of the study then has to stop it.
    """
    stopped = threading.Event()
    if n_jobs == 1 or threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(signum: int, frame: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)
        say("Interrupted: waiting for the running trials. Ctrl-C again to leave them.")

    signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
