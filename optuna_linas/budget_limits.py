"""What is given as a budget, as a number, and what is said of one that nothing meets."""

from __future__ import annotations

import math
from numbers import Real

__all__ = ["as_budget", "how_many_within", "told_apart"]


def as_budget(budget: object) -> float:
    """Return a budget as a float.

    Raises:
        TypeError: It is no real number.
        ValueError: It is not finite, or beyond the largest float.

    Example:
        >>> as_budget(37)
        37.0
        >>> as_budget("37 ms")
        Traceback (most recent call last):
            ...
        TypeError: A budget is a number, got '37 ms'.
    """
    if isinstance(budget, bool) or not isinstance(budget, Real):
        raise TypeError(f"A budget is a number, got {budget!r}.")
    try:
        number = float(budget)
    except OverflowError:
        raise ValueError("A budget is a finite number, got one beyond the largest float.") from None
    if not math.isfinite(number):
        raise ValueError(f"A budget is a finite number, got {budget}.")
    return number


def told_apart(a: float, b: float) -> tuple[str, str]:
    """Return two numbers as text, short if that tells them apart, else with all their digits.

    Example:
        >>> told_apart(0.05, 0.1 + 0.2), told_apart(0.3, 0.1 + 0.2)
        (('0.05', '0.3'), ('0.3', '0.30000000000000004'))
    """
    short = (f"{a:.9g}", f"{b:.9g}")
    return short if short[0] != short[1] else (repr(float(a)), repr(float(b)))


def how_many_within(n_within: int, n: int, budget: float) -> str:
    """Return a sentence on how many of `n` answers are within a budget, fewer than all.

    Example:
        >>> how_many_within(2, 3, 37.0)[:68]
        'Only 2 of the 3 architectures for a budget of 37 stay within it with'
    """
    if n == 1:
        return (
            f"The architecture for a budget of {budget:g} does not stay within it with the safety "
            "margin; it violates it the least. See `is_within`."
        )
    count, verb = {
        0: ("None", "stay"),
        1: ("Only 1", "stays"),
    }.get(n_within, (f"Only {n_within}", "stay"))
    rest = "they" if n_within == 0 else "the others"
    return (
        f"{count} of the {n} architectures for a budget of {budget:g} {verb} within it with the "
        f"safety margin; {rest} violate it the least. See `is_within`."
    )
