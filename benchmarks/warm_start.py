"""What a study of another device is worth: `python -m benchmarks.warm_start --help`.

The target is searched from nothing, and from a study of another device or of a cheaper objective.
The source's evaluations are not counted: they were made before, or cost nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import optuna
from rich.console import Console
from rich.table import Table

from benchmarks.cache import Cache, default_folder
from benchmarks.data import MissingData, data_folder
from benchmarks.problem import Problem
from benchmarks.problems import NAMES_IN_WORDS, make_problem
from benchmarks.reasons import print_error
from benchmarks.running import platform_facts
from benchmarks.searches import search
from benchmarks.summary import mean_and_error
from benchmarks.yardstick import yardstick
from optuna_linas import LINASSampler
from optuna_linas.arrays import FloatArray

__all__ = ["main", "warm_curves"]

CHECKPOINTS = (10, 20, 35, 50, 100)
COLD = "nothing"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        data = data_folder(options.data)
        target = make_problem(options.target, data)
        sources = {name: make_problem(name, data) for name in options.sources}
        measure = yardstick(target, Cache(Path(options.cache)))
    except (MissingData, ValueError) as error:
        print_error(error, console)
        return 1
    values = warm_curves(
        target,
        sources,
        n_source=options.source_evaluations,
        n_evaluations=options.evaluations,
        seeds=range(options.seeds),
    )
    curves = {
        name: np.stack([measure.curve(target.losses(each)) for each in found])
        for name, found in values.items()
    }
    results = {
        "command": f"python -m benchmarks.warm_start --target {options.target} --sources "
        f"{' '.join(options.sources)} --source-evaluations {options.source_evaluations} "
        f"--seeds {options.seeds} --evaluations {options.evaluations}",
        "platform": platform_facts(),
        "curves": {name: each.tolist() for name, each in curves.items()},
    }
    console.print(_table(options.target, curves))
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    return 0


def warm_curves(
    target: Problem,
    sources: Mapping[str, Problem],
    *,
    n_source: int,
    n_evaluations: int,
    seeds: Sequence[int],
) -> dict[str, list[FloatArray]]:
    """Return the values measured on `target`, `float[n, m]` per seed, by the name of the source.

    Args:
        target: What is searched.
        sources: Problems of the same space that were searched before.
        n_source: The evaluations of a source's study, itself a LINAS search of the same seed.
        n_evaluations: The evaluations on the target.
        seeds: One search each.
    """
    found: dict[str, list[FloatArray]] = {name: [] for name in (COLD, *sources)}
    for seed in seeds:
        cold = search(target, LINASSampler(seed=seed), n_evaluations)
        found[COLD].append(cold.values)
        for name, source in sources.items():
            study = optuna.create_study(
                directions=source.directions, sampler=LINASSampler(seed=seed)
            )
            study.optimize(source.objective, n_trials=n_source)
            warm = LINASSampler(warm_start=study, seed=seed)
            found[name].append(search(target, warm, n_evaluations).values)
    return found


def _table(target: str, curves: Mapping[str, FloatArray]) -> Table:
    """Hypervolume by source, mean ± standard error over seeds."""
    table = Table(title=f"{target}: hypervolume, warm start from", title_justify="left")
    table.add_column("source", no_wrap=True)
    shown = [n for n in CHECKPOINTS if n <= next(iter(curves.values())).shape[1]]
    for n in shown:
        table.add_column(f"@{n}", justify="right", no_wrap=True)
    for name, curve in curves.items():
        cells = []
        for n in shown:
            figure = mean_and_error(curve[:, n - 1].tolist())
            error = figure["standard_error"]
            cells.append(f"{figure['mean']:.3f}" + (f" ±{error:.3f}" if error is not None else ""))
        table.add_row(name, *cells)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warm_start", description=__doc__)
    add = parser.add_argument
    add("--target", default="ofa-mbv3-note10", metavar="NAME",
        help=f"problem that is searched, of {NAMES_IN_WORDS}; default: %(default)s")  # fmt: skip
    add("--sources", nargs="+", default=["ofa-mbv3-macs", "ofa-mbv3-i7"], metavar="NAME",
        help="problems of the same space; default: %(default)s")  # fmt: skip
    add("--source-evaluations", type=int, default=100, help="default: 100")
    add("--evaluations", type=int, default=100, help="on the target; default: 100")
    add("--seeds", type=int, default=5, help="seeds 0, 1, ...; default: 5")
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--out", help="write the results here as JSON")
    add("--cache", default=str(default_folder()), help="folder of cached results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
