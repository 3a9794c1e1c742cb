"""The evaluator: how good an architecture is under a budget, learned from pairs.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021,
section 3.2: three fully connected layers on the architecture's features and the budget, trained so
that the better of two architectures (`dominance`) has the higher score.

Departure from the paper: what it learns from may be more than what was measured (see `fitting`):
16,000 measured architectures are not there, a few hundred are.

Shapes: `n` architectures with `f` features, `k` training budgets, `b` budgets.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optuna_linas.nag.budgets import interpolation_weights
from optuna_linas.nag.dominance import dominance, pairwise_ranking_loss
from optuna_linas.nag.progress import Report
from optuna_linas.nag.settings import EvaluatorSettings

__all__ = ["Evaluator", "train_evaluator"]


class Evaluator(nn.Module):
    """Scores of architectures under budgets; higher is better.

    Args:
        n_features: Of an architecture.
        budgets: The training budgets, increasing, `float[k]`.
        hidden_size: Units of the two hidden layers.
        rng: Where the initial weights come from.
    """

    budgets: Tensor

    def __init__(
        self, n_features: int, budgets: Tensor, *, hidden_size: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.register_buffer("budgets", budgets.to(torch.float32))
        self.on_features = _linear(n_features, hidden_size)
        # On the interpolation weights, so that each training budget has an embedding of its own.
        self.on_budget = _linear(len(budgets), hidden_size, bias=False)
        self.hidden = _linear(hidden_size, hidden_size)
        self.score = _linear(hidden_size, 1)
        with torch.no_grad():
            for parameter in self.parameters():
                bound = (2.0 / parameter.shape[-1]) ** 0.5 if parameter.ndim == 2 else 0.0
                parameter.uniform_(-bound, bound, generator=rng)

    def forward(self, features: Tensor, budgets: Tensor) -> Tensor:
        """Return the score of every architecture under every budget, `float[b, n]`.

        Args:
            features: `float[n, f]`, or `float[b, n, f]` for other architectures under each budget.
            budgets: `float[b]`.
        """
        of_budget = self.on_budget(interpolation_weights(budgets, self.budgets))[:, None]
        hidden = torch.relu(self.on_features(features) + of_budget)
        scores: Tensor = self.score(torch.relu(self.hidden(hidden)))[..., 0]
        return scores


def _linear(n_inputs: int, n_outputs: int, *, bias: bool = True) -> nn.Linear:
    # Without torch's own initial weights, which its global generator would be asked for.
    return nn.Linear(n_inputs, n_outputs, bias=bias, device="meta").to_empty(device="cpu")


def train_evaluator(
    evaluator: Evaluator,
    features: Tensor,
    values: Tensor,
    costs: Tensor,
    settings: EvaluatorSettings,
    *,
    compares_values: bool,
    rng: torch.Generator,
    report: Report,
) -> None:
    """Train on the pairs of architectures under all training budgets (eq. 6).

    Each step takes all pairs of as many architectures as `settings.batch_size`.

    Args:
        evaluator: Changed in place.
        features: `float[n, f]`.
        values: Losses of quality, `float[n]`.
        costs: What the budgets limit, `float[n]`.
        settings: How to do it.
        compares_values: See `dominance`.
        rng: The source of randomness, on the CPU.
        report: Called with the share that is done.
    """
    optimizer = torch.optim.Adam(evaluator.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(settings.n_steps, 1))
    size = min(settings.batch_size, len(features))
    for step in range(settings.n_steps):
        batch = torch.randperm(len(features), generator=rng)[:size].to(features.device)
        labels = dominance(
            values[batch], costs[batch], evaluator.budgets, compares_values=compares_values
        )
        loss = pairwise_ranking_loss(evaluator(features[batch], evaluator.budgets), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        optimizer.step()
        schedule.step()
        report((step + 1) / settings.n_steps)
