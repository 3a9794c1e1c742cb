"""The order in which people expect names."""

from __future__ import annotations

import re

__all__ = ["natural_order"]


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key under which layer_10 follows layer_9, whatever order a storage returns.

    Example:
        >>> sorted(["layer_10", "layer_9", "depth"], key=natural_order)
        ['depth', 'layer_9', 'layer_10']
    """
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
