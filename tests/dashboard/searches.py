"""Small studies of every kind of sampler."""

from __future__ import annotations

import math

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage

from optuna_linas import LINASSampler, NAGSampler, PymooSampler


def slow_network(trial: optuna.Trial) -> tuple[float, float]:
    """Accuracy, latency: two stages, each of 2 to 4 layers with a kernel."""
    latency, capacity = 0.5, 0.0
    for u in range(2):
        width = trial.suggest_categorical(f"width_{u}", [8, 16, 32])
        for i in range(trial.suggest_int(f"depth_{u}", 2, 4)):
            kernel = trial.suggest_categorical(f"kernel_{4 * u + i}", [3, 5, 7])
            latency += kernel**2 * width / 1000
            capacity += math.log(kernel * width)
    trial.set_user_attr("latency_ms", latency)
    trial.set_user_attr("macs", int(1e6 * latency))
    return 1 - math.exp(-capacity / 20), latency


def sampler(name: str) -> BaseSampler:
    samplers = {
        "linas": lambda: LINASSampler(seed=0, n_inner_evaluations=400, predictor="ridge"),
        "nag": lambda: NAGSampler(cost=1, n_budgets=3, n_steps=3, seed=0),
        "pymoo": lambda: PymooSampler("nsga2", population_size=8, seed=0),
        "random": lambda: RandomSampler(seed=0),
    }
    return samplers[name]()


def searched(
    name: str = "random",
    n_trials: int = 30,
    storage: BaseStorage | str | None = None,
    **more: object,
) -> optuna.Study:
    """A study of `slow_network` under the named sampler, with named objectives."""
    study = optuna.create_study(
        study_name="phone",
        storage=storage,
        directions=["maximize", "minimize"],
        sampler=sampler(name),
    )
    study.set_metric_names(["accuracy", "latency"])
    study.optimize(slow_network, n_trials=n_trials, **more)  # type: ignore[arg-type]
    return study
