"""Compare samplers on real measurements: `python -m benchmarks.samplers --help`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.cache import Cache, default_folder
from benchmarks.contenders import CONTENDERS
from benchmarks.data import MissingData, data_folder
from benchmarks.overhead import PROBLEM as OVERHEAD_PROBLEM
from benchmarks.overhead import measure_overhead
from benchmarks.picture import write_picture
from benchmarks.problem import Problem
from benchmarks.problems import NAMES_IN_WORDS, expand_names, make_problem
from benchmarks.reasons import print_error
from benchmarks.report import print_report
from benchmarks.running import platform_facts, run_tasks
from benchmarks.searches import Search
from benchmarks.summary import summarise_problem
from benchmarks.tasks import SearchFailed, Settings, Task, from_cache
from benchmarks.verdicts import verdicts
from benchmarks.yardstick import GENERATIONS, yardstick

__all__ = ["main", "run"]

REFERENCES = {"LINAS@250": ("linas-paper", 250), "NSGA-II@2000": ("nsga2", 2_000)}
"""Target to the sampler and the number of evaluations that define it."""

_DEFAULT_PROBLEMS = ("large", "anonymous", "tables", "three")
_DEFAULT_SAMPLERS = tuple(name for name in CONTENDERS if name != "linas-paper-translation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    try:
        results = run(options, console)
    except (MissingData, SearchFailed, ValueError) as error:
        print_error(error, console)
        if error.__cause__ is not None and options.traceback:
            raise
        return 1
    print_report(results, console)
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    if options.picture:
        write_picture(results, Path(options.picture))
    return 0


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run every search that the options ask for and return the results as plain data.

    Raises:
        MissingData: A data file is not there.
        SearchFailed: A sampler raised.
        ValueError: An unknown problem.
    """
    data = data_folder(options.data)
    settings = Settings(data, Path(options.cache), options.fresh, options.cache_ours)
    problems = {given: make_problem(given, data) for given in expand_names(options.problems)}
    reasons = {name: CONTENDERS[name].why_missing() for name in options.samplers}
    shown = [name for name in options.samplers if reasons[name] is None]
    tasks = [
        task
        for given, problem in problems.items()
        for task in _tasks(given, [n for n in shown if _fits(n, problem)], options)
    ]
    slow = [task for task in tasks if task.sampler in options.if_cached]
    left_out = {task for task in slow if from_cache(task, settings) is None}
    tasks = [task for task in tasks if task not in left_out]

    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    found = run_tasks(tasks, settings, jobs=options.jobs, console=console)
    results: dict[str, Any] = {
        "command": _command(options),
        "started": started,
        "platform": platform_facts(),
        "versions": {
            **{p: version(p) for p in ("optuna", "optuna-linas", "numpy", "scikit-learn", "pymoo")},
            "samplers": {name: CONTENDERS[name].version() for name in shown},
        },
        "n_evaluations": options.evaluations,
        "seeds": list(range(options.seeds)),
        "asks": {name: _asks(name, options) for name in shown},
        "skipped": [
            *({"name": n, "reason": r} for n, r in reasons.items() if r is not None),
            *(
                {
                    "name": f"{n} on {p.name}",
                    "reason": f"needs {CONTENDERS[n].min_goals} objectives",
                }
                for p in problems.values()
                for n in shown
                if not _fits(n, p)
            ),
            *({"name": str(t), "reason": "not in the cache"} for t in slow if t in left_out),
        ],
        "problems": {
            problem.name: _summary(
                problem,
                {task: search for task, search in found.items() if task.problem == given},
                shown,
                options,
                console,
            )
            for given, problem in problems.items()
        },
    }
    if options.overhead:
        with console.status(f"The overhead of linas over {options.overhead} trials"):
            results["overhead"] = measure_overhead(
                make_problem(OVERHEAD_PROBLEM, data),
                ["linas"],
                n_evaluations=options.overhead,
                seeds=range(options.seeds),
            )
    return {**results, "verdicts": verdicts(results)}


def _summary(
    problem: Problem,
    found: dict[Task, Search],
    shown: Sequence[str],
    options: argparse.Namespace,
    console: Console,
) -> dict[str, Any]:
    with console.status(f"The best front of {problem.name}"):
        measure = yardstick(problem, Cache(Path(options.cache)), generations=options.generations)
    searches: dict[str, dict[int, Search]] = {}
    for task, search in found.items():
        searches.setdefault(task.sampler, {})[task.seed] = search
    return summarise_problem(
        problem,
        measure,
        searches,
        {} if options.no_targets else REFERENCES,
        shown=shown,
        n_evaluations=options.evaluations,
    )


def _fits(name: str, problem: Problem) -> bool:
    return len(problem.goals) >= CONTENDERS[name].min_goals


def _tasks(given: str, shown: Sequence[str], options: argparse.Namespace) -> list[Task]:
    """List a problem's searches: the samplers', and those that define the targets."""
    lengths = dict.fromkeys(shown, options.evaluations)
    if not options.no_targets:
        for name, n in REFERENCES.values():
            lengths[name] = max(n, lengths.get(name, 0))
    tasks = []
    for name, n in lengths.items():
        contender = CONTENDERS[name]
        for seed in range(min(options.seeds, contender.max_seeds or options.seeds)):
            most = min(n, contender.max_evaluations or n)
            tasks.append(Task(given, name, seed, most, _asks(name, options)))
    return tasks


def _asks(name: str, options: argparse.Namespace) -> Any:
    return CONTENDERS[name].asks if options.asks == "best" else options.asks


def _command(options: argparse.Namespace) -> str:
    """Return the command as it was given, without where data and results lie and how it ran."""
    words = ["--problems", *options.problems, "--samplers", *options.samplers]
    words += ["--seeds", options.seeds, "--evaluations", options.evaluations]
    words += ["--overhead", options.overhead] if options.overhead else []
    words += ["--asks", options.asks] if options.asks != "best" else []
    words += ["--generations", options.generations] if options.generations != GENERATIONS else []
    words += ["--if-cached", *options.if_cached] if options.if_cached else []
    words += ["--no-targets"] if options.no_targets else []
    return f"python -m benchmarks.samplers {shlex.join(map(str, words))}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samplers", description=__doc__)
    add = parser.add_argument
    add(
        "--problems",
        nargs="+",
        default=list(_DEFAULT_PROBLEMS),
        metavar="NAME",
        help=f"of {NAMES_IN_WORDS}; default: %(default)s",
    )
    add(
        "--samplers",
        nargs="+",
        choices=CONTENDERS,
        default=list(_DEFAULT_SAMPLERS),
        metavar="NAME",
        help=f"of {', '.join(CONTENDERS)}; default: all but linas-paper-translation",
    )
    add("--seeds", type=_positive, default=5, help="seeds 0, 1, ... per sampler; default: 5")
    add("--evaluations", type=_positive, default=250, help="per search; default: 250")
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--out", help="write the results here as JSON")
    add("--picture", help="write the picture here: .html, or an image with kaleido installed")
    add("--cache", default=str(default_folder()), help="folder of cached results")
    add("--jobs", type=_positive, default=1, help="processes; default: 1")
    add("--fresh", action="store_true", help="run cached searches again")
    add("--cache-ours", action="store_true",
        help="cache this repository's samplers too, under a digest of their sources")  # fmt: skip
    add("--asks", choices=["best", "active", "all"], default="best",
        help="trials suggest a network's variables, all, or what suits the sampler")  # fmt: skip
    add("--if-cached", nargs="+", choices=CONTENDERS, default=[], metavar="NAME",
        help="samplers whose searches come from the cache or are left out")  # fmt: skip
    add("--no-targets", action="store_true", help="skip the searches that define the targets")
    add("--generations", type=_positive, default=GENERATIONS,
        help="generations of the long NSGA-II runs for the best front; default: 600")  # fmt: skip
    add("--overhead", type=_positive, metavar="N",
        help="also measure linas's own time over N trials (the target speaks of 1000)")  # fmt: skip
    add("--traceback", action="store_true", help="show where a sampler failed")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
