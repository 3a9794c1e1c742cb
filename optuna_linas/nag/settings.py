"""How a generator is fitted and asked, in the paper and here.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021; what
the paper leaves open is taken from the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from optuna_linas.given import check_count, check_given, check_number
from optuna_linas.nag.rewards import REWARDS, Reward

__all__ = ["PAPER", "EvaluatorSettings", "Settings"]


@dataclass(frozen=True)
class EvaluatorSettings:
    """How the evaluator is trained.

    Attributes:
        hidden_size: Units of the two hidden layers.
        n_steps: Steps of Adam.
        batch_size: Architectures of a step, all pairs of which are compared.
        learning_rate: At the start; it falls to zero along a cosine.
        n_imagined: Architectures whose value and cost are predicted, added to the measured ones.

    Raises:
        ValueError: A number that is too small.
        TypeError: An attribute of the wrong kind.

    Example:
        >>> Settings(evaluator=EvaluatorSettings(n_steps=100)).evaluator.n_steps
        100
    """

    hidden_size: int = 128
    n_steps: int = 300
    batch_size: int = 96
    learning_rate: float = 3e-3
    n_imagined: int = 2_000

    def __post_init__(self) -> None:
        check_count("hidden_size", self.hidden_size, least=1)
        check_count("n_steps", self.n_steps, least=0)
        check_count("batch_size", self.batch_size, least=2)  # one alone is no pair
        check_number("learning_rate", self.learning_rate, above=0.0)
        check_count("n_imagined", self.n_imagined, least=0)


@dataclass(frozen=True)
class Settings:
    """How a generator is fitted and asked.

    Attributes:
        n_budgets: K, training budgets evenly over the range of costs.
        n_samples: N, architectures a step draws for each of them.
        n_steps: Policy-gradient steps.
        learning_rate: Of Adam; with `decays`, it falls to zero along a cosine.
        entropy: Weight of the entropy (lambda in eq. 3).
        embedding_size: Of budgets and choices.
        hidden_size: Of the LSTM.
        max_bins: The most logits of a number.
        reward: What is maximised.
        normalises: Rewards of a budget have mean 0 and deviation 1 in every step: the baseline.
        decays: The learning rate falls.
        evaluator: How the evaluator is trained.
        coverage: Share of held-out trials whose cost lies below its upper bound; `None` saves the
            time to calibrate: the expected cost is the bound, and deviations are the model's own.
            An answer is chosen for what it promises, which a held-out trial is not: more than 95 %
            are needed for 95 %.
        n_candidates: Architectures drawn for a request.
        n_rounds: How often a request draws again while it has too few that are feasible.
        n_refinements: Rounds of variation that a request's best are improved by, on predictions.
        n_elites: Best architectures so far that are kept for each of four times as many budgets
            as there are training budgets. The generator learns to draw them, and they and the
            measured ones take part in a request. 0: the generator learns from its draws alone.
        imitation: Weight of the elites' log-probability.
        caution: Deviations that a prediction must be better than a measurement by. Negative: how
            much better than predicted an architecture is hoped to be, for one who can measure it.

    Raises:
        ValueError: A number out of range, or a request would have nothing to choose from.
        TypeError: An attribute of the wrong kind.

    Example:
        >>> Settings(n_budgets=20).n_steps, PAPER.n_steps
        (150, 10001)
    """

    n_budgets: int = 10
    n_samples: int = 16
    n_steps: int = 150
    learning_rate: float = 1e-2
    entropy: float = 1e-2
    embedding_size: int = 64
    hidden_size: int = 64
    max_bins: int = 16
    reward: Reward = field(default_factory=lambda: REWARDS["predicted_dominance"])
    normalises: bool = True
    decays: bool = True
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    coverage: float | None = 0.975
    n_candidates: int = 64
    n_rounds: int = 3
    n_refinements: int = 5
    n_elites: int = 4
    imitation: float = 1.0
    caution: float = 0.5

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            check_count(name, getattr(self, name), least=least)
        check_number("learning_rate", self.learning_rate, above=0.0)
        check_number("entropy", self.entropy, least=0.0)
        check_number("imitation", self.imitation, least=0.0)
        check_number("caution", self.caution)
        check_given(self.evaluator, EvaluatorSettings, "the evaluator's settings")
        if not callable(self.reward):
            raise TypeError(
                f"A reward is called with `Generated`, got {self.reward!r}. Take one of "
                f"optuna_linas.nag.REWARDS: {sorted(REWARDS)}."
            )
        if self.coverage is not None:
            _check_coverage(self.coverage)
        if self.n_rounds == 0 and self.n_elites == 0:
            raise ValueError(
                "n_rounds and n_elites are both 0: a request would have nothing to choose from, "
                "neither draws nor what is remembered. Give n_rounds=1 or n_elites=4, say."
            )


_LEAST = {
    "n_budgets": 2,  # one budget has no range
    "n_samples": 1,
    "n_steps": 0,
    "embedding_size": 1,
    "hidden_size": 1,
    "max_bins": 1,
    "n_candidates": 1,
    "n_rounds": 0,
    "n_refinements": 0,
    "n_elites": 0,
}
"""The least that each count of `Settings` may be."""


def _check_coverage(coverage: float) -> None:
    """Raise if it is no share, with what it was probably meant to be."""
    try:
        check_number("coverage", coverage, above=0.0, most=1.0)
    except ValueError as error:
        meant = f"{coverage / 100:g}" if 1.0 < coverage < 100.0 else "0.975"
        raise ValueError(
            f"{error} It is the share of costs that stay below their bound: give {meant}, say, or "
            "None for no calibration."
        ) from None


PAPER = Settings(
    n_samples=1,
    n_steps=10_001,
    reward=REWARDS["dominance"],
    learning_rate=3e-4,
    entropy=1e-3,
    normalises=False,
    decays=False,
    evaluator=EvaluatorSettings(hidden_size=512, n_steps=400, batch_size=256, n_imagined=0),
    n_rounds=10,
    n_refinements=0,
    n_elites=0,
    caution=0.0,
)
"""The paper's, as far as it tells, else those of the authors' code."""
