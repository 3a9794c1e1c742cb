"""Train a row, search it with several samplers in turns over one pool of measurements.

A network is measured once, whoever asks for it first, and all samplers see the same figures. They
take turns trial by trial, so that a drift of the machine's speed hits all alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
import torch
from optuna.samplers import BaseSampler
from torch import nn

from benchmarks.supernet_rows import Row, Settings
from optuna_linas import LINASSampler
from optuna_linas.arrays import FloatArray
from optuna_linas.pareto import hypervolume, hypervolume_history, non_dominated
from optuna_linas.suggest import suggest
from optuna_linas.supernets import recalibrate_batch_norm, train_supernet

__all__ = ["SAMPLERS", "run_row"]

SAMPLERS: Mapping[str, Callable[[Any, int], BaseSampler]] = {
    "linas": lambda space, seed: LINASSampler(space=space, seed=seed),
    "nsga2": lambda space, seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
    "random": lambda space, seed: optuna.samplers.RandomSampler(seed=seed),
}


def run_row(
    make: Callable[[Settings], Row], settings: Settings, n_evaluations: int | None = None
) -> dict[str, Any]:
    """Return everything that a row shows, as plain data.

    Args:
        make: The row.
        settings: The flags.
        n_evaluations: Evaluations of each search; the row's own number by default.
    """
    torch.manual_seed(settings.seed)
    row = make(settings)
    n = n_evaluations or max(4, round(row.n_evaluations * settings.scale))
    started = time.perf_counter()
    log = train_supernet(row.supernet, seed=settings.seed, progress=False, **row.train)
    seconds = {"training": time.perf_counter() - started, "evaluation": 0.0}
    objective = row.objective()
    studies = {
        name: optuna.create_study(
            directions=objective.directions, sampler=sampler(row.supernet.space, settings.seed)
        )
        for name, sampler in SAMPLERS.items()
    }
    search_seconds = dict.fromkeys(studies, 0.0)
    for _ in range(n):
        for name, study in studies.items():
            start = time.perf_counter()
            trial = study.ask()
            # Optuna samples when the first parameter is suggested: that is the sampler's time too.
            # The objective suggests again and is given the same values.
            suggest(trial, row.supernet.space)
            asked = time.perf_counter()
            values = objective(trial)
            measured = time.perf_counter()
            study.tell(trial, values)
            told = time.perf_counter()
            search_seconds[name] += asked - start + told - measured
            seconds["evaluation"] += measured - asked
    everything = [trial for study in studies.values() for trial in study.trials]
    losses = {name: _losses(study) for name, study in studies.items()}
    pool = np.concatenate(list(losses.values()))
    reference = pool.max(axis=0)
    # A pool without any trade-off (all alike in one objective) has no volume to share.
    best = hypervolume(pool[non_dominated(pool)], reference) or 1.0
    start = time.perf_counter()
    front = _front(studies, objective, row)
    seconds["final"] = time.perf_counter() - start
    return {
        "n_variables": len(row.supernet.space),
        "n_networks": row.supernet.space.size(effective=True),
        "objectives": list(row.units),
        "training": {
            "losses": log.losses,
            "first": log.largest_accuracies,
            "last": log.smallest_accuracies,
        },
        "seconds": {**seconds, "search": search_seconds},
        "n_evaluations": n,
        "n_measured": len({tuple(sorted(t.params.items())) for t in everything}),
        "share_steady": float(np.mean([t.user_attrs["steady"] for t in everything])),
        "reference": (reference * _signs(studies["random"])).tolist(),
        "hypervolume": {
            name: (hypervolume_history(own, reference) / best).round(4).tolist()
            for name, own in losses.items()
        },
        "values": {name: [t.values for t in study.trials] for name, study in studies.items()},
        "front": front,
    }


def _losses(study: optuna.Study) -> FloatArray:
    values: FloatArray = np.array([trial.values for trial in study.trials], dtype=float)
    return values * _signs(study)


def _signs(study: optuna.Study) -> FloatArray:
    return np.array([-1.0 if d.name == "MAXIMIZE" else 1.0 for d in study.directions])


def _front(
    studies: Mapping[str, optuna.Study], objective: Any, row: Row, n_most: int = 6
) -> list[dict[str, Any]]:
    """LINAS's front, thinned to a few networks, judged on data that was never searched on."""
    trials = sorted(studies["linas"].best_trials, key=lambda t: t.values[1])
    rows = np.unique(np.linspace(0, len(trials) - 1, min(n_most, len(trials))).round().astype(int))
    judged = []
    for trial in (trials[i] for i in rows):
        network: nn.Module = row.supernet.extract(trial.params)
        if objective.calibration is not None:
            recalibrate_batch_norm(network, objective.calibration, n_batches=4)
        judged.append(
            {
                "values": trial.values,
                "macs": trial.user_attrs["macs"],
                "params": trial.user_attrs["params"],
                **row.final(network),
            }
        )
    return judged
