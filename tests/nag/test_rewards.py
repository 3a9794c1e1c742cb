"""Rewards on literal numbers, and the evaluator that the paper's rests on."""

import pytest
import torch
from scipy.stats import kendalltau

from optuna_linas.nag.evaluator import Evaluator, train_evaluator
from optuna_linas.nag.progress import silent
from optuna_linas.nag.rewards import (
    REWARDS,
    Generated,
    LearnedDominance,
    MnasNet,
    PredictedDominance,
    TuNAS,
)
from optuna_linas.nag.settings import EvaluatorSettings

DRAWN = Generated(
    score=torch.tensor([[3.0, 1.0, 2.0]]),
    loss=torch.tensor([[0.1, 0.3, 0.2]]),
    quality=torch.tensor([[0.9, 0.7, 0.8]]),
    relative_cost=torch.tensor([[2.0, 0.5, 1.0]]),
    excess=torch.tensor([[0.4, -0.2, 0.0]]),
)


def test_the_papers_reward_is_the_evaluators_score() -> None:
    assert LearnedDominance()(DRAWN).tolist() == [[3.0, 1.0, 2.0]]


def test_ours_counts_whom_a_draw_dominates() -> None:
    # The first is beyond the budget and loses twice, of the others the last has the less loss.
    assert PredictedDominance()(DRAWN)[0].tolist() == pytest.approx([-2 / 3, 0.0, 2 / 3])


def test_mnasnet_and_tunas() -> None:
    soft = MnasNet(exponent=-1.0)(DRAWN)[0]
    assert soft.tolist() == pytest.approx([0.45, 1.4, 0.8])
    absolute = TuNAS(weight=-0.1)(DRAWN)[0]
    assert absolute.tolist() == pytest.approx([0.8, 0.65, 0.8])


def test_the_names() -> None:
    assert set(REWARDS) == {
        "predicted_dominance",
        "dominance",
        "dominance_without_values",
        "mnasnet",
        "tunas",
    }
    assert REWARDS["dominance_without_values"] == LearnedDominance(compares_values=False)


@pytest.mark.parametrize("compares_values", [True, False])
def test_the_evaluator_learns_who_wins_under_each_budget(compares_values: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    features = torch.rand(200, 3, generator=rng)
    costs, values = features[:, 0], -features[:, 0] - 0.5 * features[:, 1]
    evaluator = Evaluator(3, torch.linspace(0, 1, 5), hidden_size=32, rng=rng)
    done: list[float] = []
    train_evaluator(
        evaluator,
        features,
        values,
        costs,
        EvaluatorSettings(hidden_size=32, n_steps=150, batch_size=64, learning_rate=1e-2),
        compares_values=compares_values,
        rng=rng,
        report=done.append,
    )
    assert done[-1] == pytest.approx(1.0)
    with torch.no_grad():
        scores = evaluator(features, torch.tensor([0.5]))[0]
    within = costs <= 0.5
    assert scores[within].quantile(0.1) > scores[costs > 0.6].quantile(0.9)
    tau = kendalltau(scores[within], -values[within])[0]
    assert (tau > 0.6) == compares_values


def test_training_ends_with_nothing_where_there_are_no_steps() -> None:
    evaluator = Evaluator(2, torch.zeros(1), hidden_size=4, rng=torch.Generator())
    before = [p.clone() for p in evaluator.parameters()]
    train_evaluator(
        evaluator,
        torch.zeros(3, 2),
        torch.zeros(3),
        torch.zeros(3),
        EvaluatorSettings(n_steps=0),
        compares_values=True,
        rng=torch.Generator(),
        report=silent,
    )
    assert all(map(torch.equal, before, evaluator.parameters()))
