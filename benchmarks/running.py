"""Running many searches with a progress bar, and saying where they ran."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.searches import Search
from benchmarks.tasks import Settings, Task, from_cache, run_all

__all__ = ["platform_facts", "progress_bar", "run_tasks"]


def run_tasks(
    tasks: Sequence[Task], settings: Settings, *, jobs: int, console: Console
) -> dict[Task, Search]:
    """Return every task's search, from the cache where it is there.

    Raises:
        SearchFailed: A sampler raised.
    """
    found: dict[Task, Search] = {}
    for task in tasks:
        cached = from_cache(task, settings)
        if cached is not None:
            found[task] = cached
    left = [task for task in tasks if task not in found]
    if found:
        console.print(f"{len(found)} of {len(tasks)} searches are cached.")
    with progress_bar(console) as progress:
        bar = progress.add_task("", total=sum(task.n_evaluations for task in left))
        ticks = _Ticks(progress, bar)
        for task, search in run_all(
            left, settings, jobs=jobs, on_start=ticks.start, on_trial=ticks.trial
        ):
            found[task] = search
            if not console.is_terminal:  # a bar that is drawn over needs one
                console.print(f"{len(found)} of {len(tasks)}: {task}", markup=False)
        progress.refresh()
    return found


class _Ticks:
    """Shows how far the searches are, a few times a second at most."""

    def __init__(self, progress: Progress, bar: TaskID) -> None:
        self._progress, self._bar, self._shown = progress, bar, 0.0

    def start(self, task: Task) -> None:
        self._progress.update(self._bar, description=str(task), refresh=True)

    def trial(self) -> None:
        self._progress.advance(self._bar)
        if time.monotonic() > self._shown + 0.5:
            self._progress.refresh()
            self._shown = time.monotonic()


def progress_bar(console: Console) -> Progress:
    """Return a bar without a refreshing thread, whose work would count as a sampler's time."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, auto_refresh=False)


def platform_facts() -> dict[str, Any]:
    """Return what seconds depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "n_cores": os.cpu_count(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "numpy": np.__version__,
    }
