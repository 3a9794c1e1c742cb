"""The super-networks of the papers, trained, measured and searched.

    OMP_NUM_THREADS=2 python -m benchmarks.supernets --out results.json --picture results.html
    python -m benchmarks.supernets --rows hat-multi30k --checks --scale 3 --device cuda

Rows and checks are in `supernet_rows` and `supernet_checks`; results are written after each one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import optuna
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.data import MissingData, data_folder
from benchmarks.reasons import print_left_out
from benchmarks.supernet_checks import CHECKS, Trained
from benchmarks.supernet_picture import write_picture
from benchmarks.supernet_rows import ROWS, Settings
from benchmarks.supernet_search import run_row
from optuna_linas.hardware import describe_platform

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run rows and checks; return the results as plain data."""
    args = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    console = Console()
    settings = Settings(data_folder(args.data), args.scale, args.device, args.seed)
    results: dict[str, Any] = {
        "platform": describe_platform(),
        "threads": torch.get_num_threads(),
        "settings": {"scale": args.scale, "seed": args.seed, "device": args.device},
        "rows": {},
        "checks": {},
    }
    for name in args.rows:
        started, started_cpu = time.perf_counter(), time.process_time()
        try:
            row = run_row(ROWS[name], settings, args.evaluations)
        except MissingData as missing:
            print_left_out(name, missing, console)
            continue
        row["seconds"]["all"] = time.perf_counter() - started
        row["seconds"]["cpu"] = time.process_time() - started_cpu
        results["rows"][name] = row
        console.print(_row_table(name, row))
        _write(results, args.out)
    trained = Trained(settings) if args.checks else None
    for name in args.checks:
        started = time.perf_counter()
        assert trained is not None
        check = CHECKS[name](trained)
        check["seconds"] = time.perf_counter() - started
        results["checks"][name] = check
        console.print(f"[bold]{name}[/bold]", _short(check))
        _write(results, args.out)
    if args.picture is not None:
        write_picture(results, args.picture)
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--checks", nargs="*", choices=list(CHECKS), default=list(CHECKS))
    parser.add_argument("--data", help="folder of the data files")
    parser.add_argument("--scale", type=float, default=1.0, help="times epochs and evaluations")
    parser.add_argument("--evaluations", type=int, help="of each search, instead of the row's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file")
    parser.add_argument("--picture", type=Path, help="HTML file")
    return parser


def _row_table(name: str, row: dict[str, Any]) -> Table:
    seconds = row["seconds"]
    search = ", ".join(f"{k} {v:.1f} s" for k, v in seconds["search"].items())
    table = Table(
        title=f"{name}: {row['n_variables']} variables, {row['n_networks']:.1e} networks",
        caption=(
            f"{row['n_evaluations']} evaluations each, {row['n_measured']} networks measured, "
            f"{row['share_steady']:.0%} steady. Training {seconds['training']:.0f} s, evaluation "
            f"{seconds['evaluation']:.0f} s, search {search}, in all {seconds['all']:.0f} s, of "
            f"which {seconds['cpu']:.0f} s of processor time."
        ),
    )
    finals = [k for k in row["front"][0] if k not in ("values", "macs", "params")]
    for heading in [*row["objectives"], "MACs", "params", *finals]:
        table.add_column(heading, justify="right")
    for network in row["front"]:
        figures = [*network["values"], network["macs"], network["params"]]
        table.add_row(*(f"{v:.4g}" for v in [*figures, *(network[k] for k in finals)]))
    last = {k: v[-1] for k, v in row["hypervolume"].items()}
    table.title = f"{table.title}; share of the pool's hypervolume: {last}"
    return table


def _short(check: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in check.items()
        if not isinstance(value, (list, dict)) or name in ("hypervolume_share", "latency_table")
    }


def _write(results: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(results, indent=1, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
