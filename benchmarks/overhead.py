"""What a sampler costs as a study grows: `python -m benchmarks.overhead --help`.

Processor time of ask, suggest and tell, on 45 variables and two objectives, without the objective.
With several threads processor time is at least the time that passes, so a limit that it keeps is
kept on the clock too. Nothing is answered from a cache.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import CONTENDERS
from benchmarks.data import MissingData, data_folder
from benchmarks.problem import Problem
from benchmarks.problems import NAMES_IN_WORDS, make_problem
from benchmarks.reasons import print_error
from benchmarks.searches import search
from benchmarks.summary import mean_and_error
from benchmarks.warm_up import warm_up
from optuna_linas.arrays import FloatArray

__all__ = ["main", "measure_overhead", "overhead_table"]

PROBLEM = "ofa-mbv3-note10"
CHECKPOINTS = (50, 100, 250, 500, 1_000)
_WINDOW = 50


def measure_overhead(
    problem: Problem, samplers: Sequence[str], *, n_evaluations: int, seeds: Sequence[int]
) -> dict[str, Any]:
    """Run every sampler for `n_evaluations` trials and return its costs as plain data."""
    checkpoints = sorted({n_evaluations, *(c for c in CHECKPOINTS if c <= n_evaluations)})
    return {
        "problem": problem.name,
        "n_variables": len(problem.space),
        "n_objectives": len(problem.goals),
        "n_evaluations": n_evaluations,
        "seeds": list(seeds),
        "samplers": {
            name: _summary(
                np.stack([_seconds(problem, name, n_evaluations, seed) for seed in seeds]),
                checkpoints,
            )
            for name in samplers
        },
    }


def overhead_table(overhead: dict[str, Any]) -> Table:
    """Return the table of what `measure_overhead` found."""
    table = Table(
        title=f"Overhead on {overhead['problem']}: {overhead['n_variables']} variables × "
        f"{overhead['n_objectives']} objectives",
        caption="Processor time in ms a trial, averaged over all trials so far, ± standard error "
        f"over {len(overhead['seeds'])} seeds; and over the last {_WINDOW}.",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("sampler", no_wrap=True)
    checkpoints = next(iter(overhead["samplers"].values()))["ms_per_trial"]
    for heading in [*(f"first {int(c):,}" for c in checkpoints), f"last {_WINDOW}", "longest"]:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, figures in overhead["samplers"].items():
        until = [
            f"{f['mean']:.1f}" + (f" ±{e:.1f}" if (e := f["standard_error"]) is not None else "")
            for f in figures["ms_per_trial"].values()
        ]
        table.add_row(name, *until, f"{figures['last_ms']:.1f}", f"{figures['longest_ms']:.0f}")
    return table


def _seconds(problem: Problem, name: str, n_evaluations: int, seed: int) -> FloatArray:
    contender = CONTENDERS[name]
    warm_up(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return search(problem, contender.make(seed), n_evaluations, asks=contender.asks).seconds


def _summary(seconds: FloatArray, checkpoints: Sequence[int]) -> dict[str, Any]:
    """From the seconds of each seed's trials, `float[seeds, n]`."""
    ms = 1000 * seconds
    return {
        "ms_per_trial": {
            str(c): mean_and_error([float(v) for v in ms[:, :c].mean(axis=1)]) for c in checkpoints
        },
        "last_ms": float(ms[:, -_WINDOW:].mean()),
        "longest_ms": float(ms.max()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        problem = make_problem(options.problem, data_folder(options.data))
    except (MissingData, ValueError) as error:
        print_error(error, console)
        return 1
    if options.profile:
        console.print(_profile(problem, options.samplers[0], options.evaluations), markup=False)
        return 0
    found = measure_overhead(
        problem,
        options.samplers,
        n_evaluations=options.evaluations,
        seeds=range(options.seeds),
    )
    console.print(overhead_table(found))
    if options.out:
        Path(options.out).write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _profile(problem: Problem, name: str, n_evaluations: int) -> str:
    """Return where one search spends its time, as text."""
    warm_up(name)
    profile = cProfile.Profile()
    profile.runcall(_seconds, problem, name, n_evaluations, 0)
    text = io.StringIO()
    statistics = pstats.Stats(profile, stream=text).strip_dirs()
    statistics.sort_stats("cumulative").print_stats(25)
    statistics.sort_stats("tottime").print_stats(25)
    return text.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    add = parser.add_argument
    add("--problem", default=PROBLEM, metavar="NAME",
        help=f"of {NAMES_IN_WORDS}; default: %(default)s")  # fmt: skip
    add("--samplers", nargs="+", choices=CONTENDERS, default=["linas"], metavar="NAME",
        help=f"of {', '.join(CONTENDERS)}; default: linas")  # fmt: skip
    add("--evaluations", type=int, default=1_000, help="trials per search; default: 1000")
    add("--seeds", type=int, default=3, help="seeds 0, 1, ... per sampler; default: 3")
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--out", help="write the figures here as JSON")
    add("--profile", action="store_true", help="show where the first sampler's time goes instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
