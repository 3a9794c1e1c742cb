"""How long workers stand idle: `python -m benchmarks.idle --help`.

Real processes share a study on PostgreSQL or in a journal file; an evaluation is a wait between a
tenth and the whole of `--longest-s`, evenly in its logarithm, and costs no processor time, so that
eight workers fit on one core. A worker is idle from the end of an evaluation to the beginning of
its next: sampler, storage and all waiting for other workers. What counts is until the first worker
has found no more work.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from rich.console import Console
from rich.table import Table

from benchmarks.parallel_samplers import SAMPLERS
from optuna_linas.seeding import derive_rng

__all__ = ["idle_shares", "main", "measure_idle"]

_NAME = "idle"
_N_VARIABLES, _N_OPTIONS = 20, 5
_SHORTEST = 0.1


def measure_idle(
    sampler: str,
    url: str | None,
    *,
    n_workers: int,
    n_trials: int,
    longest_s: float,
    seed: int,
) -> dict[str, float]:
    """Run one search; return the share of the workers' time that was idle, and the longest gap.

    Args:
        sampler: One of `SAMPLERS`.
        url: The database, or `None` for a journal file.
        n_workers: Processes.
        n_trials: Trials of all workers together.
        longest_s: Seconds of the longest evaluation; the shortest is a tenth.
        seed: Of the sampler and the evaluation times.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = url or str(Path(folder) / "study.journal")
        name = f"{_NAME}-{sampler}-{seed}-{time.time_ns()}"
        optuna.create_study(
            study_name=name, storage=_storage(place), directions=["maximize", "minimize"]
        )
        context = multiprocessing.get_context("spawn")
        gate, spans = context.Barrier(n_workers), context.SimpleQueue()
        share = [len(part) for part in np.array_split(np.arange(n_trials), n_workers)]
        workers = [
            context.Process(
                target=_work, args=(place, name, sampler, seed, n, longest_s, gate, spans)
            )
            for n in share
        ]
        for worker in workers:
            worker.start()
        found = [spans.get() for _ in workers]
        for worker in workers:
            worker.join()
    return idle_shares(found)


def idle_shares(workers: Sequence[Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Return what share of the workers' time lies between their evaluations.

    Args:
        workers: For each worker when its evaluations began and ended.

    Example:
        >>> idle_shares([[(0.0, 4.0), (5.0, 9.0)], [(0.0, 10.0)]])
        {'idle_percent': 5.555555555555555, 'longest_gap_s': 1.0}
    """
    begin = min(spans[0][0] for spans in workers)
    end = min(spans[-1][1] for spans in workers)
    busy = sum(min(b, end) - a for spans in workers for a, b in spans if a < end)
    gaps = [b[0] - a[1] for spans in workers for a, b in pairwise(spans)]
    return {
        "idle_percent": 100 * (1 - busy / (len(workers) * (end - begin))),
        "longest_gap_s": max(gaps, default=0.0),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=["linas", "tpe"])
    parser.add_argument("--url", help="a database; without it a journal file")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--evaluations", type=int, default=160)
    parser.add_argument("--longest-s", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    results: dict[str, Any] = {"options": {k: str(v) for k, v in vars(options).items()}}
    table = Table(
        title=f"{options.workers} workers, {options.evaluations} evaluations of "
        f"{_SHORTEST * options.longest_s:g} to {options.longest_s:g} s"
    )
    for heading in ("sampler", "idle, % of the workers' time", "longest gap, s"):
        table.add_column(heading)
    for name in options.samplers:
        runs = [
            measure_idle(
                name,
                options.url,
                n_workers=options.workers,
                n_trials=options.evaluations,
                longest_s=options.longest_s,
                seed=seed,
            )
            for seed in range(options.seeds)
        ]
        results[name] = runs
        idle = np.array([run["idle_percent"] for run in runs])
        error = f" ± {idle.std(ddof=1) / np.sqrt(len(idle)):.2f}" if len(idle) > 1 else ""
        longest = max(run["longest_gap_s"] for run in runs)
        table.add_row(name, f"{idle.mean():.2f}{error}", f"{longest:.2f}")
    Console().print(table)
    if options.out is not None:
        options.out.write_text(json.dumps(results, indent=2))
    return 0


def _work(
    place: str,
    name: str,
    sampler: str,
    seed: int,
    n_trials: int,
    longest_s: float,
    gate: Any,
    spans: Any,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    evaluated: list[tuple[float, float]] = []

    def suggested(trial: optuna.Trial) -> tuple[float, float]:
        sizes = [trial.suggest_int(f"x_{i}", 1, _N_OPTIONS) for i in range(_N_VARIABLES)]
        return float(np.sqrt(sizes).sum()), float(sum(sizes))

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        values = suggested(trial)
        begin = time.time()
        rng = derive_rng(seed, "duration", trial.number)
        time.sleep(longest_s * float(_SHORTEST ** rng.random()))
        evaluated.append((begin, time.time()))
        return values

    study = optuna.load_study(
        study_name=name, storage=_storage(place), sampler=SAMPLERS[sampler](seed)
    )
    # A process imports what it needs in its first batches, once: that is not what is asked here.
    warm = optuna.create_study(directions=study.directions, sampler=SAMPLERS[sampler](seed))
    warm.optimize(suggested, n_trials=25)
    gate.wait()
    study.optimize(objective, n_trials=n_trials)
    spans.put(evaluated)


def _storage(place: str) -> BaseStorage:
    return get_storage(place) if "://" in place else JournalStorage(JournalFileBackend(place))


if __name__ == "__main__":
    sys.exit(main())
