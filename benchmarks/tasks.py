"""The searches of a benchmark: run or taken from the cache, one process or several."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import optuna

from benchmarks.cache import Cache
from benchmarks.checkpoints import Checkpoint
from benchmarks.contenders import CONTENDERS
from benchmarks.problem import Asks, Problem
from benchmarks.problems import make_problem
from benchmarks.searches import Search, search
from benchmarks.variants import find_contender
from benchmarks.warm_up import warm_up

__all__ = ["SearchFailed", "Settings", "Task", "from_cache", "run_all"]


@dataclass(frozen=True)
class Task:
    """One search to be made: a problem (as given), a sampler, a seed and a length."""

    problem: str
    sampler: str
    seed: int
    n_evaluations: int
    asks: Asks

    def __str__(self) -> str:
        return f"{self.sampler} on {self.problem}, seed {self.seed}"


@dataclass(frozen=True)
class Settings:
    """Where searches find their data and leave their results.

    Attributes:
        data: The folder of the data files.
        cache: The folder of cached results.
        fresh: Cached searches are not read (but written).
        cache_ours: Searches of this repository's samplers are cached too.
    """

    data: Path | None
    cache: Path
    fresh: bool = False
    cache_ours: bool = False


class SearchFailed(RuntimeError):
    """A sampler raised; the message says which, where and what."""


def run_all(
    tasks: Sequence[Task],
    settings: Settings,
    *,
    jobs: int,
    on_start: Callable[[Task], None],
    on_trial: Callable[[], None],
) -> Iterator[tuple[Task, Search]]:
    """Yield every task's search as it finishes.

    Args:
        tasks: What to run.
        settings: As above.
        jobs: Processes. With one, the searches run in this process, in order.
        on_start: Called with each task before it runs; with several processes, when it is done.
        on_trial: Called after each evaluation; with several processes, not until a task is done.

    Raises:
        SearchFailed: A sampler raised. Tasks finished before are cached if they are to be.
    """
    if jobs == 1:
        for task in tasks:
            on_start(task)
            yield task, _run(task, settings, on_trial)
        return
    context = multiprocessing.get_context("spawn")  # forked threads of torch and BLAS would hang
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = {pool.submit(_run, task, settings): task for task in tasks}
        try:
            for done in as_completed(waiting):
                task = waiting[done]
                found = done.result()
                on_start(task)
                for _ in range(task.n_evaluations):
                    on_trial()
                yield task, found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def from_cache(task: Task, settings: Settings) -> Search | None:
    """Return a task's cached search, cut to its length: no sampler knows when it will end."""
    if settings.fresh or not _is_cached(task, settings):
        return None
    problem = _problem(task.problem, settings.data)
    found = Cache(settings.cache).get(_key(task, problem))
    if found is None or len(found["values"]) < task.n_evaluations:
        return None
    n = task.n_evaluations
    return Search(found["values"][:n], found["seconds"][:n])


def _run(task: Task, settings: Settings, on_trial: Callable[[], None] = lambda: None) -> Search:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    problem = _problem(task.problem, settings.data)
    checkpoint = _checkpoint(task, problem, settings) if _is_cached(task, settings) else None
    try:
        warm_up(task.sampler)
        with warnings.catch_warnings():
            # That a baseline is experimental concerns nobody here; any other warning is shown.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            found = search(
                problem,
                find_contender(task.sampler, CONTENDERS).make(task.seed),
                task.n_evaluations,
                asks=task.asks,
                on_trial=on_trial,
                checkpoint=checkpoint,
            )
    except Exception as error:
        raise SearchFailed(f"{task}: {type(error).__name__}: {error}") from error
    if checkpoint:
        arrays = {"values": found.values, "seconds": found.seconds}
        Cache(settings.cache).put(_key(task, problem), arrays)
        checkpoint.remove()
    return found


def _checkpoint(task: Task, problem: Problem, settings: Settings) -> Checkpoint:
    path = Cache(settings.cache).path(_key(task, problem)).with_suffix(".unfinished")
    return Checkpoint(path, read=not settings.fresh)


def _is_cached(task: Task, settings: Settings) -> bool:
    return settings.cache_ours or not find_contender(task.sampler, CONTENDERS).ours


def _key(task: Task, problem: Problem) -> dict[str, object]:
    return {
        "kind": "search 2",
        "problem": problem.name,
        "version": problem.version,
        "sampler": task.sampler,
        "sampler_version": find_contender(task.sampler, CONTENDERS).version(),
        "asks": task.asks,
        "seed": task.seed,
    }


@lru_cache(maxsize=16)
def _problem(name: str, data: Path | None) -> Problem:
    return make_problem(name, data)
