"""JSON that somebody else has written: read with a clear error, whatever it holds.

Studies are shared, files are copied. What is read back from them is checked before it is used, and
what does not fit is a `ValueError` that says where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["explained", "number", "parsed", "string", "whole_number"]

_SHOWN = 80


def parsed(text: Any, what: str, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
    """Return the object or list of a JSON text.

    Args:
        text: The text.
        what: What it is, for the error.
        kind: `dict` or `list`.

    Raises:
        ValueError: The text is something else.

    Example:
        >>> parsed('{"size": 3}', "The plan", dict)
        {'size': 3}
        >>> parsed('[3', "The plan", list)
        Traceback (most recent call last):
        ...
        ValueError: The plan cannot be read: it is damaged, or not of optuna-linas: '[3'
    """
    try:
        # Python refuses integers of thousands of digits by ValueError.
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _refusal(what, text) from error
    if not isinstance(data, kind):
        raise _refusal(what, text)
    return data


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn whatever goes wrong with the parts of parsed data into one `ValueError`.

    Args:
        what: What the data is.

    Raises:
        ValueError: Something did go wrong.
    """
    try:
        yield
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ValueError(
            f"{what} cannot be read: it is damaged, or not of optuna-linas "
            f"({type(error).__name__}: {str(error)[:_SHOWN]})."
        ) from error


def whole_number(value: Any) -> int:
    """Return an integer that is not negative.

    Raises:
        TypeError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise TypeError(f"{_shown(value)} is no count")
    return value


def number(value: Any) -> int | float:
    """Return a number.

    Raises:
        TypeError: It is none, or no integer of 64 bits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{_shown(value)} is no number")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise TypeError("an integer has more than 64 bits")
    return value


def string(value: Any) -> str:
    """Return a string.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is no string")
    return value


def _refusal(what: str, text: Any) -> ValueError:
    return ValueError(
        f"{what} cannot be read: it is damaged, or not of optuna-linas: {_shown(text)}"
    )


def _shown(value: Any) -> str:
    text = repr(value[:_SHOWN]) if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN + 2 else text[:_SHOWN] + "..."
