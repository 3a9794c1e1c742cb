"""Budgets as positions between the ones that a generator is trained on.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021,
equation 2: the embedding of a budget is interpolated linearly between those of its two neighbours
among K budgets that lie evenly over the range of costs.

Shapes: `k` training budgets, `b` budgets.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["interpolation_weights"]


def interpolation_weights(budgets: Tensor, grid: Tensor) -> Tensor:
    """Return how much of each grid point a budget consists of, `float[b, k]`.

    At most two neighbours have a weight, and the weights of a budget sum to one. A budget outside
    of the grid is the nearest end: what was not trained on is not extrapolated to.

    Args:
        budgets: `float[b]`.
        grid: The training budgets, increasing, `float[k]`.

    Example:
        >>> grid = torch.tensor([10.0, 20.0, 40.0])
        >>> interpolation_weights(torch.tensor([12.5, 40.0, 99.0]), grid).tolist()
        [[0.75, 0.25, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """
    inside = budgets.clamp(grid[0], grid[-1])
    weights = torch.zeros(len(budgets), len(grid), dtype=grid.dtype, device=grid.device)
    if len(grid) == 1:
        return weights + 1.0
    right = torch.searchsorted(grid, inside).clamp(1, len(grid) - 1)
    share = (inside - grid[right - 1]) / (grid[right] - grid[right - 1])
    weights.scatter_(1, (right - 1)[:, None], (1.0 - share)[:, None])
    return weights.scatter_(1, right[:, None], share[:, None])
