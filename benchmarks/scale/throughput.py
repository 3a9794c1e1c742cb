"""Trials a second, of several processes on one study with an objective that costs nothing.

The processes are started once and import everything before the clock runs: what is measured is
asking, suggesting and telling. In memory there are threads (`n_jobs`) instead of processes.
"""

from __future__ import annotations

import multiprocessing
import time
import uuid
import warnings
from contextlib import ExitStack
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import optuna
from optuna.study import StudyDirection

from benchmarks.parallel_samplers import SAMPLERS
from benchmarks.scale.problem import Instant
from benchmarks.scale.storages import Place

__all__ = ["Crew", "measure"]

_DIRECTIONS = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE)


def measure(
    place: Place, sampler: str, *, n_workers: int, n_trials: int, n_variables: int, seed: int,
    crew: Crew,
) -> dict[str, Any]:  # fmt: skip
    """Run one study to its end.

    Returns:
        Trials a second, how many trials there were, and how many of them were different (members
        of a population train the same network for several trials).
    """
    name = f"{sampler} {n_workers} {seed} {uuid.uuid4()}"
    storage = place.open()
    study = optuna.create_study(storage=storage, study_name=name, directions=_DIRECTIONS)
    share = max(1, n_trials // n_workers)
    objective = Instant(n_variables)
    if place.kind == "memory":
        study.sampler = SAMPLERS[sampler](seed)
        started = time.perf_counter()
        study.optimize(objective, n_trials=share * n_workers, n_jobs=n_workers)
        seconds = time.perf_counter() - started
    else:
        seconds = crew.run(n_workers, (place, sampler, name, share, n_variables, seed))
    trials = study.get_trials(deepcopy=False)
    place.close(storage)
    return {
        "trials_per_s": len(trials) / seconds,
        "n_trials": len(trials),
        "n_distinct": len({tuple(sorted(trial.params.items())) for trial in trials}),
    }


class Crew:
    """Processes that wait for studies to work on.

    Args:
        n: How many.
    """

    def __init__(self, n: int) -> None:
        self._n, self._stack = n, ExitStack()

    def __enter__(self) -> Crew:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        for _ in range(self._n):
            mine, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            self._stack.callback(process.join)
            self._pipes.append(mine)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        self._stack.close()

    def run(self, n: int, task: tuple[Any, ...]) -> float:
        """Let `n` workers do their share of a study, and return the seconds until the last ended.

        Raises:
            RuntimeError: One of them failed.
        """
        pipes = self._pipes[:n]
        for signal in (task, "go"):
            for pipe in pipes:
                pipe.send(signal)
            answers = [pipe.recv() for pipe in pipes]
            if failed := [answer for answer in answers if isinstance(answer, str)]:
                raise RuntimeError(failed[0])
        begun, ended = zip(*answers, strict=True)
        seconds: float = max(ended) - min(begun)
        return seconds


def _work(pipe: Connection) -> None:
    """What a process of the crew does: studies, until it is told to end."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    while (task := pipe.recv()) is not None:
        try:
            place, sampler, name, share, n_variables, seed = task
            storage = place.open()
            study = optuna.load_study(
                study_name=name, storage=storage, sampler=SAMPLERS[sampler](seed)
            )
            if sampler == "nag":
                import optuna_linas.nag  # noqa: F401  # torch, before the clock runs
            pipe.send(None)
            assert pipe.recv() == "go"
            begun = time.time()
            study.optimize(Instant(n_variables), n_trials=share)
            pipe.send((begun, time.time()))
            place.close(storage)
        except Exception as error:  # whatever a storage raises; the parent shows it
            pipe.send(f"{type(error).__name__}: {str(error)[:300]}")
