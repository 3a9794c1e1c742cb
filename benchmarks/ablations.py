"""What each part of the search is worth: `python -m benchmarks.ablations --help`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.alike import alike, alike_in_words
from benchmarks.cache import Cache, default_folder
from benchmarks.data import MissingData, data_folder
from benchmarks.limits import latency_limits, limits_table, ofa_results, summarise_limits
from benchmarks.ofa_search import GeneticSearch
from benchmarks.picture import write_picture
from benchmarks.problem import Problem
from benchmarks.problems import NAMES_IN_WORDS, expand_names, make_problem
from benchmarks.reasons import print_error
from benchmarks.report import print_report
from benchmarks.running import platform_facts, run_tasks
from benchmarks.searches import Search
from benchmarks.summary import summarise_problem
from benchmarks.tasks import SearchFailed, Settings, Task
from benchmarks.variants import FAILURE_STUDY, N_SAMPLES, ONE_SHOT, STUDIES, find_contender
from benchmarks.yardstick import yardstick

__all__ = ["main"]

ONE_SHOT_STUDY = "one-shot"
TARGET = {"LINAS@250": ("linas-paper", 250)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    try:
        results = _run(options, console)
    except (MissingData, SearchFailed, ValueError) as error:
        print_error(error, console)
        return 1
    for study, found in results["studies"].items():
        console.rule(f"Ablation: {study}")
        print_report(found, console)
        for name, problem in found["problems"].items():
            for names in problem["alike"]:
                console.print(alike_in_words(name, names), style="yellow", markup=False)
    for name, limits in results["limits"].items():
        console.print(limits_table(name, limits))
    if options.picture:
        panels = {
            f"{study}, {name}": problem
            for study, found in results["studies"].items()
            for name, problem in found["problems"].items()
        }
        write_picture({"problems": panels}, Path(options.picture))
    return 0


def _run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    data = data_folder(options.data)
    settings = Settings(data, Path(options.cache), options.fresh, options.cache_ours)
    problems = {given: make_problem(given, data) for given in expand_names(options.problems)}
    results: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "platform": platform_facts(),
        "seeds": list(range(options.seeds)),
        "studies": {},
        "limits": {},
    }

    def keep() -> None:  # after each study: a run that is stopped is not lost
        if options.out:
            Path(options.out).write_text(json.dumps(results, indent=1) + "\n")

    for study in options.studies:
        console.print(f"Study: {study}")
        if study == ONE_SHOT_STUDY:
            names = dict.fromkeys(("linas-paper", "linas"), options.evaluations)
            names |= dict.fromkeys(ONE_SHOT, N_SAMPLES + options.evaluations)
        else:
            n = options.long_evaluations if study == "long" else options.evaluations
            names = dict.fromkeys(STUDIES[study], n)
        found = _search_all(problems, names, settings, options, console)
        results["studies"][study] = {
            "skipped": [],
            "verdicts": [],
            "problems": {
                problem.name: {
                    **summarise_problem(
                        problem,
                        _yardstick(problem, options),
                        found[given],
                        TARGET,
                        shown=list(names),
                        n_evaluations=max(names.values()),
                    ),
                    "alike": alike({name: found[given][name] for name in names}, names),
                }
                for given, problem in problems.items()
            },
        }
        if study == ONE_SHOT_STUDY:
            results["limits"] = _limits(problems, found, list(names), options, console)
        keep()
    return results


def _search_all(
    problems: dict[str, Problem],
    names: dict[str, int],
    settings: Settings,
    options: argparse.Namespace,
    console: Console,
) -> dict[str, dict[str, dict[int, Search]]]:
    """Return the searches by problem, sampler and seed; those of the target are among them."""
    lengths = dict(names)
    for name, n in TARGET.values():
        lengths[name] = max(n, lengths.get(name, 0))
    tasks = [
        Task(given, name, seed, n, find_contender(name).asks)
        for given in problems
        for name, n in lengths.items()
        for seed in range(options.seeds)
    ]
    found: dict[str, dict[str, dict[int, Search]]] = {given: {} for given in problems}
    for task, search in run_tasks(tasks, settings, jobs=options.jobs, console=console).items():
        found[task.problem].setdefault(task.sampler, {})[task.seed] = search
    return found


def _limits(
    problems: dict[str, Problem],
    found: dict[str, dict[str, dict[int, Search]]],
    names: Sequence[str],
    options: argparse.Namespace,
    console: Console,
) -> dict[str, Any]:
    """Return figure 9 for each problem that trades an accuracy for one cost."""
    search = GeneticSearch(n_iterations=options.ofa_iterations)
    results = {}
    for given, problem in problems.items():
        if problem.directions != ["maximize", "minimize"]:
            console.print(f"{problem.name} has no accuracy and latency: left out of the limits.")
            continue
        measure = _yardstick(problem, options)
        with console.status(f"OFA's genetic search on {problem.name}"):
            ofa = [
                ofa_results(problem, latency_limits(measure), seed, search)
                for seed in range(options.seeds)
            ]
        searches = {
            name: [found[given][name][seed] for seed in sorted(found[given][name])]
            for name in names
        }
        results[problem.name] = summarise_limits(problem, measure, searches, ofa)
    return results


def _yardstick(problem: Problem, options: argparse.Namespace) -> Any:
    return yardstick(problem, Cache(Path(options.cache)), generations=options.generations)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablations", description=__doc__)
    add = parser.add_argument
    studies = [*STUDIES, ONE_SHOT_STUDY]
    usual = [study for study in studies if study != FAILURE_STUDY]
    add("--studies", nargs="+", choices=studies, default=usual, metavar="NAME",
        help=f"of {', '.join(studies)}; default: all but {FAILURE_STUDY}, which is for the "
        "problems of the group 'failing'")  # fmt: skip
    add("--problems", nargs="+", default=["ofa-mbv3-note10", "hwgpt-s-h100"], metavar="NAME",
        help=f"of {NAMES_IN_WORDS}; default: %(default)s")  # fmt: skip
    add("--seeds", type=int, default=3, help="seeds 0, 1, ... per variant; default: 3")
    add("--evaluations", type=int, default=250, help="per search; default: 250")
    add("--long-evaluations", type=int, default=1_000, help="of the study 'long'; default: 1000")
    add("--ofa-iterations", type=int, default=500, help="of OFA's genetic search; default: 500")
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--out", help="write the results here as JSON")
    add("--picture", help="write the picture here: .html, or an image with kaleido installed")
    add("--cache", default=str(default_folder()), help="folder of cached results")
    add("--jobs", type=int, default=1, help="processes; default: 1")
    add("--fresh", action="store_true", help="run cached searches again")
    add("--cache-ours", action="store_true",
        help="cache this repository's samplers too, under a digest of their sources")  # fmt: skip
    add("--generations", type=int, default=600,
        help="generations of the long NSGA-II runs for the best front; default: 600")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
