"""What a public function is given, if it is something else than it takes."""

from __future__ import annotations

__all__ = ["check_given"]


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


def _said(value: object) -> str:
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    name = type(value).__name__
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, list | tuple) and value:
        name = f"{name} of {type(value[0]).__name__}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
