"""Training of the generator by policy gradient.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021,
equations 3 and 4: maximise the expected reward plus the entropy, estimated from N architectures for
each of K budgets a step.

Departures from the paper: rewards have a baseline (`Settings.normalises`), and the best so far are
imitated (`Settings.imitation`): a maximum-likelihood term beside the policy gradient. The authors'
code takes one budget and one sample a step, here a step is one batch.

Shapes: `k` budgets, `n` samples for each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from optuna_linas.nag.generator import ArchitectureGenerator
from optuna_linas.nag.progress import Report
from optuna_linas.nag.settings import Settings

__all__ = ["train_generator"]


def train_generator(
    generator: ArchitectureGenerator,
    reward: Callable[[Tensor], Tensor],
    settings: Settings,
    *,
    examples: Callable[[], tuple[Tensor, Tensor]] | None,
    rng: torch.Generator,
    report: Report,
) -> None:
    """Train in place.

    Args:
        generator: What is trained, under its own budgets.
        reward: From sequences `int[k, n, d]`, as the generator draws them under each of its
            budgets, to their rewards `float[k, n]`.
        settings: How to do it.
        examples: Called in every step for sequences to imitate `int[b, d]` and the budgets that
            they are good under `float[b]`; `None` for no imitation.
        rng: The source of randomness, on the generator's device.
        report: Called with the share that is done.
    """
    k, n = len(generator.budgets), settings.n_samples
    budgets = generator.budgets.repeat_interleave(n)
    optimizer = torch.optim.Adam(generator.parameters(), lr=settings.learning_rate)
    horizon = max(settings.n_steps, 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 1.0 - step / horizon if settings.decays else 1.0
    )
    for step in range(settings.n_steps):
        bins = generator.sample(budgets, rng)
        rewards = reward(bins.reshape(k, n, -1))
        advantage = _normalised(rewards) if settings.normalises else rewards
        log_probability, entropy = generator.log_probability(bins, budgets)
        gain = (advantage.reshape(-1) * log_probability + settings.entropy * entropy).mean()
        if examples is not None:
            likelihood, _ = generator.log_probability(*examples())
            gain = gain + settings.imitation * likelihood.mean()
        optimizer.zero_grad()
        (-gain).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        report((step + 1) / settings.n_steps)


def _normalised(rewards: Tensor) -> Tensor:
    """Rewards with mean 0 and deviation 1 under each budget; all 0 where they are all the same."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (centred.pow(2).mean(dim=1, keepdim=True).sqrt() + 1e-6)
