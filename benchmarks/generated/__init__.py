"""Problems made from a seed: spaces that no sampler was developed on.

Five families, each a different way in which a search space can be unlike OFA's or NAS-Bench's. A
family's structure is fixed, its effects are drawn from the seed; there is no noise. They were
written before any sampler was run on them and are not adjusted to one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.generated import epistasis, fronts, mixed, operations, wide
from benchmarks.problem import Problem

__all__ = ["FAMILIES", "generated", "is_generated", "names_of"]

FAMILIES: Mapping[str, Callable[[np.random.Generator], Problem]] = {
    "ops": operations.make,
    "wide": wide.make,
    "epistasis": epistasis.make,
    "mixed": mixed.make,
    "fronts": fronts.make,
}
"""Name to what makes a problem of the family from a generator."""

_NAME = re.compile(r"generated-([a-z]+)-(\d+)")


def names_of(*seeds: int) -> tuple[str, ...]:
    """Return the names of every family's problems of these seeds."""
    return tuple(f"generated-{family}-{seed}" for seed in seeds for family in FAMILIES)


def is_generated(name: str) -> bool:
    """Return whether a name is that of a generated problem."""
    return _NAME.fullmatch(name) is not None


def generated(name: str) -> Problem:
    """Build a problem from its name, `generated-FAMILY-SEED`.

    Raises:
        ValueError: An unknown family.
    """
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in FAMILIES:
        raise ValueError(
            f"Unknown problem {name!r}. A generated problem is generated-FAMILY-SEED, with a "
            f"family of {', '.join(FAMILIES)}."
        )
    family, seed = found[1], int(found[2])
    problem = FAMILIES[family](np.random.default_rng([seed, *family.encode()]))
    return replace(problem, name=name, version=_digest(problem))


def _digest(problem: Problem) -> str:
    """Return what changes as the values do."""
    archs = problem.space.sample(256, np.random.default_rng(0))
    text = ",".join(f"{value:.9g}" for value in problem.evaluate(archs).ravel())
    return hashlib.sha256(text.encode()).hexdigest()[:12]
