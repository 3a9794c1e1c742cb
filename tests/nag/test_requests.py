"""Draw, leave out, improve, rank: bounded, without repetitions, and honest about violations."""

import numpy as np
import pytest

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag.elites import Elites, order_within, vary
from optuna_linas.nag.predictions import Predictions
from optuna_linas.nag.requests import Answer, answer
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({f"x{i}": list(range(4)) for i in range(6)})
NONE = (np.zeros((0, 6), dtype=np.int64), Predictions(*[np.zeros(0)] * 4))


def predict(archs: IntArray) -> Predictions:
    """More of anything is better and costs more; the last two variables cost, but give nothing."""
    values = -archs[:, :4].sum(axis=1).astype(float)
    costs = archs.sum(axis=1).astype(float)
    return Predictions(values, np.zeros(len(archs)), costs, costs + 0.5)


def rank(expected: Predictions) -> FloatArray:
    return expected.values


def ask(budget: float, n: int, *, n_rounds: int = 3, n_refinements: int = 0) -> tuple[Answer, int]:
    rng = np.random.default_rng(0)
    n_draws = 0

    def draw() -> IntArray:
        nonlocal n_draws
        n_draws += 1
        return SPACE.sample(8, rng)

    found = answer(
        SPACE,
        draw,
        predict,
        rank,
        budget,
        n,
        remembered=NONE,
        n_rounds=n_rounds,
        n_refinements=n_refinements,
        rng=rng,
    )
    return found, n_draws


def test_feasible_ones_come_first_and_the_best_of_them_before_others() -> None:
    found, _ = ask(9.0, 20)
    n = int(found.feasible.sum())
    assert 0 < n < 20
    assert found.feasible[:n].all()
    assert (found.predictions.bounds[:n] <= 9.0).all()
    assert (np.diff(found.predictions.values[:n]) >= 0).all()
    assert (np.diff(found.predictions.bounds[n:]) >= 0).all()


def test_it_draws_again_while_too_few_are_feasible_and_not_for_ever() -> None:
    assert ask(99.0, 5)[1] == 1
    found, n_draws = ask(-1.0, 5, n_rounds=7)
    assert n_draws == 7
    assert not found.feasible.any()
    # The least violating of all that was seen.
    assert found.predictions.costs[0] == found.predictions.costs.min()


def test_nothing_comes_twice() -> None:
    found, _ = ask(9.0, 40, n_refinements=5)
    assert len(np.unique(found.archs, axis=0)) == len(found.archs) == 40


def test_refinement_finds_the_best_of_the_space() -> None:
    found, _ = ask(8.5, 1, n_refinements=20)
    assert found.predictions.values[0] == -8.0  # all that the budget allows, spent on what helps
    assert ask(8.5, 1)[0].predictions.values[0] > -8.0


def test_what_is_remembered_takes_part_without_being_predicted_again() -> None:
    gift = np.array([[3, 3, 0, 0, 0, 0]])
    found = answer(
        SPACE,
        lambda: np.zeros((1, 6), dtype=np.int64),
        predict,
        rank,
        6.5,
        2,
        remembered=(gift, Predictions(*(np.array([v]) for v in (-99.0, 0.0, 1.0, 1.0)))),
        n_rounds=1,
        n_refinements=0,
        rng=np.random.default_rng(0),
    )
    assert found.archs.tolist() == [gift[0].tolist(), [0] * 6]
    assert found.predictions.values.tolist() == [-99.0, 0.0]


def test_elites_are_the_best_of_everything_seen_under_each_budget() -> None:
    rng = np.random.default_rng(3)
    budgets = np.array([2.0, 7.0, 30.0])
    elites = Elites(predict, rank, budgets, n_each=2)
    batches = [SPACE.sample(30, rng) for _ in range(5)]
    for batch in batches:
        elites.take_in(batch)
        elites.take_in(batch[:3])  # seen before
    everything = np.unique(np.concatenate(batches), axis=0)
    expected = predict(everything)
    assert elites.rows.shape == (3, 2, 6)
    for g, budget in enumerate(budgets.tolist()):
        best = order_within(budget, rank(expected), expected.bounds)[:2]
        mine = predict(elites.rows[g])
        feasible = expected.bounds[best] <= budget
        assert (mine.bounds <= budget).tolist() == feasible.tolist()
        assert mine.values[feasible].tolist() == expected.values[best][feasible].tolist()
        assert mine.bounds[~feasible].tolist() == expected.bounds[best][~feasible].tolist()
    assert len(elites.archs) <= 6


@pytest.mark.parametrize("sorted_", [True, False])
def test_children_consist_of_their_parents_but_for_a_variable_or_two(sorted_: bool) -> None:
    parents = np.array([[0] * 12, [1] * 12])
    children = vary(parents, 400, np.full(12, 1000), np.random.default_rng(0), sorted_=sorted_)
    foreign = (children > 1).sum(axis=1)
    assert 1.0 < foreign.mean() < 2.0
    assert {0, 1} <= set(children.ravel().tolist())
    from_first = (children == 0).sum() / (children <= 1).sum()
    assert (from_first > 0.6) == sorted_
