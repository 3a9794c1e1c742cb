"""Populations compared: PBT-NAS, its ablations and baselines, at the same total training epochs.

    OMP_NUM_THREADS=1 python -m benchmarks.population --task digits --seeds 10
    python -m benchmarks.population --task cifar10 --seeds 3 --population 6 --generations 4 \
        --epochs 1 --data path/to/the/data
    python -m benchmarks.population --overhead

Prints one table per task; `--out` writes everything behind it as JSON. A run that was stopped
continues: searches are cached under a digest of the sources that decide them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from rich.console import Console

from benchmarks.cache import Cache, default_folder
from benchmarks.data import MissingData, data_folder
from benchmarks.image_population import TASKS
from benchmarks.population_overhead import measure_overhead
from benchmarks.population_report import print_overhead, print_report, summarise
from benchmarks.population_searches import METHODS, Setting, search
from benchmarks.running import platform_facts

_DECIDING = (
    "benchmarks/image_population.py",
    "benchmarks/population_searches.py",
    "optuna_linas/pbt",
    "optuna_linas/population.py",
    "optuna_linas/samplers/succession.py",
)
"""The sources on which a search's result depends."""


def main() -> int:
    """Run what the command line asks for; 0 if it worked, 1 with a message if data is missing."""
    options = _parser().parse_args()
    console = Console()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    torch.set_num_threads(options.threads)
    results: dict[str, Any] = {"platform": _platform(), "n_seeds": options.seeds}
    try:
        if options.overhead:
            results["overhead"] = measure_overhead(storage=options.storage)
            print_overhead(results["overhead"], console)
        else:
            results |= _compare(options, console)
            print_report(results, console)
    except MissingData as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1))
    return 0


def _compare(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run every search, seed by seed, so that a stopped run has complete seeds."""
    device = torch.device(options.device)
    cache = Cache(Path(options.cache), read=not options.fresh)
    sources = _digest()
    found: dict[str, dict[str, dict[int, Any]]] = {}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        images = TASKS[options.task](data_folder(options.data), seed, device)
        for size in options.population:
            # The same epochs in all: larger populations have fewer generations.
            n_generations = max(1, options.generations * options.population[0] // size)
            setting = Setting(
                options.task,
                size,
                n_generations,
                options.epochs,
                buffers=options.buffers,
            )
            for method in options.methods:
                key = {
                    "problem": f"population-{options.task}",
                    "method": method,
                    "seed": seed,
                    "device": str(device),
                    "sources": sources,
                    "torch": torch.__version__,
                    **setting.key(),
                }
                cached = cache.get(key)
                if cached is None:
                    started = time.monotonic()
                    result = search(images, setting, method, seed)
                    cache.put(key, {"result": np.array(json.dumps(result))})
                    console.print(
                        f"seed {seed}, {size} members, {method}: test accuracy "
                        f"{result['test_accuracy']:.2f} % ({time.monotonic() - started:.0f} s)",
                        markup=False,
                    )
                else:
                    result = json.loads(str(cached["result"]))
                name = f"{size} members x {n_generations} generations x {options.epochs} epochs"
                found.setdefault(name, {}).setdefault(method, {})[seed] = result
    return {
        "task": options.task,
        "device": str(device),
        "settings": {name: summarise(methods) for name, methods in found.items()},
    }


def _digest() -> str:
    root, digest = Path(__file__).parent.parent, hashlib.sha256()
    for name in _DECIDING:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _platform() -> dict[str, Any]:
    return {
        **platform_facts(),
        "n_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **{name: version(name) for name in ("optuna", "optuna-linas", "torch", "numpy")},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.population",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--task", choices=TASKS, default="digits")
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME",
        help=f"of {', '.join(METHODS)}; default: all")  # fmt: skip
    add("--seeds", type=int, default=10, help="seeds 0, 1, ...; default: 10")
    add("--first-seed", type=int, default=0, help="to share seeds among processes; default: 0")
    add("--population", type=int, nargs="+", default=[12], metavar="N",
        help="members; several sizes are compared at equal total epochs; default: 12")  # fmt: skip
    add("--generations", type=int, default=12, help="of the first population size; default: 12")
    add("--epochs", type=int, default=1, help="epochs of a generation; default: 1")
    add("--buffers", choices=["perturb", "copy", "reset"], default="perturb",
        help="what becomes of the buffers of donated layers; default: perturb")  # fmt: skip
    add("--overhead", action="store_true",
        help="measure restore, save and sampling instead")  # fmt: skip
    add("--storage", help="for --overhead: a database URL; default: SQLite and journal")
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, default=1, help="of torch; default: 1")
    add("--out", help="write the results here as JSON")
    add("--cache", default=str(default_folder()), help="folder of cached results")
    add("--fresh", action="store_true", help="run cached searches again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
