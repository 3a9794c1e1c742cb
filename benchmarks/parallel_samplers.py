"""The samplers that the benchmarks of many workers compare, under one name each."""

from __future__ import annotations

from collections.abc import Callable

from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from optuna_linas import LINASSampler, NAGSampler, PBTNASSampler, PymooSampler

__all__ = ["SAMPLERS"]

_POPULATION = 16
_ENDLESS = 10_000
"""Generations: a benchmark says how many trials there are."""

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "linas": lambda seed: LINASSampler(seed=seed),
    "nag": lambda seed: NAGSampler(cost=1, seed=seed),
    "pymoo": lambda seed: PymooSampler("nsga2", seed=seed),
    # A trial is a step of a member. It has no weights here: what is left is who trains what.
    "pbt": lambda seed: PBTNASSampler(_POPULATION, _ENDLESS, 1, seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
    "nsga2": lambda seed: NSGAIISampler(seed=seed),
    "tpe": lambda seed: TPESampler(seed=seed),
}
"""Name to what makes the sampler of a worker from the study's seed."""
