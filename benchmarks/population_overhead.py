"""What a step of a population costs besides its training: sampling, restoring, saving."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial
from torch import nn

from optuna_linas import PBTMember, PBTNASSampler

__all__ = ["measure_overhead"]

SIZES = {"small": 24, "medium": 96, "large (as a ResNet-18)": 384}
"""Name of a network to its channels."""

_N_VARIABLES = 24
_N_SLOTS, _N_GENERATIONS = 6, 4


def measure_overhead(storage: str | None = None) -> list[dict[str, Any]]:
    """Measure networks of three sizes, with Adam's moments, on this machine's disk.

    Args:
        storage: A database URL; SQLite and a journal file in a temporary folder by default.
    """
    kinds = ("sqlite", "journal") if storage is None else (storage,)
    return [_measure(name, width, kind) for kind in kinds for name, width in SIZES.items()]


def _open(kind: str, folder: str) -> str | JournalStorage:
    if kind == "journal":
        return JournalStorage(JournalFileBackend(f"{folder}/study.log"))
    return f"sqlite:///{folder}/study.db" if kind == "sqlite" else kind


def _network(width: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Conv2d(width, width, 3) for _ in range(_N_VARIABLES // 3)))


def _measure(name: str, width: int, kind: str) -> dict[str, Any]:
    clock: Callable[[], float] = time.perf_counter
    spent: dict[str, list[float]] = {"sampling": [], "restore": [], "save": []}
    layers = {f"op_{i}": f"{i % (_N_VARIABLES // 3)}" for i in range(_N_VARIABLES)}
    with tempfile.TemporaryDirectory() as folder:
        store = FileSystemArtifactStore(folder)
        sampler = PBTNASSampler(_N_SLOTS, _N_GENERATIONS, 1, seed=0)
        study = optuna.create_study(storage=_open(kind, folder), sampler=sampler)
        largest = 0

        def step(trial: Trial, asked: float) -> float:
            nonlocal largest
            for i in range(_N_VARIABLES):
                trial.suggest_categorical(f"op_{i}", ["a", "b", "c", "d"])
            member = PBTMember(trial, store, layers)
            sampled = clock()
            network = _network(width)
            optimizer = torch.optim.AdamW(network.parameters())
            built = clock()
            member.restore(network, optimizer)
            restored = clock()
            for parameter in network.parameters():
                parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            trained = clock()
            member.save(network, optimizer)
            saved = clock()
            path = Path(folder) / trial.user_attrs["pbt_checkpoint"]
            largest = max(largest, path.stat().st_size)
            spent["restore"].append(restored - built)
            spent["save"].append(saved - trained)
            return sampled - asked

        for i in range(_N_SLOTS * _N_GENERATIONS):
            start = clock()
            trial = study.ask()
            sampling = step(trial, start)
            told = clock()
            study.tell(trial, float(i % _N_SLOTS))
            spent["sampling"].append(sampling + clock() - told)
    # The first generation restores nothing: it would make the figures look better.
    typical = {name: median(seconds[_N_SLOTS:]) for name, seconds in spent.items()}
    whole = median(map(sum, zip(*(s[_N_SLOTS:] for s in spent.values()), strict=True)))
    return {
        "storage": kind,
        "network": name,
        "n_parameters": sum(p.numel() for p in _network(width).parameters()),
        "checkpoint_mb": largest / 1e6,
        **{f"{name}_s": seconds for name, seconds in typical.items()},
        "all_s": whole,
        "share_of_10_s": whole / 10.0,
    }
