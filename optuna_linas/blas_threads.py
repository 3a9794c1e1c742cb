"""One thread for matrices of a few hundred rows.

A plan multiplies and factorises many small matrices. BLAS splits each among all cores, and where
these are busy, as with the training that a search is for, its threads wait for one another: a plan
then takes ten times as long.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_turn = threading.RLock()
_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread in this process.

    Sums are then the same whatever the number of cores, and so is what is proposed. The number of
    threads is the process's: who asks for it while another thread has it waits, as each would
    restore what the other has set.

    Example:
        >>> import numpy as np
        >>> with one_blas_thread():
        ...     float(np.linalg.inv(np.eye(100)).trace())
        100.0
    """
    global _limit
    with _turn:
        if _limit is not None:
            yield
            return
        try:
            with _controller().limit(limits=1, user_api="blas") as _limit:
                yield
        finally:
            _limit = None


def _renew() -> None:
    """In a forked process nobody holds the lock, whoever did where it was forked."""
    global _turn, _limit
    if _limit is not None:
        _limit.restore_original_limits()
    _turn, _limit = threading.RLock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """What knows the loaded libraries; looking for them takes a millisecond, and these are ours."""
    import scipy.linalg  # noqa: F401 - it has a BLAS of its own, besides numpy's

    return ThreadpoolController()
