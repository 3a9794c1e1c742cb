"""Architectures for twenty budgets from one study: `python -m benchmarks.budgets --help`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from rich.console import Console
from rich.table import Table

from benchmarks.budget_cases import Cases, check_goals, make_cases
from benchmarks.budget_methods import (
    Choices,
    best_trial,
    draws_alone,
    generator_choices,
    make_study,
    ofa_evolution,
    single_searches,
)
from benchmarks.budget_pictures import write_pictures
from benchmarks.cache import Cache, default_folder
from benchmarks.contenders import CONTENDERS
from benchmarks.data import MissingData, data_folder
from benchmarks.problem import Problem
from benchmarks.problems import TWO_OBJECTIVES_IN_WORDS, expand_names, make_problem
from benchmarks.reasons import print_error
from benchmarks.running import platform_facts
from optuna_linas import BudgetGenerator
from optuna_linas.nag import PAPER, REWARDS, Settings

__all__ = ["main", "parser", "run", "true_losses", "variants"]

SAMPLERS = ("linas", "nag", "nsga2", "random")
"""What samples the studies that generators are fitted on; the first one is for everything else."""

N_BUDGETS_TRIED = (2, 5, 10, 20)
HISTOGRAM_SHARES, N_DRAWS = (0.2, 0.4, 0.6, 0.8), 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        results = run(options, console)
    except (MissingData, ValueError) as error:
        print_error(error, console)
        return 1
    print_results(results, console)
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    if options.pictures:
        write_pictures(results, Path(options.pictures))
    return 0


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Return everything that was measured, as plain data.

    Raises:
        MissingData: A data file is not there.
        ValueError: An unknown problem, or one without a value and a cost.
    """
    data, cache = data_folder(options.data), Cache(Path(options.cache))
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    given = {name: make_problem(name, data) for name in expand_names(options.problems)}
    for problem in given.values():
        check_goals(problem)
    problems: dict[str, Any] = {}
    for name, problem in given.items():
        with console.status(f"The best known under each budget of {name}"):
            cases = make_cases(problem, cache)
        runs = []
        for seed in range(options.seeds):
            runs.append(_one_seed(problem, cases, seed, options))
            console.print(f"{name}, seed {seed}: done")
        cost = problem.goals[1]
        problems[name] = {
            "budgets": cases.budgets.tolist(),
            "best_known_loss": cases.best.tolist(),
            "value": problem.goals[0].name,
            "cost": cost.name + (f" ({cost.unit})" if cost.unit else ""),
            "maximised": problem.directions[0] == "maximize",
            "runs": runs,
        }
    return {
        "command": f"python -m benchmarks.budgets {shlex.join(_words(options))}",
        "started": started,
        **platform_facts(),
        "n_evaluations": options.evaluations,
        "problems": problems,
    }


def _one_seed(
    problem: Problem, cases: Cases, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Every method on the studies of one seed."""
    budgets, n = cases.budgets, options.evaluations
    studies = {
        name: make_study(problem, CONTENDERS[name].make(seed), n)
        for name in options.samplers
        if CONTENDERS[name].why_missing() is None
    }
    study = studies[options.samplers[0]]
    found: dict[str, Any] = {}

    def note(name: str, choices: Choices) -> None:
        found[name] = true_losses(problem, cases, choices)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.npz"
        ours, generator = generator_choices(problem, study, budgets, seed=seed, path=path)
        size = path.stat().st_size
    note("generator", ours)
    found["generator"]["file_bytes"] = size
    note("best trial of the study", best_trial(problem, study, budgets))
    singles = single_searches(problem, budgets, n_evaluations=n, seed=seed)
    note("single-budget searches", singles)
    note("OFA's evolution", ofa_evolution(problem, study, budgets, seed=seed))
    for name, other in list(studies.items())[1:]:
        note(f"best trial, {name}", best_trial(problem, other, budgets))
        choices, _ = generator_choices(problem, other, budgets, seed=seed)
        note(f"generator on {name}", choices)
    for name, settings in variants(options).items():
        choices, _ = generator_choices(problem, study, budgets, seed=seed, settings=settings)
        note(name, choices)
    return {"methods": found, "histogram": _histogram(problem, generator, cases)}


def variants(options: argparse.Namespace) -> dict[str, Settings]:
    """The generators of the ablations, by name."""
    quick = replace(Settings(), n_steps=options.steps) if options.steps else Settings()
    variants: dict[str, Settings] = {}
    if options.paper_steps:
        variants["paper's settings"] = replace(PAPER, n_steps=options.paper_steps)
    if not options.ablations:
        return variants
    alone = draws_alone(quick)
    for name, reward in REWARDS.items():
        variants[f"draws alone, {name}"] = replace(alone, reward=reward)
    variants["nothing improved on request"] = replace(quick, n_refinements=0)
    variants["no generator, elites only"] = replace(quick, n_steps=0)
    for k in N_BUDGETS_TRIED:
        variants[f"K = {k}"] = replace(quick, n_budgets=k)
    return variants


def true_losses(problem: Problem, cases: Cases, choices: Choices) -> dict[str, Any]:
    """What the chosen architectures are worth when they are measured."""
    losses = problem.losses(problem.evaluate(problem.space.canonical(choices.archs)))
    # What could not be measured is no answer either: it has no value, whatever it costs.
    measured = np.isfinite(losses).all(axis=1)
    within = choices.chosen & measured & (losses[:, 1] <= cases.budgets)
    return {
        "within": within.tolist(),
        "loss": np.where(within, losses[:, 0], cases.fallback).tolist(),
        "cost": losses[:, 1].tolist(),
        "fit_s": choices.fit_s,
        "request_ms": choices.request_ms,
    }


def _histogram(problem: Problem, generator: BudgetGenerator, cases: Cases) -> dict[str, Any]:
    """True costs of many draws for a few budgets (the paper's figure 3), of those measured."""
    low, high = cases.budgets[0], cases.budgets[-1]
    shown: dict[str, Any] = {}
    for share in HISTOGRAM_SHARES:
        budget = float(low + share * (high - low))
        draws = generator.draw(budget, N_DRAWS)
        archs = np.stack([problem.space.encode(draw.params) for draw in draws])
        costs = problem.losses(problem.evaluate(archs))[:, 1]
        shown[f"{budget:.6g}"] = costs[np.isfinite(costs)].tolist()
    return shown


def print_results(results: Mapping[str, Any], console: Console) -> None:
    """Print one table per problem: means ± standard errors over the seeds."""
    for name, problem in results["problems"].items():
        best = np.array(problem["best_known_loss"])
        sign = -1.0 if problem["maximised"] else 1.0
        direction = "maximised" if problem["maximised"] else "minimised"
        table = Table(
            title=f"{name}: {problem['value']}, {direction}, within {len(best)} budgets of "
            f"{problem['cost']}, minimised"
        )
        for column in ("method", problem["value"], "to best known", "within budget"):
            table.add_column(column, justify="left" if column == "method" else "right")
        for column in ("fit s", "ms a budget"):
            table.add_column(column, justify="right")
        for method in problem["runs"][0]["methods"]:
            runs = [run["methods"][method] for run in problem["runs"]]
            losses = np.array([run["loss"] for run in runs])
            within = np.array([run["within"] for run in runs])
            table.add_row(
                method,
                _mean(sign * losses.mean(axis=1)),
                _mean((losses - best).mean(axis=1)),
                f"{within.sum()} of {within.size}",
                f"{np.mean([run['fit_s'] for run in runs]):.1f}",
                f"{np.mean([run['request_ms'] for run in runs]):.1f}",
            )
        console.print(table)
        sizes = [run["methods"]["generator"]["file_bytes"] for run in problem["runs"]]
        console.print(
            f"best known: {sign * best.mean():.3f}; saved file: {max(sizes) / 1e3:.0f} kB; "
            "a method without an architecture within a budget, or with one that could not be "
            "measured, counts with the cheapest one."
        )


def _mean(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values.mean():.3f}"
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def _words(options: argparse.Namespace) -> list[str]:
    """The options without the folders of this machine."""
    words = ["--problems", *options.problems, "--seeds", str(options.seeds)]
    words += ["--evaluations", str(options.evaluations), "--samplers", *options.samplers]
    words += ["--paper-steps", str(options.paper_steps)]
    words += ["--steps", str(options.steps)] if options.steps else []
    return words + (["--ablations"] if options.ablations else [])


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.budgets", description=__doc__)
    add = made.add_argument
    add(
        "--problems",
        nargs="+",
        default=["budgets"],
        metavar="NAME",
        help="problems with two objectives, first the value, then the cost that is limited: of "
        f"{TWO_OBJECTIVES_IN_WORDS}; default: %(default)s",
    )
    add("--seeds", type=int, default=5, help="seeds 0, 1, ... ; default: 5")
    add("--evaluations", type=int, default=300, help="trials of a study; default: 300")
    add(
        "--samplers",
        nargs="+",
        choices=CONTENDERS,
        default=list(SAMPLERS),
        metavar="NAME",
        help="what samples the studies; the first one also for all other methods; default: "
        + " ".join(SAMPLERS),
    )
    add("--ablations", action="store_true", help="also the paper's Table 2 and other K")
    add("--steps", type=int, default=0, help="training steps in the ablations; default: ours")
    add(
        "--paper-steps",
        type=int,
        default=2_000,
        help="training steps with the paper's settings (10,001 there), 0 to leave them out; "
        "default: %(default)s",
    )
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--out", help="write the results here as JSON")
    add("--pictures", help="write the pictures here: one HTML page")
    add("--cache", default=str(default_folder()), help="folder of cached results")
    return made


if __name__ == "__main__":
    sys.exit(main())
