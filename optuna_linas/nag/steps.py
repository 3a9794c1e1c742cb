"""A search space as the sequence of choices that a generator makes.

Shapes: `n` architectures, `d` variables, of which the generator decides one a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.space import SearchSpace

__all__ = ["Steps"]


@dataclass(frozen=True)
class Requirement:
    """A step has a choice only where another step has taken one of some bins.

    Attributes:
        step: The earlier step.
        allowed: Which of its bins, `bool[n_bins of that step]`.
    """

    step: int
    allowed: tuple[bool, ...]


class Steps:
    """The variables of a space, parents first, each with at most `max_bins` bins.

    A variable of at most `max_bins` options has a bin per option. A longer grid of numbers has
    `max_bins` bins of neighbours, so that the generator has as many logits as it can learn; which
    grid point of a bin it becomes is drawn at random, and improved afterwards. A parent of other
    variables, and a categorical variable, always has a bin per option.

    Args:
        space: The search space.
        max_bins: The most bins of a number.

    Attributes:
        order: The variable that each step decides, `int[d]`.
        n_bins: How many bins each step has, `int[d]`.
        requirements: What each step needs of earlier ones.

    Example:
        >>> space = SearchSpace.from_choices(
        ...     {"kernel_1": [3, 5], "depth": [1, 2]}, conditions={"kernel_1": {"depth": [2]}}
        ... )
        >>> steps = Steps(space)
        >>> steps.order.tolist(), steps.requirements[1]
        ([1, 0], [Requirement(step=0, allowed=(False, True))])
    """

    def __init__(self, space: SearchSpace, max_bins: int = 16) -> None:
        self.space = space
        self.order = np.array(space.parents_first, dtype=np.int64)
        at = {int(j): t for t, j in enumerate(self.order)}
        needed = [space.requirements(int(j)) for j in self.order]
        parents = {parent for each in needed for parent, _ in each}
        n_options = space.n_options[self.order]
        is_long = [
            space.variables[j].is_number and n > max_bins and j not in parents
            for j, n in zip(self.order.tolist(), n_options.tolist(), strict=True)
        ]
        self.n_bins: IntArray = np.where(is_long, max_bins, n_options).astype(np.int64)
        self.requirements: list[list[Requirement]] = [
            [Requirement(at[parent], tuple(allowed.tolist())) for parent, allowed in each]
            for each in needed
        ]
        # Bin i of a variable of n options holds the options `edges[i]` to `edges[i + 1] - 1`.
        self._edges = [
            np.arange(n_bins + 1) * n // n_bins
            for n, n_bins in zip(n_options.tolist(), self.n_bins.tolist(), strict=True)
        ]

    def __len__(self) -> int:
        return len(self.order)

    def bins_of(self, archs: IntArray) -> IntArray:
        """Return the bin that each step of `archs` `int[n, d]` takes, -1 where it has no choice."""
        bins = np.full(archs.shape, -1, dtype=np.int64)
        active = self.space.active(archs)[:, self.order]
        for t, j in enumerate(self.order):
            bins[:, t] = np.searchsorted(self._edges[t], archs[:, j], side="right") - 1
        return np.where(active, bins, -1)

    def archs_of(self, bins: IntArray, rng: np.random.Generator) -> IntArray:
        """Return canonical architectures `int[n, d]` of bins `int[n, d]`, within bins at random."""
        archs = np.zeros(bins.shape, dtype=np.int64)
        for t, j in enumerate(self.order):
            edges, chosen = self._edges[t], np.maximum(bins[:, t], 0)
            archs[:, j] = rng.integers(edges[chosen], edges[chosen + 1])
        return self.space.canonical(archs)
