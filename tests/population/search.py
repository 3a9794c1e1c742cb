"""A small search on real images that the tests of the population share."""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.process
import os
import signal
from collections.abc import Callable
from functools import cache
from typing import Any

import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.study import Study
from optuna.trial import Trial, TrialState
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from optuna_linas import PBTMember, PBTNASSampler
from optuna_linas.checkpoints import load_checkpoint
from optuna_linas.lineage import read_lineage

N_SLOTS, N_GENERATIONS = 4, 3
LAYERS = {"first": "0", "second": "2", "norm": "1"}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


@cache
def digits() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images[:300] / 16, dtype=torch.float32), torch.tensor(labels[:300])


def build(params: dict[str, Any]) -> nn.Sequential:
    first: nn.Module = nn.Linear(64, 16, bias=params["first"] == "bias")
    second: nn.Module = nn.Linear(16, 10)
    if params["second"] == "deep":
        second = nn.Sequential(nn.Linear(16, 8), ACTIVATIONS[params["act"]](), nn.Linear(8, 10))
    norm = nn.BatchNorm1d(16) if params["norm"] == "batch" else nn.Identity()
    return nn.Sequential(first, norm, second)


def suggest(trial: Trial) -> dict[str, Any]:
    params = {
        "first": trial.suggest_categorical("first", ["bias", "plain"]),
        "norm": trial.suggest_categorical("norm", ["batch", "none"]),
        "second": trial.suggest_categorical("second", ["flat", "deep"]),
        "lr": trial.suggest_float("lr", 1e-3, 3e-2, log=True),
    }
    if params["second"] == "deep":  # exists only there
        params["act"] = trial.suggest_categorical("act", list(ACTIVATIONS))
    return params


def train(model: nn.Module, optimizer: torch.optim.Optimizer, epochs: int, seed: int) -> float:
    x, y = digits()
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(200, generator=generator).split(50):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return float((model(x[200:]).argmax(1) == y[200:]).float().mean())


def make_objective(
    folder: str, during: Callable[[PBTMember], None] = lambda member: None
) -> Callable[[Trial], float]:
    store = FileSystemArtifactStore(folder)

    def objective(trial: Trial) -> float:
        member = PBTMember(trial, store, LAYERS)
        params = suggest(trial)
        with member.seeded():
            model = build(params)
        optimizer = torch.optim.AdamW(model.parameters(), lr=params["lr"])
        extra = member.restore(model, optimizer)
        score = train(model, optimizer, member.n_epochs, member.seed)
        during(member)
        steps = extra.get("steps", 0) + 1
        member.save(model, optimizer, extra={"steps": steps})
        assert steps <= member.generation + 1
        return score

    return objective


def make_sampler(**settings: Any) -> PBTNASSampler:
    defaults: dict[str, Any] = {"hyperparameters": ["lr"], "seed": 0}
    return PBTNASSampler(N_SLOTS, N_GENERATIONS, 1, **{**defaults, **settings})


def open_study(storage: Any, **settings: Any) -> Study:
    return optuna.create_study(
        storage=storage,
        study_name="population",
        direction="maximize",
        load_if_exists=True,
        sampler=make_sampler(**settings),
    )


def story(study: Study, folder: str) -> dict[tuple[int, int], Any]:
    """What happened in every step of every slot, without a trial's number in it."""
    lineage = read_lineage(study)
    places = {
        trial.number: (trial.user_attrs["pbt_generation"], trial.user_attrs["pbt_slot"])
        for trials in lineage.attempts.values()
        for trial in trials
    }
    told = {}
    for place in lineage.attempts:
        trial = lineage.counting(*place)
        if trial is None:
            told[place] = None
            continue
        attrs = trial.user_attrs
        parents = [places[number] for number in attrs["pbt_parents"]]
        told[place] = (trial.params, parents, attrs["pbt_donated"], trial.values)
        if place[0] == N_GENERATIONS - 1:
            told[place] += (digest(folder, trial),)
    return told


def digest(folder: str, trial: optuna.trial.FrozenTrial) -> str:
    """A digest of a member's final weights and moments."""
    checkpoint = load_checkpoint(FileSystemArtifactStore(folder), trial)
    parts = hashlib.blake2b()
    for name, tensor in sorted(checkpoint.model.items()):
        parts.update(name.encode() + tensor.numpy().tobytes())
    for name, state in sorted(checkpoint.optimizers[""].items()):
        parts.update(name.encode() + state["exp_avg"].numpy().tobytes())
    return parts.hexdigest()


def storage_of(kind: str, folder: str) -> optuna.storages.BaseStorage:
    if kind == "sqlite":
        return optuna.storages.RDBStorage(
            f"sqlite:///{folder}/study.db", engine_kwargs={"connect_args": {"timeout": 60}}
        )
    backend = optuna.storages.journal.JournalFileBackend(f"{folder}/study.log")
    return optuna.storages.JournalStorage(backend)


def start_workers(
    n: int, storage: str, folder: str, kill_at: int = -1
) -> list[multiprocessing.process.BaseProcess]:
    """Start processes that search, and die in the middle of a trial of theirs.

    Args:
        n: How many.
        storage: "sqlite" or "journal".
        folder: For the storage and the checkpoints.
        kill_at: They die once so many trials are complete; never if negative.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # torch is loaded once for all of them
    workers = [context.Process(target=_work, args=(storage, folder, kill_at)) for _ in range(n)]
    for worker in workers:
        worker.start()
    return workers


def _work(storage: str, folder: str, kill_at: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(storage_of(storage, folder))

    def during(member: PBTMember) -> None:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if 0 <= kill_at <= len(done):
            os.kill(os.getpid(), signal.SIGKILL)

    study.optimize(make_objective(folder, during))
