"""What `search` searches: an objective function, or a super-network with data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna_linas.cli.data import load_data
from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.networks import make_supernet, read_weights
from optuna_linas.cli.output import say
from optuna_linas.cli.recipe import Recipe
from optuna_linas.cli.sources import load_source

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["Problem", "check_directions", "problem_from_file", "problem_in_supernet"]


@dataclass(frozen=True)
class Problem:
    """An objective, and what is known of it.

    Attributes:
        objective: Called with a trial.
        directions: One per objective; `None` where nobody says.
        metric_names: Likewise.
        space: The search space, where it is known.
        recipe: For a search in a super-network.
    """

    objective: Callable[[Trial], Any]
    directions: Sequence[str] | None = None
    metric_names: Sequence[str] | None = None
    space: Any = None
    recipe: Recipe | None = None


def problem_from_file(source: str) -> Problem:
    """Return the problem of an objective function.

    Args:
        source: FILE.py:NAME. What it names may have `directions` and `metric_names`, as
            `SupernetObjective` has.

    Raises:
        WrongUse: It cannot be called.
    """
    objective = load_source(source)
    if not callable(objective):
        raise WrongUse(f"{source} is no function of a trial but {type(objective).__name__}.")
    return Problem(
        objective,
        getattr(objective, "directions", None),
        getattr(objective, "metric_names", None),
        getattr(getattr(objective, "supernet", None), "space", None),
    )


def problem_in_supernet(
    recipe: Recipe, *, objectives: Sequence[str], batch_size: int, n_threads: int
) -> Problem:
    """Return the problem of searching a super-network, which is trained where it is not yet.

    Args:
        recipe: The super-network, the data, the file of the weights.
        objectives: What is searched for; the data says where it is empty.
        batch_size: For the latency.
        n_threads: For the latency.
    """
    import torch

    from optuna_linas import SupernetObjective
    from optuna_linas.hardware import LatencyMeter

    assert recipe.data is not None
    data = load_data(recipe.data, recipe.seed)
    torch.manual_seed(recipe.seed)
    supernet = make_supernet(recipe.supernet, {**data.sizes, **recipe.sizes})
    _train_or_read(supernet, data, recipe)
    try:
        objective = SupernetObjective(
            supernet,
            data.validation,
            calibration=data.calibration,
            objectives=tuple(objectives) or data.objectives,
            latency=LatencyMeter(batch_size=batch_size, n_threads=n_threads),
        )
    except ValueError as error:
        raise WrongUse(str(error)) from None
    return Problem(
        objective,
        objective.directions,
        objective.metric_names,
        supernet.space,
        recipe,
    )


def _train_or_read(supernet: Any, data: Any, recipe: Recipe) -> None:
    from optuna_linas.supernets import save_weights, train_supernet

    path = recipe.weights_path()
    if path.is_file():
        say(f"Super-network: weights read from {path}")
        read_weights(supernet, path)
        return
    size = supernet.space.size(effective=True)
    say(f"Super-network: {len(supernet.space)} variables, {size:,} different networks")
    assert recipe.epochs is not None
    # Written after every epoch: Ctrl-C does not lose them.
    unfinished = path.with_name(f"{path.name}.training")
    train_supernet(
        supernet,
        data.train,
        epochs=recipe.epochs,
        seed=recipe.seed,
        task=data.task,
        checkpoint=unfinished,
    )
    save_weights(supernet, path)
    unfinished.unlink(missing_ok=True)
    say(f"Super-network: trained, weights in {path}")


def check_directions(
    problem: Problem, directions: Sequence[str], names: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return a study's directions and metric names: those of the command line, or the problem's.

    Raises:
        WrongUse: There are more or fewer names than directions.
    """
    chosen = list(directions or problem.directions or ["minimize"])
    named = list(names or problem.metric_names or [])
    if named and len(named) != len(chosen):
        raise WrongUse(
            f"There are {len(chosen)} directions and {len(named)} names: give --direction and "
            "--name once for each objective."
        )
    return chosen, named
