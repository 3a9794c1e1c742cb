"""What an option names: an objective or a user attribute."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["goal_of"]


def goal_of(text: str, names: Sequence[str]) -> int | str:
    """Return an objective by its index or its name, else a user attribute.

    Args:
        text: What the option says.
        names: What the study calls its objectives; none where they have no names.

    Example:
        >>> goal_of("1", ["accuracy", "latency"]), goal_of("latency", ["accuracy", "latency"])
        (1, 1)
        >>> goal_of("memory_mb", ["accuracy", "latency"])
        'memory_mb'
    """
    if text.isdecimal():
        return int(text)
    return list(names).index(text) if text in names else text
