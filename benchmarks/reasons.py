"""Why something was not measured, as it is printed.

Each reason is one line, however long: a path that is broken where the window ends cannot be copied.
What stands in brackets is a part of it, and no markup.
"""

from __future__ import annotations

from rich.console import Console

__all__ = ["print_error", "print_left_out"]


def print_error(error: Exception, console: Console) -> None:
    """Print what ended a command."""
    text = f"{type(error).__name__}: {error}"
    console.print(text, style="red", markup=False, soft_wrap=True)


def print_left_out(name: str, reason: object, console: Console) -> None:
    """Print what a command went on without."""
    console.print(f"Left out: {name}: {reason}", style="yellow", markup=False, soft_wrap=True)
