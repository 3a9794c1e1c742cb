"""Real worker processes, which share nothing but the storage.

They are forked from a server process that has imported everything once: a fresh interpreter each
would cost more than all else. A worker tells its parent where it is through a pipe, and can be held
there: so a test kills it at an exact place, without waiting for any length of time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any, Protocol

import optuna
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import TrialState

from tests.services.storages import Opens

__all__ = ["CONTEXT", "NAME", "Task", "Worker", "joined", "optimize", "run_workers", "started"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.services.preload"])

NAME = "study"
PATIENCE_S = 180.0
"""No worker takes a tenth of this; a deadlock becomes a failure with a message."""

Objective = Callable[[optuna.Trial], Any]


class Hold(Protocol):
    """Tells the parent that a place is reached, and waits until it lets the worker go on."""

    def __call__(self, place: str) -> None: ...


@dataclass(frozen=True)
class Task:
    """What a worker does, all of it picklable.

    Attributes:
        storage: Where the study is.
        sampler: Makes the worker's own sampler.
        objective: What it evaluates.
        n_trials: How many trials it runs; `None` until the sampler stops the study.
        study_name: The study's name.
        prepare: Called with the study and a function that holds the worker, before it starts.
        catch: What may go wrong in the objective.
        n_jobs: Threads.
    """

    storage: Opens
    sampler: Callable[[], BaseSampler]
    objective: Objective
    n_trials: int | None
    study_name: str = NAME
    prepare: Callable[[Study, Hold], None] | None = None
    catch: tuple[type[Exception], ...] = ()
    n_jobs: int = 1


def optimize(task: Task, hold: Hold | None = None) -> None:
    """Do a task in this process."""
    study = optuna.load_study(
        study_name=task.study_name, storage=task.storage.open(), sampler=task.sampler()
    )
    if task.prepare is not None:
        assert hold is not None
        task.prepare(study, hold)
    study.optimize(task.objective, n_trials=task.n_trials, catch=task.catch, n_jobs=task.n_jobs)


@dataclass
class Worker:
    """A worker process, as its parent sees it."""

    process: ForkServerProcess
    pipe: Connection
    said: list[str] = field(default_factory=list)

    def reached(self, place: str) -> None:
        """Wait until the worker is held at a place."""
        message = self._next()
        assert message == f"at {place}", f"worker {self.process.pid} says {message!r}"

    def go_on(self) -> None:
        """Let a held worker go on."""
        self.pipe.send("go on")

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.join()

    def finish(self) -> None:
        """Wait until the worker has done its task."""
        assert (message := self._next()) == "done", message
        self.process.join()

    def _next(self) -> str:
        if not self.pipe.poll(PATIENCE_S):
            raise AssertionError(f"Worker {self.process.pid} hangs.")
        try:
            return str(self.pipe.recv())
        except EOFError:
            self.process.join()
            raise AssertionError(f"A worker ended with {self.process.exitcode}.") from None


@contextlib.contextmanager
def started(*tasks: Task) -> Iterator[list[Worker]]:
    """Start a worker per task; none outlives the context."""
    workers = []
    gate = CONTEXT.Barrier(len(tasks))
    try:
        for task in tasks:
            mine, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=_work, args=(task, theirs, gate), daemon=True)
            process.start()
            theirs.close()
            workers.append(Worker(process, mine))
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.pipe.close()


def run_workers(*tasks: Task) -> None:
    """Run a worker per task, all at once, and wait for them.

    Raises:
        AssertionError: One failed or hangs; the message has its traceback.
    """
    with started(*tasks) as workers:
        left = {worker.pipe: worker for worker in workers}
        end_s = time.monotonic() + PATIENCE_S
        while left:
            ready = wait(list(left), timeout=max(0.0, end_s - time.monotonic()))
            assert ready, f"{len(left)} of {len(workers)} workers hang."
            for pipe in ready:
                left.pop(pipe).finish()  # type: ignore[call-overload]


def finished(study: Study) -> int:
    """How many trials of a study have ended."""
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def states(study: Study) -> set[TrialState]:
    """The states in which a study's trials are."""
    return {trial.state for trial in study.get_trials(deepcopy=False)}


def _work(task: Task, pipe: Connection, gate: Any) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("error")

    def hold(place: str) -> None:
        pipe.send(f"at {place}")
        pipe.recv()

    try:
        gate.wait(PATIENCE_S)
        optimize(task, hold)
    except BaseException as error:
        import traceback

        pipe.send("".join(traceback.format_exception(error)))
    else:
        pipe.send("done")
    finally:
        pipe.close()


@contextlib.contextmanager
def joined(processes: Sequence[ForkServerProcess]) -> Iterator[None]:
    """Start processes and enter once all have ended well; leave none behind."""
    for process in processes:
        process.start()
    try:
        for process in processes:
            process.join(PATIENCE_S)
            assert process.exitcode == 0, "a worker hangs"
        yield
    finally:
        for process in processes:
            process.kill()
