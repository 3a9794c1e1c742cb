"""Checks that the super-networks share: sizes and lists of options."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["ascending", "check_positive_integer", "check_share", "round_channels"]

_Number = TypeVar("_Number", int, float)


def check_positive_integer(name: str, size: object) -> None:
    """Check a size.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is below 1.
    """
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"{name} must be an integer, got {size!r}.")
    if size < 1:
        raise ValueError(f"{name} must be at least 1, got {size}.")


def check_share(name: str, share: float) -> None:
    """Check a share such as a dropout rate.

    Raises:
        ValueError: It is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {share}.")


def ascending(name: str, options: Sequence[_Number], *, integer: bool = True) -> list[_Number]:
    """Return distinct positive options from the smallest to the largest.

    Args:
        name: What they are the options of, for errors.
        options: In any order.
        integer: Whether only integers will do.

    Raises:
        TypeError: An option is not an integer where it has to be.
        ValueError: No option, a repeated one, or one that is not positive.

    Example:
        >>> ascending("kernels", (7, 3, 5))
        [3, 5, 7]
    """
    if len(options) == 0:
        raise ValueError(f"{name} is empty; give at least one option.")
    for option in options:
        if integer:
            check_positive_integer(f"an option of {name}", option)
        elif not (option > 0 and math.isfinite(option)):
            raise ValueError(f"an option of {name} must be positive, got {option}.")
    if len(set(options)) != len(options):
        raise ValueError(f"{name} has repeated options: {list(options)}; give each once.")
    return sorted(options)


def round_channels(n: float, divisor: int = 8) -> int:
    """Return the multiple of `divisor` that MobileNets take for `n` channels.

    The nearest one, but at least `divisor` and not less than 90 % of `n` (the rule of the
    TensorFlow models, which OFA's published checkpoints follow).

    Example:
        >>> round_channels(16 * 1.2), round_channels(10), round_channels(112 // 4)
        (24, 16, 32)
    """
    rounded = max(divisor, int(n + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * n else rounded
