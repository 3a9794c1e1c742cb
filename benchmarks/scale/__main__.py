"""Throughput by storage, sampler and number of processes; and a large study on paper.

`python -m benchmarks.scale --help`. What is not installed is left out, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from rich.console import Console

from benchmarks.parallel_samplers import SAMPLERS
from benchmarks.running import platform_facts
from benchmarks.scale.costs import measure_planning, measure_storage
from benchmarks.scale.problem import space_of
from benchmarks.scale.simulation import Cluster, breaking_point, simulate
from benchmarks.scale.storages import KINDS, Unavailable, place_of
from benchmarks.scale.throughput import Crew, measure
from benchmarks.summary import mean_and_error
from optuna_linas.samplers.sizes import size_of_batch

__all__ = ["main", "paper_study", "tables", "throughputs"]

_PLANNED = ("linas", "nag", "pymoo")
_CORES = {"memory": 1, "sqlite": 1, "journal": 1, "redis": 1, "grpc": 1}
"""Calls that a server answers at a time: files are locked, Redis and the proxy are one process."""


def throughputs(
    kinds: Sequence[str], options: argparse.Namespace, console: Console
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return trials a second, the costs of the storages, and what was left out and why."""
    found: dict[str, Any] = {}
    costs: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    with Crew(max(options.processes)) as crew:
        for kind in kinds:
            try:
                with (
                    tempfile.TemporaryDirectory() as folder,
                    place_of(
                        kind, Path(folder), postgres=options.postgres, redis=options.redis
                    ) as place,
                ):
                    costs[kind] = measure_storage(place, n_variables=options.variables).as_json()
                    found[kind] = {}
                    for sampler in options.samplers:
                        found[kind][sampler] = {}
                        for n in options.processes:
                            runs = [
                                measure(
                                    place, sampler, n_workers=n, n_trials=options.trials,
                                    n_variables=options.variables, seed=seed, crew=crew,
                                )
                                for seed in range(options.seeds)
                            ]  # fmt: skip
                            speed = mean_and_error([run["trials_per_s"] for run in runs])
                            found[kind][sampler][str(n)] = {"trials_per_s": speed, "runs": runs}
                            console.print(
                                f"{kind} {sampler} × {n}: {speed['mean']:.1f} trials/s",
                                markup=False,
                            )
            except Unavailable as reason:
                skipped[kind] = str(reason)
                console.print(f"{kind} is left out: {reason}", markup=False)
    return found, costs, skipped


def paper_study(
    costs: Mapping[str, Any], planning: Mapping[str, Any], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return the simulated study for each storage and number of workers."""
    rows = []
    for kind, figures in costs.items():
        if kind == "memory":
            continue  # One process.
        for sampler, by_size in planning.items():
            sizes = sorted(by_size)
            plan = [by_size[size]["plan_s"] for size in sizes]
            for evaluation_s in options.evaluation_s:
                for n_workers in options.workers:
                    cluster = Cluster(
                        n_workers=n_workers,
                        n_trials=options.paper_trials,
                        evaluation_s=evaluation_s,
                        n_variables=options.variables,
                        n_cores=_CORES.get(kind, options.server_cores),
                        costs=figures,
                        plan_s=partial(_interpolated, sizes, plan),
                        take_s=by_size[sizes[-1]]["take_s"],
                        batch_size=partial(size_of_batch, None, space_of(options.variables)),
                    )
                    outcome = simulate(cluster, seed=0)
                    rows.append(
                        {
                            "storage": kind,
                            "sampler": sampler,
                            "n_workers": n_workers,
                            "evaluation_s": evaluation_s,
                            **outcome.as_json(),
                            "breaks": breaking_point(outcome),
                        }
                    )
    return rows


def _interpolated(sizes: Sequence[int], seconds: Sequence[float], size: int) -> float:
    return float(np.interp(size, sizes, seconds))


def tables(results: Mapping[str, Any]) -> str:
    """Return what was found as Markdown."""
    processes = [str(n) for n in results["processes"]]
    lines = [
        "| storage | sampler | " + " | ".join(f"{n} proc." for n in processes) + " |",
        "|---" * (2 + len(processes)) + "|",
    ]
    for kind, samplers in results["throughput"].items():
        for sampler, by_n in samplers.items():
            cells = [_speed(by_n[n]["trials_per_s"]) for n in processes]
            lines.append(f"| {kind} | {sampler} | " + " | ".join(cells) + " |")
    lines += [f"\n{kind} was left out: {reason}" for kind, reason in results["skipped"].items()]
    if results["paper"]:
        lines += [
            "",
            "| storage | sampler | evaluation | workers | evaluating | server busy "
            "| plans (pauses) | what breaks |",
            "|---" * 8 + "|",
        ]
        lines += [
            f"| {row['storage']} | {row['sampler']} | {row['evaluation_s']:g} s "
            f"| {row['n_workers']:,} | {row['busy']:.0%} | {row['server']:.0%} "
            f"| {row['n_plans']:,} ({row['n_pauses']:,}) | {row['breaks']} |"
            for row in results["paper"]
        ]
    return "\n".join(lines)


def _speed(figure: Mapping[str, Any]) -> str:
    error = figure["standard_error"]
    return f"{figure['mean']:.1f}" + (f" ± {error:.1f}" if error is not None else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    found, costs, skipped = throughputs(options.storages, options, console)
    planned = options.paper_samplers if options.workers else []
    sizes = tuple(n for n in (100, 500, 2_000, 10_000, 20_000) if n <= options.paper_trials)
    planning = {
        name: measure_planning(name, sizes, n_variables=options.variables) for name in planned
    }
    results = {
        "platform": {**platform_facts(), "load": os.getloadavg()[0]},
        "processes": options.processes,
        "n_trials": options.trials,
        "n_variables": options.variables,
        "seeds": list(range(options.seeds)),
        "throughput": found,
        "skipped": skipped,
        "storage_costs": costs,
        "planning": planning,
        "paper_trials": options.paper_trials,
        "paper": paper_study(costs, planning, options),
    }
    print(tables(results))
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    add = parser.add_argument
    add("--storages", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND",
        help=f"of {', '.join(KINDS)}; default: all")  # fmt: skip
    add("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS), metavar="NAME",
        help=f"of {', '.join(SAMPLERS)}; default: all")  # fmt: skip
    add("--processes", nargs="+", type=int, default=[1, 2, 4, 8], metavar="N",
        help="default: 1 2 4 8")  # fmt: skip
    add("--trials", type=int, default=48, help="of a study; default: %(default)s")
    add("--variables", type=int, default=10, help="of a trial; default: %(default)s")
    add("--seeds", type=int, default=1, help="studies of each kind; default: %(default)s")
    add("--postgres", help="URL of a PostgreSQL server; by default one is started")
    add("--redis", help="URL of a Redis server; by default one is started")
    add("--workers", nargs="*", type=int, default=[50, 100, 200, 500, 1_000], metavar="N",
        help="of the study on paper; none leaves it out; default: 50 100 200 500 1000")  # fmt: skip
    add("--paper-samplers", nargs="+", choices=_PLANNED, default=["linas"], metavar="NAME",
        help=f"of {', '.join(_PLANNED)}; default: linas")  # fmt: skip
    add("--evaluation-s", nargs="+", type=float, default=[60.0, 600.0], metavar="SECONDS",
        help="mean evaluation of the study on paper; default: 60 600")  # fmt: skip
    add("--paper-trials", type=int, default=20_000, help="default: 20000")
    add("--server-cores", type=int, default=8, help="of PostgreSQL on paper; default: 8")
    add("--out", help="write everything here as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
