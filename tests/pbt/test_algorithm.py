"""Who survives, who breeds, what a child takes from whom: on literal arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optuna_linas.pbt.breeding import VARIATIONS, Descent, descend, donate, make_variation
from optuna_linas.pbt.exploration import explore, redraw
from optuna_linas.pbt.initial import stratified_options, stratified_units, value_at
from optuna_linas.pbt.selection import best_first, n_selected, parents_of, replaced_of
from optuna_linas.variable import Variable

NAN = float("nan")
MIX = make_variation("mix", shrink=0.4, perturb=0.1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_best_comes_first_and_what_has_no_score_not_at_all() -> None:
    losses = [[0.5], [NAN], [0.1], [float("inf")], [0.5], [-float("inf")]]
    assert best_first(losses).tolist() == [2, 0, 4]


def test_several_objectives_go_by_front_and_then_by_crowding() -> None:
    # Two fronts: 0, 1, 2, 3 and, behind them, 4. Slot 2 lies closest to its neighbours.
    losses = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.6, 0.2], [0.9, 0.9]]
    assert best_first(losses).tolist() == [0, 1, 2, 3, 4]
    assert best_first([[0.0, 1.0], [0.1, 0.89], [0.2, 0.8], [1.0, 0.0]]).tolist() == [0, 3, 2, 1]


def test_infeasible_slots_come_last_by_how_much_they_violate() -> None:
    order = best_first([[0.0], [0.1], [0.2], [0.3]], violations=[2.0, 0.0, 1.0, 0.0])
    assert order.tolist() == [1, 3, 2, 0]


def test_the_paper_takes_a_quarter_at_both_ends() -> None:
    order = np.arange(24)[::-1]
    assert parents_of(order, 24, 0.25).tolist() == [23, 22, 21, 20, 19, 18]
    assert replaced_of(order, 24, 0.25).tolist() == [0, 1, 2, 3, 4, 5]
    assert n_selected(12, 0.25) == 3


def test_a_slot_without_a_score_is_replaced_first() -> None:
    assert replaced_of(np.array([0, 1, 2]), 4, 0.25).tolist() == [3]
    assert replaced_of(np.array([2, 1]), 8, 0.25).tolist() == [0, 3, 4, 5, 6, 7]
    assert replaced_of(np.array([2, 1]), 3, 0.0).tolist() == [0]


def test_the_best_is_never_replaced() -> None:
    assert replaced_of(np.array([1, 0]), 2, 0.5).tolist() == [0]
    assert replaced_of(np.array([0]), 1, 0.5).tolist() == []


@given(st.integers(2, 30), st.floats(0.01, 0.5), st.integers(0, 10**6))
def test_a_child_has_two_different_parents_of_the_top(n: int, quantile: float, seed: int) -> None:
    order = rng(seed).permutation(n)
    top = parents_of(order, n, quantile).tolist()
    for slot in range(n):
        descent = descend(order, slot, n, quantile=quantile, variation=MIX, rng=rng(seed))
        if slot not in replaced_of(order, n, quantile):
            assert descent == Descent(slot)
            continue
        assert descent.is_child
        assert {descent.base, descent.donor} <= set(top)
        # The better one is the base.
        assert top.index(descent.base) < top.index(descent.donor)  # type: ignore[arg-type]


def test_all_pairs_of_parents_are_drawn() -> None:
    order = np.array([4, 2, 7, 0, 1, 3, 5, 6])
    drawn = [
        descend(order, 6, 8, quantile=0.4, variation=MIX, rng=rng(seed)) for seed in range(300)
    ]
    pairs = [(d.base, d.donor) for d in drawn]
    assert set(pairs) == {(4, 2), (4, 7), (2, 7)}
    assert min(pairs.count(pair) for pair in set(pairs)) > 70


def test_a_single_survivor_is_the_only_parent() -> None:
    descent = descend(np.array([3]), 0, 4, quantile=0.25, variation=MIX, rng=rng())
    assert descent == Descent(3, None, is_child=True)


@pytest.mark.parametrize("name", VARIATIONS)
def test_what_each_variation_does(name: str) -> None:
    variation = make_variation(name, shrink=0.4, perturb=0.1)
    order = np.array([0, 1, 2, 3])
    loser = descend(order, 3, 4, quantile=0.25, variation=variation, rng=rng())
    winner = descend(order, 0, 4, quantile=0.25, variation=variation, rng=rng())
    if name.startswith("random"):
        assert loser == Descent(3, 3 if name == "random_perturb" else None)
        lost = descend(np.array([0, 1]), 3, 4, quantile=0.25, variation=variation, rng=rng())
        assert lost == Descent(None)
    else:
        assert loser.is_child
        assert (loser.donor is not None) == (name in ("mix", "copy", "reinitialise"))
        assert winner == Descent(0)


def test_an_unknown_variation_is_explained() -> None:
    with pytest.raises(ValueError, match="Choose one of mix, copy"):
        make_variation("mixed", shrink=1, perturb=0)


def test_donation_is_independent_and_as_likely_as_asked() -> None:
    has = np.ones(4, dtype=bool)
    taken = np.array([donate(has, has, 0.25, rng(seed)) for seed in range(2000)])
    assert taken.mean(axis=0) == pytest.approx([0.25] * 4, abs=0.04)
    assert abs(np.corrcoef(taken.T) - np.eye(4)).max() < 0.08
    assert not donate(has, has, 0.0, rng()).any()
    assert donate(has, has, 1.0, rng()).all()


def test_a_variable_that_the_base_lacks_is_the_donors() -> None:
    base, donor = np.array([True, False, True]), np.array([True, True, False])
    assert donate(base, donor, 0.0, rng()).tolist() == [False, True, False]
    assert donate(base, donor, 1.0, rng()).tolist() == [True, True, False]


@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 10**6))
def test_options_are_dealt_equally(n_options: int, n_slots: int, seed: int) -> None:
    counts = np.bincount(stratified_options(n_options, n_slots, rng(seed)), minlength=n_options)
    assert counts.sum() == n_slots
    assert counts.max() - counts.min() <= 1


def test_units_cover_the_range() -> None:
    units = stratified_units(10, rng())
    assert sorted((units * 10).astype(int).tolist()) == list(range(10))


def test_values_lie_where_the_unit_says() -> None:
    assert [
        value_at(Variable.categorical("a", list("xyz")), u, rng()) for u in (0.0, 0.5, 0.99)
    ] == [
        "x",
        "y",
        "z",
    ]
    rate = Variable.floating("lr", 1e-4, 1e-2, log=True)
    assert value_at(rate, 0.5, rng()) == pytest.approx(1e-3, rel=0.01)
    units = Variable.integer("units", 1, 100, log=True)
    assert value_at(units, 0.5, rng()) == 10
    assert value_at(Variable.floating("x", -1.0, 1.0), 0.25, rng()) == pytest.approx(-0.5, abs=0.01)


def test_numbers_are_multiplied_and_stay_in_range() -> None:
    rate = Variable.floating("lr", 1e-4, 1e-1, log=True)
    seen = {explore(rate, 0.01, rng(s), resample_prob=0.0) for s in range(20)}
    assert seen == {0.008, 0.012}
    assert {explore(rate, 1e-1, rng(s), resample_prob=0.0) for s in range(20)} == {0.08, 0.1}
    drawn = [explore(rate, 0.01, rng(s), resample_prob=1.0) for s in range(50)]
    assert len(set(drawn)) == 50


def test_a_coarse_number_moves_by_a_step_and_an_option_to_its_neighbour() -> None:
    layers = Variable.integer("layers", 1, 4)
    assert {explore(layers, 2, rng(s), resample_prob=0.0) for s in range(20)} == {1, 3}
    decay = Variable.categorical("decay", [0.0, 1e-4, 1e-3])
    assert {explore(decay, 1e-4, rng(s), resample_prob=0.0) for s in range(20)} == {0.0, 1e-3}
    assert explore(Variable.categorical("only", ["x"]), "x", rng()) == "x"


def test_a_redrawn_variable_is_another_one() -> None:
    op = Variable.categorical("op", ["a", "b", "c"])
    assert {redraw(op, "b", rng(s)) for s in range(30)} == {"a", "c"}
    assert redraw(Variable.categorical("only", ["x"]), "x", rng()) == "x"
