"""Markdown as optuna-dashboard shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["power_of_ten", "table", "text"]

_SPACE = "\u2003"
"""The dashboard's tables have no space between columns."""

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def text(value: object) -> str:
    """Return a value as Markdown that shows it as it is, also inside a table.

    Example:
        >>> text("a|b <c> d_e_")
        'a\\\\|b &lt;c> d\\\\_e\\\\_'
    """
    escaped = str(value).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for mark in "|*_`[]#~":
        escaped = escaped.replace(mark, f"\\{mark}")
    return " ".join(escaped.split())


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, n_numbers: int = 0) -> str:
    """Return a table; the cells are Markdown already.

    Args:
        head: The columns' headings.
        rows: A cell for each column.
        n_numbers: So many columns from the left are numbers, which stand at the right.

    Example:
        >>> print(table(["a", "b"], [["1", "2"]], n_numbers=1).replace(_SPACE, " "))
        | a  | b  |
        |---:|:---|
        | 1  | 2  |
    """
    lines = [
        "| " + " | ".join(f"{cell}{_SPACE}" for cell in cells) + " |" for cells in (head, *rows)
    ]
    rule = ["---:"] * n_numbers + [":---"] * (len(head) - n_numbers)
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])


def power_of_ten(n: int) -> str:
    """Return a large count so that one can read it.

    Example:
        >>> power_of_ten(9_999), power_of_ten(22_451_000_000)
        ('9,999', '2.2·10¹⁰')
    """
    if n < 100_000:
        return f"{n:,}"
    exponent = len(str(n)) - 1
    mantissa = n // 10 ** (exponent - 2) / 100
    return f"{mantissa:.1f}·10{str(exponent).translate(_SUPERSCRIPTS)}"
