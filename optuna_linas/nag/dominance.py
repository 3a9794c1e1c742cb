"""Which of two architectures is the better one under a budget, and the loss that teaches it.

Guo, Chen, Zheng, Chen, Zhao, Chen, Huang and Tan, "Pareto-Frontier-aware Neural Architecture
Generation for Diverse Budgets", 2021, equations 5 and 6.

Departure from the paper: two architectures of which neither is better (equal values under the
budget, or equal costs beyond it) make no pair; the paper's rule calls each better than the other.

Shapes: `n` architectures, `k` budgets. Values and costs are losses: less is better.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dominance", "pairwise_ranking_loss"]


def dominance(
    values: Tensor, costs: Tensor, budgets: Tensor, *, compares_values: bool = True
) -> Tensor:
    """Return whether architecture i is better than j under each budget (eq. 5), `float[k, n, n]`.

    Within the budget the better value wins; one within the budget beats one beyond it; of two
    beyond it the cheaper one wins.

    Args:
        values: Losses of quality, `float[n]`, or `float[k, n]` for others under each budget.
        costs: What the budget limits, as `values`.
        budgets: `float[k]`.
        compares_values: `False` for the paper's Table 2, "without the accuracy constraint": two
            architectures within the budget then are equals.

    Returns:
        1 where i is better, -1 where j is, 0 for a tie.

    Example:
        >>> values, costs = torch.tensor([0.3, 0.1, 0.2]), torch.tensor([1.0, 9.0, 2.0])
        >>> dominance(values, costs, torch.tensor([5.0]))[0].int().tolist()
        [[0, 1, -1], [-1, 0, -1], [1, 1, 0]]
    """
    within = costs <= budgets[:, None]  # [k, n]
    better_value = torch.sign(values[..., None, :] - values[..., :, None])
    cheaper = torch.sign(costs[..., None, :] - costs[..., :, None])
    if not compares_values:
        better_value = torch.zeros_like(better_value)
    mine, other = within[:, :, None], within[:, None, :]
    one_within = mine.to(values.dtype) - other.to(values.dtype)
    both = torch.where(mine, better_value, cheaper)
    return torch.where(mine == other, both, one_within)


def pairwise_ranking_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean hinge loss of all pairs that are not ties (eq. 6).

    Args:
        scores: The evaluator's, higher is better, `float[k, n]`.
        labels: As `dominance` returns them, `float[k, n, n]`.

    Example:
        >>> scores = torch.tensor([[2.0, 0.0]])
        >>> labels = torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]])
        >>> [float(pairwise_ranking_loss(s, labels)) for s in (scores, -scores)]
        [0.0, 3.0]
    """
    differences = scores[:, :, None] - scores[:, None, :]
    hinge = torch.relu(1.0 - labels * differences) * labels.abs()
    return hinge.sum() / labels.abs().sum().clamp(min=1.0)
