"""How training shows where it is: a live bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["EpochProgress"]

_N_LINES = 10
"""Lines that a training prints at most where there is no terminal to redraw."""


class EpochProgress:
    """Shows the epochs of a training on standard error; use it as a context manager.

    On a terminal or in a notebook it is one bar that is redrawn: epoch, text, elapsed and remaining
    time. In a log file it is a plain line for every tenth of the training.

    Args:
        n_epochs: How many epochs there will be.
        shown: `False` shows nothing.
        console: Where to show it; `None` is standard error.

    Example:
        >>> with EpochProgress(2, shown=False) as progress:
        ...     for epoch in range(2):
        ...         progress.update(epoch, 1.0, "loss 1.234")
    """

    def __init__(
        self, n_epochs: int, *, shown: bool = True, console: Console | None = None
    ) -> None:
        self._n_epochs = n_epochs
        self._shown = shown
        self._console = Console(stderr=True) if console is None else console
        self._n_printed = 0
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not (shown and self._is_live),
        )
        self._task = self._bar.add_task("", total=n_epochs)

    @property
    def _is_live(self) -> bool:
        return self._console.is_terminal or self._console.is_jupyter

    def __enter__(self) -> EpochProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, epoch: int, done: float, text: str) -> None:
        """Show how far epoch `epoch` is.

        Args:
            epoch: The epoch under way, counted from 0.
            done: How much of it is done, from 0 to 1.
            text: What to say of it, one line.
        """
        if not self._shown:
            return
        text = f"epoch {epoch + 1}/{self._n_epochs}  {text}"
        if self._is_live:
            self._bar.update(self._task, completed=epoch + done, description=text)
        elif epoch + done >= self._n_epochs * (self._n_printed + 1) / _N_LINES and done == 1.0:
            self._n_printed = (epoch + 1) * _N_LINES // self._n_epochs
            self._console.print(text, highlight=False, soft_wrap=True)
