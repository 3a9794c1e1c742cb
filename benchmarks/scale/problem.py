"""The objective of the scale benchmarks: it costs nothing."""

from __future__ import annotations

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from optuna_linas.space import SearchSpace

__all__ = ["OPTIONS", "Instant", "running_trial", "space_of"]

OPTIONS = (0, 1, 2, 3)


class Instant:
    """Two objectives that are known at once: what is left is the sampler and the storage.

    Args:
        n_variables: Parameters of a trial, each of them a write.
    """

    def __init__(self, n_variables: int) -> None:
        self.n_variables = n_variables

    def __call__(self, trial: Trial) -> tuple[float, float]:
        """Return a sum, and a sum of squares that is against it."""
        row = [trial.suggest_categorical(name_of(i), OPTIONS) for i in range(self.n_variables)]
        return values_of(row)


def space_of(n_variables: int) -> SearchSpace:
    """Return what a trial's parameters are taken from."""
    return SearchSpace.from_choices({name_of(i): OPTIONS for i in range(n_variables)})


def name_of(i: int) -> str:
    """Return a name as a super-network's variables have it."""
    return f"layer_{i}.kernel_size"


def values_of(row: list[int]) -> tuple[float, float]:
    """Return the objectives of a row of options."""
    return float(sum(row)), 1.0 + sum((3 - v) ** 2 * (1 + i % 3) for i, v in enumerate(row))


def running_trial(row: list[int], state: TrialState = TrialState.RUNNING) -> FrozenTrial:
    """Return a trial with these parameters, to be put into a storage."""
    names = [name_of(i) for i in range(len(row))]
    return create_trial(
        state=state,
        params=dict(zip(names, row, strict=True)),
        distributions={name: CategoricalDistribution(OPTIONS) for name in names},
        values=values_of(row) if state == TrialState.COMPLETE else None,
        system_attrs={"linas:claim": f'[1,0,{row},"0123456789ab"]'},
    )
