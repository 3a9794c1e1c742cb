"""`optuna-linas export`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optuna_linas.cli.data import load_data
from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.networks import make_supernet, parse_options, read_weights, size_option
from optuna_linas.cli.output import as_json_option, print_json, say
from optuna_linas.cli.recipe import Recipe
from optuna_linas.cli.sources import load_source
from optuna_linas.cli.studies import load_study, study_options

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["export"]


@click.command(
    epilog="""
\b
Examples:
  optuna-linas export --trial 17
  optuna-linas export --trial best --out phone.onnx
  optuna-linas export --trial 17 --supernet net.py:supernet --weights net.pt --data net.py:data
  optuna-linas export --trial 17 --network train.py:build --input 3,224,224
The first two are for studies that optuna-linas search has made of a super-network. The last one
is for any study: build(params) returns the network of a trial's parameters.
"""
)
@study_options
@click.option("--trial", "trial_name", required=True, metavar="NUMBER|best", help="Which network.")
@click.option("--supernet", metavar="NAME|FILE.py:NAME", help="If the study does not say.")
@size_option
@click.option("--weights", type=click.Path(dir_okay=False), help="If the study does not say.")
@click.option("--data", metavar="digits|FILE.py:NAME", help="For the batch norm's statistics.")
@click.option("--network", metavar="FILE.py:NAME", help="A function from params to a network.")
@click.option("--input", "shape", metavar="3,224,224", help="The shape of its input, one example.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file. [default: STUDY-trial-NUMBER.onnx]",
)
@as_json_option
def export(
    storage: str,
    study_name: str | None,
    trial_name: str,
    supernet: str | None,
    sizes: tuple[str, ...],
    weights: str | None,
    data: str | None,
    network: str | None,
    shape: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the network of a trial as ONNX, and check the file against the network.

    --trial best is the best trial, of several objectives the one at the knee of the front.
    """
    study = load_study(storage, study_name)
    trial = _trial(study, trial_name)
    if network is not None:
        made, example = _from_function(network, shape, trial)
    else:
        made, example = _from_supernet(study, trial, supernet, sizes, weights, data)
    from optuna_linas.hardware import export_onnx

    path = out or Path(f"{study.study_name}-trial-{trial.number}.onnx")
    export_onnx(made, example, path)
    size = path.stat().st_size
    if as_json:
        result = {"trial": trial.number, "values": trial.values, "file": str(path), "bytes": size}
        print_json({**result, "params": trial.params})
    else:
        values = ", ".join(f"{value:.5g}" for value in trial.values)
        click.echo(f"{path}: trial {trial.number} ({values}), {size / 1e3:,.0f} kB, checked")


def _trial(study: Study, name: str) -> FrozenTrial:
    from optuna_linas.answers import knee_point

    if name == "best":
        try:
            return knee_point(study)
        except ValueError as error:
            raise WrongUse(str(error)) from None
    trials = study.get_trials(deepcopy=False)
    if not name.isdecimal() or int(name) >= len(trials):
        raise WrongUse(
            f"The study {study.study_name!r} has the trials 0 to {len(trials) - 1}; got {name!r}."
        )
    trial = trials[int(name)]
    if trial.values is None:
        raise WrongUse(f"Trial {name} is not complete: it is {trial.state.name.lower()}.")
    return trial


def _from_function(source: str, shape: str | None, trial: FrozenTrial) -> tuple[Any, Any]:
    import torch

    parts = (shape or "").split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise WrongUse(f"--network needs --input, such as --input 3,224,224; got {shape!r}.")
    network = load_source(source)(dict(trial.params))
    if not isinstance(network, torch.nn.Module):
        raise WrongUse(f"{source} returned no torch module but {type(network).__name__}.")
    return network.eval(), torch.rand(2, *(int(part) for part in parts))


def _from_supernet(
    study: Study,
    trial: FrozenTrial,
    supernet_name: str | None,
    sizes: tuple[str, ...],
    weights: str | None,
    data_name: str | None,
) -> tuple[Any, Any]:
    recipe = Recipe.of(study)
    if supernet_name is not None:
        recipe = Recipe(supernet_name, parse_options(sizes))
    if recipe is None:
        raise WrongUse(
            f"The study {study.study_name!r} does not say what its networks are: give --supernet "
            "and --weights, or --network."
        )
    if weights is not None:
        recipe = replace(recipe, weights=weights)
    if data_name is not None:
        recipe = replace(recipe, data=data_name)
    data = None if recipe.data is None else load_data(recipe.data, recipe.seed)
    supernet = make_supernet(
        recipe.supernet, {**({} if data is None else data.sizes), **recipe.sizes}
    )
    read_weights(supernet, recipe.weights_path())
    network = supernet.extract(_known(supernet, trial))
    if data is None:
        say("Batch-norm statistics are those of the super-network: --data re-calibrates them.")
    else:
        from optuna_linas.supernets import recalibrate_batch_norm

        recalibrate_batch_norm(network, data.calibration)
    return network, supernet.example_input(2)


def _known(supernet: Any, trial: FrozenTrial) -> dict[str, Any]:
    return {name: value for name, value in trial.params.items() if name in supernet.space}
