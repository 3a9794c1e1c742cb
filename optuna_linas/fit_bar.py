"""How fitting shows where it is."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["FitBar"]


class FitBar:
    """A progress bar on standard error, if that is a terminal or a notebook.

    Args:
        shown: `False` shows nothing.
    """

    def __init__(self, shown: bool) -> None:
        console = Console(stderr=True)
        columns = (BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._progress = Progress(
            TextColumn("fitting the generator"),
            *columns,
            console=console,
            disable=not (shown and (console.is_terminal or console.is_jupyter)),
        )
        self._task = self._progress.add_task("", total=1.0)

    def __enter__(self) -> FitBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, done: float) -> None:
        """Show the share that is done, from 0 to 1."""
        self._progress.update(self._task, completed=done)
