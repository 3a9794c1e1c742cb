"""Which architectures a training step of a super-network trains.

Guo et al.: "Single Path One-Shot Neural Architecture Search with Uniform Sampling", ECCV 2020
(`Uniform`); Yu & Huang: "Universally Slimmable Networks and Improved Training Techniques", ICCV
2019, algorithm 1 (`Sandwich`); Cai et al.: "Once-for-All", ICLR 2020, section 3.3
(`ProgressiveShrinking`).

Where we knowingly depart from the papers: architectures, not only widths, are sampled; and
progressive shrinking distils from the largest network as it is now, not from a copy made before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.supernets.protocol import largest_arch, smallest_arch

__all__ = ["ProgressiveShrinking", "Sandwich", "Strategy", "Uniform"]


class Strategy(Protocol):
    """Draws the architectures of a step; write your own for another curriculum."""

    @property
    def distill(self) -> bool:
        """Whether the others learn the outputs of the first instead of the labels."""
        ...

    def archs(self, space: SearchSpace, done: float, rng: np.random.Generator) -> list[IntArray]:
        """Return the rows to train in a step.

        Args:
            space: The architectures.
            done: The share of the training that is behind, in [0, 1).
            rng: Where random numbers come from.
        """
        ...


@dataclass(frozen=True)
class Uniform:
    """`n` architectures, uniform over the options of every variable, on the labels.

    Attributes:
        n: How many in a step.

    Raises:
        ValueError: `n < 1`.

    Example:
        >>> space = SearchSpace.from_choices({"width": [2, 4]})
        >>> len(Uniform(n=3).archs(space, 0.0, np.random.default_rng(0)))
        3
    """

    n: int = 1

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n counts architectures in a step, at least 1, got {self.n}.")

    @property
    def distill(self) -> bool:
        """All learn from the labels: there is no teacher among them."""
        return False

    def archs(self, space: SearchSpace, done: float, rng: np.random.Generator) -> list[IntArray]:
        """Return `n` random rows; see `Strategy.archs`."""
        return list(space.sample(self.n, rng))


@dataclass(frozen=True)
class Sandwich:
    """The largest, `n_random` random ones and the smallest.

    Attributes:
        n_random: How many random ones.
        distill: Whether the others learn the outputs of the largest (in-place distillation).

    Raises:
        ValueError: `n_random < 0`.

    Example:
        >>> space = SearchSpace.from_choices({"width": [2, 4, 8]})
        >>> rows = Sandwich(n_random=1).archs(space, 0.0, np.random.default_rng(0))
        >>> rows[0], rows[-1]  # the largest first, the smallest last
        (array([2]), array([0]))
    """

    n_random: int = 2
    distill: bool = True

    def __post_init__(self) -> None:
        if self.n_random < 0:
            raise ValueError(f"n_random must be 0 or more, got {self.n_random}.")

    def archs(self, space: SearchSpace, done: float, rng: np.random.Generator) -> list[IntArray]:
        """Return the rows, the largest first; see `Strategy.archs`.

        Example:
            >>> space = SearchSpace.from_choices({"width": [2, 4, 8], "kernel": [3, 5]})
            >>> rows = Sandwich(n_random=1).archs(space, 0.0, np.random.default_rng(0))
            >>> rows[0].tolist(), rows[-1].tolist(), len(rows)
            ([2, 1], [0, 0], 3)
        """
        return [largest_arch(space), *space.sample(self.n_random, rng), smallest_arch(space)]


@dataclass(frozen=True)
class ProgressiveShrinking:
    """The largest network alone, then ever smaller ones too: kernels, depths, widths.

    After the warm-up the rest of the training is divided equally among the stages. In a stage its
    variables are freed from the largest option downwards, one option after another; variables of
    stages to come keep their largest. Variables that no stage names are freed in the last.

    Attributes:
        stages: For each stage, the beginnings of its variables' names (before the first number).
        warm_up: The share of the training in which the largest network trains alone.
        n_random: Random architectures in a step, besides the largest.
        distill: Whether they learn the outputs of the largest.

    Raises:
        ValueError: No stage, a share outside of [0, 1), or `n_random < 1`.

    Example:
        >>> space = SearchSpace.from_choices({"depth_0": [1, 2], "kernel_0": [3, 5, 7]})
        >>> plan = ProgressiveShrinking(stages=(("kernel",), ("depth",)), warm_up=0.2)
        >>> [plan.smallest_allowed(space, done).tolist() for done in (0.1, 0.3, 0.5, 0.9)]
        [[1, 2], [1, 1], [1, 0], [0, 0]]
    """

    stages: Sequence[Sequence[str]] = (("kernel",), ("depth",), ("expand", "width"))
    warm_up: float = 0.2
    n_random: int = 2
    distill: bool = True

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages is empty; name at least one.")
        if not 0 <= self.warm_up < 1:
            raise ValueError(f"warm_up is a share in [0, 1), got {self.warm_up}.")
        if self.n_random < 1:
            raise ValueError(f"n_random must be 1 or more, got {self.n_random}.")

    def smallest_allowed(self, space: SearchSpace, done: float) -> IntArray:
        """Return the lowest option index of every variable that is drawn by now, `int[d]`.

        Args:
            space: The super-network's.
            done: The share of the training that is done, in [0, 1].
        """
        per_stage = (1 - self.warm_up) / len(self.stages)
        lowest = space.n_options - 1
        for j, variable in enumerate(space.variables):
            began = self.warm_up + per_stage * self._stage_of(variable.name)
            if done >= began:
                n = variable.n_options - 1
                freed = math.floor((done - began) / per_stage * n) + 1
                lowest[j] = max(n - freed, 0)
        return lowest

    def archs(self, space: SearchSpace, done: float, rng: np.random.Generator) -> list[IntArray]:
        """Return the rows, the largest first; see `Strategy.archs`."""
        largest = largest_arch(space)
        if done < self.warm_up:
            return [largest]
        lowest = self.smallest_allowed(space, done)
        shape = (self.n_random, len(space))
        drawn: IntArray = rng.integers(lowest, space.n_options, size=shape, dtype=np.int64)
        return [largest, *drawn]

    def _stage_of(self, name: str) -> int:
        stem = re.split(r"_?\d", name, maxsplit=1)[0]
        for k, names in enumerate(self.stages):
            if any(part in stem.split("_") for part in names):
                return k
        return len(self.stages) - 1
