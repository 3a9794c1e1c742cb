"""What is given, if it is something else than is taken: a kind, a count, a number."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["check_count", "check_given", "check_number"]


def check_given(value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise if a value is of another kind than a function takes.

    Args:
        value: What was given.
        kind: What it has to be an instance of.
        wanted: What the function takes, in words that end the sentence "This takes ...".

    Raises:
        TypeError: It is of another kind.

    Example:
        >>> check_given([0.5], str, "a name")
        Traceback (most recent call last):
            ...
        TypeError: This takes a name; got a list of float.
    """
    if not isinstance(value, kind):
        raise TypeError(f"This takes {wanted}; got {_said(value)}.")


def check_count(name: str, value: object, *, least: int) -> None:
    """Raise if a setting is not a whole number of at least `least`.

    Raises:
        TypeError: Not a whole number.
        ValueError: Too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is a whole number, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")


def check_number(
    name: str,
    value: object,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
) -> None:
    """Raise if a setting is not a finite number in `[least, most]` and above `above`.

    Raises:
        TypeError: Not a number.
        ValueError: Out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} is a number, got {value!r}.")
    if not (least <= value <= most and value > above) or math.isinf(value):
        low = f"[{least:g}" if above == -math.inf else f"({above:g}"
        high = "inf)" if most == math.inf else f"{most:g}]"
        raise ValueError(f"{name} must be in {low}, {high}, got {value}.")


def _said(value: object) -> str:
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    name = type(value).__name__
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, list | tuple) and value:
        name = f"{name} of {type(value[0]).__name__}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
