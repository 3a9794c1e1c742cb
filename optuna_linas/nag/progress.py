"""How training tells how far it is: it calls a function, and whoever calls it shows a bar."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Report", "part_of", "silent"]

Report = Callable[[float], None]
"""Called with the share that is done, from 0 to 1."""


def silent(done: float) -> None:
    """Show nothing."""


def part_of(report: Report, start: float, end: float) -> Report:
    """Return a report for a part of the work: its 0 is `start` of the whole, its 1 is `end`.

    Example:
        >>> part_of(print, 0.5, 1.0)(0.5)
        0.75
    """
    return lambda done: report(start + (end - start) * done)
