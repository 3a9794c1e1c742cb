"""What a command prints: text for people or one JSON object, and progress beside it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

__all__ = ["Bar", "as_json_option", "print_json", "say", "text_table"]

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of text."
)


def say(message: str) -> None:
    """Tell something beside the result, on standard error."""
    click.echo(message, err=True)


def print_json(result: Mapping[str, Any]) -> None:
    """Print a result; what is not finite becomes null."""
    click.echo(json.dumps(_plain(result), ensure_ascii=False, indent=2, default=str))


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns of text; all but the last are right-aligned.

    Example:
        >>> print(text_table(["trial", "network"], [["3", "deep"], ["12", "flat"]]))
        trial  network
            3  deep
           12  flat
    """
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i < len(head) - 1 else cell
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


class Bar:
    """Progress of a known number of steps.

    On a terminal it is a bar; elsewhere a line is printed for every tenth.

    Args:
        title: What is going on.
        n: How many steps.
        done: How many are done already.
    """

    def __init__(self, title: str, n: int, done: int = 0) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._title, self._n, self._done = title, n, done
        self._console = Console(file=sys.stderr)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task(title, total=n, completed=done, detail="")

    def advance(self, detail: str = "") -> None:
        """One step is done."""
        self._done += 1
        self._bar.update(self._task, advance=1, detail=detail)
        every = max(1, self._n // 10)
        if not self._console.is_terminal and (self._done % every == 0 or self._done == self._n):
            say(f"{self._title} {self._done}/{self._n} {detail}".rstrip())

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
