"""Equations 2, 5 and 6 of the paper."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optuna_linas.nag.budgets import interpolation_weights
from optuna_linas.nag.dominance import dominance, pairwise_ranking_loss

LOSSES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6
)  # few levels, so that ties are common


def rule(a: tuple[int, int], b: tuple[int, int], budget: float) -> int:
    """Equation 5 in words, for one pair."""
    if a[1] <= budget and b[1] <= budget:
        return (b[0] > a[0]) - (b[0] < a[0])
    if a[1] <= budget or b[1] <= budget:
        return 1 if a[1] <= budget else -1
    return (b[1] > a[1]) - (b[1] < a[1])


@given(LOSSES, st.lists(st.floats(-1, 4), min_size=1, max_size=3))
def test_every_pair_follows_the_rule(losses: list[tuple[int, int]], budgets: list[float]) -> None:
    values, costs = torch.tensor(losses, dtype=torch.float64).T
    limits = torch.tensor(budgets, dtype=torch.float64)
    found = dominance(values, costs, limits)
    assert found.shape == (len(budgets), len(losses), len(losses))
    wanted = [[[rule(a, b, budget) for b in losses] for a in losses] for budget in budgets]
    assert found.int().tolist() == wanted
    # The same architectures given anew for each budget.
    shape = (len(budgets), len(losses))
    assert torch.equal(dominance(values.expand(shape), costs.expand(shape), limits), found)


def test_without_values_two_within_the_budget_are_equals() -> None:
    values, costs = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 9.0])
    found = dominance(values, costs, torch.tensor([5.0]), compares_values=False)
    assert found[0].int().tolist() == [[0, 0, 1], [0, 0, 1], [-1, -1, 0]]


def test_the_loss_is_the_hinge_of_the_pairs_that_are_not_ties() -> None:
    scores = torch.tensor([[0.5, 0.0, 3.0]])
    labels = torch.tensor([[[0.0, 1.0, 0.0], [-1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]])
    # Two pairs, each in both orders: margins 0.5 (misses 1 by 0.5) and 3 (no loss).
    assert float(pairwise_ranking_loss(scores, labels)) == pytest.approx(0.25)
    nothing = torch.zeros(1, 3, 3)
    assert float(pairwise_ranking_loss(scores, nothing)) == 0.0


@given(st.floats(-5, 25))
def test_a_budget_is_a_mixture_of_its_neighbours(budget: float) -> None:
    grid = torch.tensor([0.0, 4.0, 5.0, 20.0], dtype=torch.float64)
    weights = interpolation_weights(torch.tensor([budget], dtype=torch.float64), grid)[0]
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(weights @ grid) == pytest.approx(np.clip(budget, 0, 20))
    assert int((weights > 0).sum()) <= 2
    assert (weights >= 0).all()


def test_one_training_budget_is_every_budget() -> None:
    weights = interpolation_weights(torch.tensor([0.0, 7.0]), torch.tensor([3.0]))
    assert weights.tolist() == [[1.0], [1.0]]
