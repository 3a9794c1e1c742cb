"""One thread for matrices of a few hundred rows.

A plan multiplies and factorises many small matrices. BLAS splits each among all cores, and where
these are busy, as with the training that a search is for, its threads wait for one another: a plan
then takes ten times as long.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_is_limited = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread in this process.

    Sums are then the same whatever the number of cores, and so is what is proposed. Where several
    threads ask for it at the same time, the first decides how long it lasts: the number of threads
    is the process's, and each by itself would restore what another has set.

    Example:
        >>> import numpy as np
        >>> with one_blas_thread():
        ...     float(np.linalg.inv(np.eye(100)).trace())
        100.0
    """
    if not _is_limited.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _is_limited.release()


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """What knows the loaded libraries; looking for them takes a millisecond, and these are ours."""
    import scipy.linalg  # noqa: F401 - it has a BLAS of its own, besides numpy's

    return ThreadpoolController()
