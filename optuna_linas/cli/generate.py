"""`optuna-linas generate`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click

from optuna_linas.cli.failures import Failure, WrongUse
from optuna_linas.cli.goals import goal_of
from optuna_linas.cli.output import as_json_option, print_json, say, text_table
from optuna_linas.cli.studies import load_study, study_options
from optuna_linas.cli.tables import shorten

__all__ = ["generate"]


@click.command(
    epilog="""
\b
Examples:
  optuna-linas generate --cost latency_ms --budget 37
  optuna-linas generate --cost 1 --budget 20 --budget 37 -n 3 --save phone.npz
  optuna-linas generate --generator phone.npz --budget 25
The first and the second learn from a study; the third one answers at once.
"""
)
@study_options
@click.option(
    "--generator",
    "generator_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Ask a saved generator instead of a study.",
)
@click.option("--cost", metavar="INDEX|ATTRIBUTE", help="What budgets limit, such as latency_ms.")
@click.option(
    "--value",
    default="0",
    show_default=True,
    metavar="INDEX|ATTRIBUTE",
    help="What is to be as good as possible.",
)
@click.option(
    "--budget",
    "budgets",
    type=float,
    multiple=True,
    metavar="X",
    help="In the cost's unit; repeat it.",
)
@click.option(
    "-n",
    "n",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Architectures.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep what was learned in a file, for --generator.",
)
@as_json_option
def generate(
    storage: str,
    study_name: str | None,
    generator_file: Path | None,
    cost: str | None,
    value: str,
    budgets: tuple[float, ...],
    n: int,
    seed: int,
    save: Path | None,
    as_json: bool,
) -> None:
    """Give the best architectures for a budget, without another search.

    Learns from a study of at least 20 trials, whatever has sampled it, or asks a generator that was
    saved.
    """
    if not budgets and save is None:
        raise WrongUse("Say what it may cost: --budget 37 (or --save FILE to learn only).")
    if generator_file is not None:
        generator = _load(generator_file)
    else:
        generator = _learn(storage, study_name, cost, value, seed)
    if save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        generator.save(save)
        say(f"The generator is in {save}.")
    found = [(budget, each) for budget in budgets for each in _ask(generator, budget, n)]
    if as_json:
        print_json(
            {
                "cost_range": list(generator.cost_range),
                "n_trials": generator.n_used,
                "architectures": [
                    {
                        "budget": budget,
                        "params": each.params,
                        "predicted_value": each.predicted_value,
                        "predicted_cost": each.predicted_cost,
                        "is_within": each.is_within,
                    }
                    for budget, each in found
                ],
            }
        )
    elif found:
        from optuna_linas.dashboard.architecture import architecture_line

        names = sorted({name for _, each in found for name in each.params})
        rows = [
            [
                f"{budget:g}",
                f"{each.predicted_value:.5g}",
                f"{each.predicted_cost:.5g}",
                "yes" if each.is_within else "NO",
                shorten(architecture_line(each.params, names)),
            ]
            for budget, each in found
        ]
        head = ["budget", "predicted value", "predicted cost", "within", "architecture"]
        click.echo(text_table(head, rows))


def _load(path: Path) -> Any:
    from optuna_linas import BudgetGenerator

    try:
        return BudgetGenerator.load(path)
    except FileNotFoundError:
        raise WrongUse(f"There is no file {path}.") from None
    except ValueError as error:
        raise WrongUse(str(error)) from None


def _learn(storage: str, study_name: str | None, cost: str | None, value: str, seed: int) -> Any:
    if cost is None:
        raise WrongUse(
            "Say what budgets limit: --cost with an objective's index or a user attribute of the "
            "trials, such as --cost latency_ms."
        )
    study = load_study(storage, study_name)
    from optuna_linas import BudgetGenerator

    names = study.metric_names or ()
    try:
        return BudgetGenerator.from_study(
            study, cost=goal_of(cost, names), value=goal_of(value, names), seed=seed
        )
    except ValueError as error:
        raise WrongUse(str(error)) from None


def _ask(generator: Any, budget: float, n: int) -> list[Any]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            answers: list[Any] = generator.generate(budget, n)
        except ValueError as error:
            raise Failure(str(error)) from None
    for warning in seen:
        say(str(warning.message))
    return answers
