"""A search that takes long survives being stopped: its study is kept in a file now and then.

A sampler's random state is part of what is kept, so that a search goes on exactly as if it had
never been stopped.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna

__all__ = ["Checkpoint", "Unfinished"]


@dataclass
class Unfinished:
    """A search under way.

    Attributes:
        study: The study with its sampler.
        values: The values of each trial so far.
        seconds: The sampler's processor time in each trial so far.
    """

    study: optuna.Study
    values: list[list[float]]
    seconds: list[float]


class Checkpoint:
    """The file of one unfinished search. It is trusted as the user's own: it holds a pickle.

    Args:
        path: The file.
        read: Whether what is there may be used.
        every_s: Seconds between two writes, so that quick searches never write.
        clock: Seconds since some moment.
    """

    def __init__(
        self,
        path: Path,
        *,
        read: bool = True,
        every_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._read, self._every_s, self._clock = path, read, every_s, clock
        self._saved = clock()

    def load(self) -> Unfinished | None:
        """Return the unfinished search, or None."""
        if not self._read or not self._path.is_file():
            return None
        found: Unfinished = pickle.loads(self._path.read_bytes())
        return found

    def offer(self, search: Unfinished) -> None:
        """Write the search if the last write is long ago: all or nothing."""
        if self._clock() - self._saved < self._every_s:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        partial.write_bytes(pickle.dumps(search))
        partial.replace(self._path)
        self._saved = self._clock()

    def remove(self) -> None:
        """Forget the search: it is finished."""
        self._path.unlink(missing_ok=True)
