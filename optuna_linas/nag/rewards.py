"""What a generated architecture is rewarded with: the paper's reward, and those of its Table 2.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021; the
rewards it compares with are from Tan et al., "MnasNet", 2019, equation 2, and Bender et al., "Can
Weight Sharing Outperform Random Architecture Search?" (TuNAS), 2020, equation 4.

MnasNet and TuNAS reward an accuracy between 0 and 1; here it is `quality`, the value relative to
the best one measured, so that their exponents mean the same for any value.

Shapes: `k` budgets, `n` architectures for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from optuna_linas.nag.dominance import dominance

__all__ = [
    "REWARDS",
    "Generated",
    "LearnedDominance",
    "MnasNet",
    "PredictedDominance",
    "Reward",
    "TuNAS",
]


@dataclass(frozen=True)
class Generated:
    """What a reward may look at.

    Attributes:
        score: The evaluator's scores, `float[k, n]`; zeros where the reward has no use for them.
        loss: The predicted value as a loss that is cautious, `float[k, n]`.
        quality: The predicted value, 1 for the best one measured, `float[k, n]`.
        relative_cost: The predicted cost over the budget, `float[k, n]`.
        excess: The cost's upper bound minus the budget, in units of the range, `float[k, n]`.
    """

    score: Tensor
    loss: Tensor
    quality: Tensor
    relative_cost: Tensor
    excess: Tensor


class Reward(Protocol):
    """From generated architectures to their rewards.

    Attributes:
        uses_evaluator: Whether the evaluator's scores are needed.
        compares_values: Whether the evaluator learns which of two feasible ones is better.
    """

    @property
    def uses_evaluator(self) -> bool:
        """Whether the evaluator's scores are needed."""
        ...

    @property
    def compares_values(self) -> bool:
        """Whether the evaluator learns which of two feasible architectures is better."""
        ...

    def __call__(self, generated: Generated) -> Tensor:
        """Return the rewards, `float[k, n]`."""
        ...


@dataclass(frozen=True)
class PredictedDominance:
    """How many of the other draws under the same budget it dominates, as predicted: our default.

    The rule is the paper's; the difference is who applies it. An evaluator that learns from a few
    hundred architectures ranks the best of them no better than chance, and a generator finds out.
    """

    uses_evaluator: bool = False
    compares_values: bool = True

    def __call__(self, generated: Generated) -> Tensor:
        """Return the mean of the dominance over the other draws, in [-1, 1]."""
        limits = torch.zeros(len(generated.excess), device=generated.excess.device)
        return dominance(generated.loss, generated.excess, limits).mean(dim=2)


@dataclass(frozen=True)
class LearnedDominance:
    """The evaluator's score, learned from the Pareto dominance rule: the paper's reward.

    Attributes:
        compares_values: `False` leaves out the comparison of two architectures within the budget
            ("without the accuracy constraint").
    """

    compares_values: bool = True
    uses_evaluator: bool = True

    def __call__(self, generated: Generated) -> Tensor:
        """Return the scores."""
        return generated.score


@dataclass(frozen=True)
class MnasNet:
    """Quality times a power of the relative cost: a soft limit.

    Attributes:
        exponent: -0.07 in MnasNet: twice the latency for 5 % more accuracy is a fair exchange.
    """

    exponent: float = -0.07
    uses_evaluator: bool = False
    compares_values: bool = True

    def __call__(self, generated: Generated) -> Tensor:
        """Return quality · (cost / budget)^exponent."""
        return generated.quality * generated.relative_cost.clamp(min=1e-6) ** self.exponent


@dataclass(frozen=True)
class TuNAS:
    """Quality and the absolute distance from the budget: a cost below it is no merit.

    Attributes:
        weight: Of the distance, negative.
    """

    weight: float = -0.07
    uses_evaluator: bool = False
    compares_values: bool = True

    def __call__(self, generated: Generated) -> Tensor:
        """Return quality + weight · |cost / budget - 1|."""
        return generated.quality + self.weight * (generated.relative_cost - 1.0).abs()


REWARDS: dict[str, Reward] = {
    "predicted_dominance": PredictedDominance(),
    "dominance": LearnedDominance(),
    "dominance_without_values": LearnedDominance(compares_values=False),
    "mnasnet": MnasNet(),
    "tunas": TuNAS(),
}
"""Each name that `BudgetGenerator.from_study` accepts, and its reward."""
