"""Our sampler with one thing changed, by name: what the ablations compare.

Names are `STUDY: WHAT`. "published" is LINAS as published with the settings for images, "ours" the
default sampler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.contenders import CONTENDERS, Contender
from optuna_linas import LINASSampler
from optuna_linas.evolution import (
    AGEMOEA,
    CTAEA,
    MOEAD,
    NSGA2,
    UNSGA3,
    Exhaustive,
    InnerAlgorithm,
    VectorizedNSGA2,
)
from optuna_linas.linas import Settings, published
from optuna_linas.predictors import PREDICTORS, SPACE_PREDICTORS
from optuna_linas.samplers.motpe import MOTPE

__all__ = ["FAILURE_STUDY", "N_SAMPLES", "ONE_SHOT", "STUDIES", "VARIANTS", "find_contender"]

FAILURE_STUDY = "failures"
"""The study of what failed trials teach: for problems some of whose networks fail."""

N_SAMPLES = 1_000
"""Random networks that a predictor which is trained only once learns from."""

_POPULATIONS = (10, 25, 50, 100)
_BATCH, _PUBLISHED = published("image")


def _published(
    *, start: int = _BATCH, batch: int = _BATCH, corners: bool = False, **changes: Any
) -> Contender:
    def make(seed: int) -> LINASSampler:
        sampler = LINASSampler(
            n_startup_trials=start,
            batch_size=batch,
            settings=replace(_PUBLISHED, **changes),
            seed=seed,
        )
        sampler._starts_at_corners = corners
        return sampler

    return Contender(make, ours=True)


def _ours(*, corners: bool = True, batch: int | None = None, **changes: Any) -> Contender:
    def make(seed: int) -> LINASSampler:
        settings = replace(Settings(), **changes)
        sampler = LINASSampler(batch_size=batch, settings=settings, seed=seed)
        sampler._starts_at_corners = corners
        return sampler

    return Contender(make, ours=True)


# The settings of the paper's comparison; the vectorised search with our own.
_INNER: Mapping[str, InnerAlgorithm] = {
    "nsga2": NSGA2(50, crossover=0.9, mutation=0.02),
    "nsga2, mutation 1/d": NSGA2(50, crossover=0.9, mutation=None),
    "agemoea": AGEMOEA(50, crossover=0.9, mutation=0.02),
    "unsga3": UNSGA3(50, crossover=0.9, mutation=0.02),
    "ctaea": CTAEA(50, crossover=1.0, mutation=0.05),
    "moead": MOEAD(crossover=0.9, mutation=0.02),
    "motpe": MOTPE(),
    "ours": VectorizedNSGA2(),
}


def _search(**changes: Any) -> Exhaustive:
    return Exhaustive(otherwise=VectorizedNSGA2(**changes))


def _population(n: int) -> Contender:
    return _published(start=n, batch=n, algorithm=NSGA2(n, crossover=0.9, mutation=0.02))


def _one_shot(seed: int) -> LINASSampler:
    return LINASSampler.one_shot(N_SAMPLES, seed=seed)


def _published_one_shot(seed: int) -> LINASSampler:
    return LINASSampler.one_shot(N_SAMPLES, predictor="ridge", algorithm=_INNER["nsga2"], seed=seed)


VARIANTS: Mapping[str, Contender] = {
    **{f"inner: {name}": _published(algorithm=search) for name, search in _INNER.items()},
    **{
        f"predictor: {name}": _published(predictors=(name,))
        for name in (*PREDICTORS, *SPACE_PREDICTORS)
    },
    **{f"population: {n}": _population(n) for n in _POPULATIONS},
    "ours: plain features": _ours(masked=False),
    "ours: unseeded": _ours(seeded=False),
    "ours: last population": _ours(whole_archive=False),
    "ours: rank and crowding": _ours(joint_gain=False),
    "ours: no optimism": _ours(optimism=0.0),
    "ours: no doubts": _ours(doubts=False),
    "ours: random start": _ours(corners=False),
    "ours: ridge": _ours(predictors=("ridge",)),
    "ours: NSGA-II of pymoo": _ours(algorithm=NSGA2()),
    "ours: any mates": _ours(algorithm=_search(neighbours=None)),
    "ours: no additive children": _ours(algorithm=_search(additive=False)),
    "ours: plain NSGA-II, twice as long": _ours(
        algorithm=_search(mutation=1.5, least_evaluations=5_000, neighbours=None, additive=False)
    ),
    "ours: batches of 50": _ours(batch=_BATCH),
    "published: masked": _published(masked=True),
    "published: seeded": _published(seeded=True),
    "published: whole archive": _published(whole_archive=True),
    "published: joint gain": _published(whole_archive=True, joint_gain=True),
    "published: our predictor": _published(predictors=Settings().predictors),
    "published: our inner search": _published(algorithm=VectorizedNSGA2()),
    "published: our start": _published(corners=True),
    "published: batches of 10": _published(batch=10),
    "failures: teach nothing": _ours(learns_failures=False),
    "one-shot: published": Contender(_published_one_shot, ours=True),
    "one-shot: ours": Contender(_one_shot, ours=True),
}
"""Name to variant."""


def _of(study: str) -> tuple[str, ...]:
    return tuple(name for name in VARIANTS if name.startswith(f"{study}: "))


STUDIES: Mapping[str, tuple[str, ...]] = {
    "inner": _of("inner"),
    "predictor": _of("predictor"),
    "population": _of("population"),
    "departures": ("linas", *_of("ours")),
    "additions": ("linas-paper", *_of("published")),
    "long": ("linas", "linas-paper", "nsga2", "random"),
    FAILURE_STUDY: ("linas", *_of("failures"), "linas-paper", "nsga2", "tpe"),
}
"""Study to what it compares."""

ONE_SHOT = _of("one-shot")
"""The variants that measure `N_SAMPLES` random networks before they search."""


def find_contender(name: str, contenders: Mapping[str, Contender] = CONTENDERS) -> Contender:
    """Return a sampler or a variant by its name."""
    return contenders[name] if name in contenders else VARIANTS[name]
