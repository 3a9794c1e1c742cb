"""How many CPU cores there are to measure on."""

from __future__ import annotations

import os

__all__ = ["n_available_cores"]


def n_available_cores() -> int:
    """Return how many CPU cores this process may use: a container may have fewer than the machine.

    Example:
        >>> n_available_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
