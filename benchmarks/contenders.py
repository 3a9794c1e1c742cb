"""The samplers that are compared, by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler

import optuna_linas
from benchmarks.problem import Asks
from optuna_linas import LINASSampler, NAGSampler

__all__ = ["CONTENDERS", "Contender"]


@dataclass(frozen=True)
class Contender:
    """A sampler and the terms on which it is run.

    Attributes:
        make: From a seed to the sampler.
        asks: What its trials suggest. Samplers that model only the parameters which every trial
            has leave conditional ones to chance, so they are asked for all variables, of which
            those that the network does not have are ignored.
        packages: The distributions that it needs; their versions key its cached results.
        max_evaluations: It is not run for longer; None for no limit.
        max_seeds: It is not run with more seeds; None for no limit.
        min_goals: Objectives that a problem must have for it.
        ours: It is this repository's.
    """

    make: Callable[[int], BaseSampler]
    asks: Asks = "active"
    packages: tuple[str, ...] = ("optuna",)
    max_evaluations: int | None = None
    max_seeds: int | None = None
    min_goals: int = 1
    ours: bool = False

    def why_missing(self) -> str | None:
        """Return why it cannot be run here, or None."""
        for package in self.packages:
            try:
                version(package)
            except PackageNotFoundError:
                return f"{package} is not installed (pip install {' '.join(self.packages)})"
        return None

    def version(self) -> str:
        """Return what its results depend on: package versions, or a digest of our own sources."""
        if self.ours:
            return f"sources {_digest_of_ours()}, optuna {version('optuna')}"
        return ", ".join(f"{package} {version(package)}" for package in self.packages)


@cache
def _digest_of_ours() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(optuna_linas.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _botorch(seed: int) -> BaseSampler:
    sampler: BaseSampler = import_module("optuna_integration.botorch").BoTorchSampler(seed=seed)
    return sampler


CONTENDERS: Mapping[str, Contender] = {
    "linas": Contender(lambda seed: LINASSampler(seed=seed), ours=True),
    "linas-paper": Contender(lambda seed: LINASSampler.paper("image", seed=seed), ours=True),
    "linas-paper-translation": Contender(
        lambda seed: LINASSampler.paper("translation", seed=seed), ours=True
    ),
    "nag": Contender(
        lambda seed: NAGSampler(cost=1, seed=seed),
        packages=("optuna", "torch"),
        min_goals=2,
        ours=True,
    ),
    "random": Contender(lambda seed: optuna.samplers.RandomSampler(seed=seed)),
    "nsga2": Contender(lambda seed: optuna.samplers.NSGAIISampler(seed=seed), "all"),
    "nsga3": Contender(lambda seed: optuna.samplers.NSGAIIISampler(seed=seed), "all"),
    "tpe": Contender(lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "tpe-multivariate": Contender(
        lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
    ),
    "gp": Contender(
        lambda seed: optuna.samplers.GPSampler(seed=seed),
        "all",
        ("optuna", "torch"),
        max_evaluations=100,
        max_seeds=2,
    ),
    "botorch": Contender(
        _botorch,
        "all",
        ("optuna-integration", "botorch", "optuna"),
        max_evaluations=50,
        max_seeds=2,
    ),
}
"""Name to sampler."""
