"""`optuna-linas search`."""

from __future__ import annotations

import logging
import shlex
import warnings
from typing import TYPE_CHECKING, Any

import click

from optuna_linas.cli.failures import Failure, Interrupted, WrongUse
from optuna_linas.cli.goals import goal_of
from optuna_linas.cli.networks import SUPERNETS, parse_options, size_option
from optuna_linas.cli.output import as_json_option, print_json, say
from optuna_linas.cli.problem import (
    Problem,
    check_directions,
    problem_from_file,
    problem_in_supernet,
)
from optuna_linas.cli.recipe import Recipe
from optuna_linas.cli.running import n_measured, n_unsteady_of, run
from optuna_linas.cli.samplers import SAMPLERS, choose_sampler
from optuna_linas.cli.sources import find_source, is_source
from optuna_linas.cli.studies import dashboard_line, open_storage, study_options
from optuna_linas.cli.tables import front_table, trial_as_dict

if TYPE_CHECKING:
    from optuna.study import Study

__all__ = ["search"]


@click.command(
    epilog=f"""
\b
Examples:
  optuna-linas search train.py:objective --direction maximize --direction minimize \\
      --name accuracy --name latency_ms --trials 150 --seed 0
  optuna-linas search --supernet elastic-cnn --data digits --trials 60
  optuna-linas search --supernet ofa-mobilenet-v3 --data images.py:data --epochs 90
  optuna-linas search train.py:objective --storage postgresql://... --resume
The last one, on every machine of a cluster, makes them workers of one search.

\b
Built-in super-networks: {", ".join(list(SUPERNETS)[:3])},
  {", ".join(list(SUPERNETS)[3:])}

\b
--data FILE.py:NAME names an object or a dict (or a function that returns one) with
train and validation, loaders of (inputs, targets), and where they are needed
calibration, sizes (arguments of the super-network), task and objectives.
""",
)
@click.argument("objective", required=False, metavar="[FILE.py:OBJECTIVE]")
@click.option("--supernet", metavar="NAME|FILE.py:NAME", help="Search a super-network instead.")
@click.option("--data", metavar="digits|FILE.py:NAME", help="What to train and measure it on.")
@click.option(
    "--weights",
    type=click.Path(dir_okay=False),
    help="Its weights: read if the file is there, else trained and written. "
    "[default: STUDY.weights.pt]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    metavar="N",
    default=20,
    show_default=True,
    help="Of its training.",
)
@size_option
@click.option(
    "--measure",
    "measured",
    multiple=True,
    metavar="NAME",
    help="An objective in a super-network, such as accuracy, latency_ms or macs; repeat it.",
)
@click.option(
    "--latency-batch",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Examples per call, for latency_ms.",
)
@click.option(
    "--latency-threads",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="CPU threads, for latency_ms.",
)
@study_options
@click.option("--resume", is_flag=True, help="Go on with the study, if there is one.")
@click.option(
    "--trials",
    type=click.IntRange(1),
    metavar="N",
    default=100,
    show_default=True,
    help="Measured trials that the study is to have in the end.",
)
@click.option(
    "--sampler",
    default="linas",
    show_default=True,
    metavar="NAME|FILE.py:NAME",
    help=f"One of {', '.join(SAMPLERS)}, or your own.",
)
@click.option("--cost", metavar="INDEX|ATTRIBUTE", help="What the budgets of nag limit.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="For the same search once more.")
@click.option(
    "--direction",
    "directions",
    multiple=True,
    type=click.Choice(["maximize", "minimize"]),
    help="Once for each value that the objective function returns. [default: minimize]",
)
@click.option("--name", "names", multiple=True, help="What each value is called, in that order.")
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="Threads."
)
@click.option("--keep-going", is_flag=True, help="A trial that fails does not end the search.")
@click.option(
    "--dashboard/--no-dashboard", default=True, help="Keep the study's page up to date. [default]"
)
@as_json_option
@click.pass_context
def search(
    ctx: click.Context,
    objective: str | None,
    supernet: str | None,
    data: str | None,
    weights: str | None,
    epochs: int,
    sizes: tuple[str, ...],
    measured: tuple[str, ...],
    latency_batch: int,
    latency_threads: int,
    storage: str,
    study_name: str | None,
    resume: bool,
    trials: int,
    sampler: str,
    cost: str | None,
    seed: int | None,
    directions: tuple[str, ...],
    names: tuple[str, ...],
    jobs: int,
    keep_going: bool,
    dashboard: bool,
    as_json: bool,
) -> None:
    """Search an objective function, or a super-network.

    OBJECTIVE is a function of an Optuna trial, in a file of yours. The same command with --resume
    goes on where an earlier one has stopped, Ctrl-C included; a larger --trials extends a study.
    """
    from optuna_linas.study_values import why_empty

    if (objective is None) == (supernet is None):
        raise WrongUse("Say what to search: FILE.py:OBJECTIVE, or --supernet NAME.")
    if supernet is not None and data is None:
        raise WrongUse("A super-network needs data to train and measure it on: --data digits.")
    if supernet is not None and directions:
        raise WrongUse("--direction is for an objective function; a super-network has --measure.")
    for text in (objective, *(each for each in (supernet, data) if each and is_source(each))):
        if text is not None:
            find_source(text)
    _let_warn()
    # A sampler that cannot be made is said before anything is trained or stored.
    make_sampler = choose_sampler(sampler, seed=seed, cost=cost)
    name = study_name or str(objective or supernet).rpartition(":")[2]
    _check_new(storage, name, resume)
    if objective is not None:
        problem = problem_from_file(objective)
    else:
        assert supernet is not None
        weights = weights or f"{name}.weights.pt"
        recipe = Recipe(supernet, parse_options(sizes), data, weights, epochs, seed or 0)
        problem = problem_in_supernet(
            recipe, objectives=measured, batch_size=latency_batch, n_threads=latency_threads
        )
    study = _open(problem, storage, name, resume, directions, names)
    cost_goal = None if cost is None else goal_of(cost, study.metric_names or ())
    study.sampler = make_sampler(problem.space, cost_goal)
    is_interrupted = run(study, problem, trials, jobs, keep_going, dashboard)
    n_complete = n_measured(study)
    if as_json:
        print_json(_result(study, storage, n_complete, is_interrupted))
    if is_interrupted:
        again = shlex.join(["optuna-linas", *_again(ctx.meta["optuna_linas.args"])])
        raise Interrupted(
            f"Interrupted after {n_complete} of {trials} trials, which are kept. Go on with:\n"
            f"  {again}"
        )
    if not as_json:
        click.echo(front_table(study))
        click.echo(f"Study {study.study_name!r} in {storage}: {n_complete} trials measured.")
        click.echo(f"Look at it:  {dashboard_line(storage)}")
        words = ["--storage", storage, "--study", study.study_name]
        click.echo(f"Or as a file: {shlex.join(['optuna-linas', 'report', *words])}")
    n_unsteady = n_unsteady_of(study)
    if n_unsteady:
        say(
            f"The machine was busy while {n_unsteady} of {n_complete} latencies were measured: "
            "their trials have steady=False."
        )
    if n_complete == 0:
        raise Failure(f"Nothing was measured: {why_empty(study)}. The lines above say why.")
    if n_complete < trials:
        say(f"{trials - n_complete} trials failed or are another worker's: --resume runs them.")


def _check_new(storage: str, name: str, resume: bool) -> None:
    """Complain of a study that is there before a super-network is trained for a new one."""
    import optuna

    if not resume and name in optuna.get_all_study_names(open_storage(storage, create=True)):
        raise WrongUse(_is_there(name, storage))


def _is_there(name: str, storage: str) -> str:
    return f"{storage} has a study {name!r} already: go on with --resume, or name another --study."


def _open(
    problem: Problem,
    storage: str,
    name: str,
    resume: bool,
    directions: tuple[str, ...],
    names: tuple[str, ...],
) -> Study:
    import optuna
    from optuna.study import StudyDirection

    chosen, named = check_directions(problem, directions, names)
    try:
        study = optuna.create_study(
            study_name=name,
            storage=open_storage(storage, create=True),
            directions=[StudyDirection[each.upper()] for each in chosen],
            load_if_exists=resume,
        )
    except optuna.exceptions.DuplicatedStudyError:
        raise WrongUse(_is_there(name, storage)) from None
    there = [direction.name.lower() for direction in study.directions]
    # A resumed study knows its directions; only those that are given must be the same.
    if there != chosen and (directions or problem.directions):
        raise WrongUse(
            f"The study {name!r} has the directions {', '.join(there)}, not {', '.join(chosen)}."
        )
    if problem.recipe is not None:
        problem.recipe.keep_with(study)
    if named and study.metric_names != named:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(named)
    return study


def _let_warn() -> None:
    """Show what Optuna and the samplers warn of; a traceback is for --traceback to show."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for handler in logging.getLogger("optuna").handlers:
        handler.addFilter(_has_no_traceback)


def _has_no_traceback(record: logging.LogRecord) -> bool:
    return not record.exc_info


def _again(args: list[str]) -> list[str]:
    return args if "--resume" in args else [*args, "--resume"]


def _result(study: Study, storage: str, n_complete: int, is_interrupted: bool) -> dict[str, Any]:
    from optuna_linas.dashboard.facts import front_of

    return {
        "study": study.study_name,
        "storage": storage,
        "directions": [direction.name.lower() for direction in study.directions],
        "metric_names": study.metric_names,
        "n_trials": len(study.get_trials(deepcopy=False)),
        "n_measured": n_complete,
        "interrupted": is_interrupted,
        "front": [trial_as_dict(trial) for trial in front_of(study).trials],
    }
