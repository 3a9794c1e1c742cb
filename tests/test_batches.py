"""Choosing several architectures at once: joint hypervolume gain and lower confidence bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optuna_linas.arrays import LARGEST
from optuna_linas.bounds import lowest_bounds
from optuna_linas.evolution import Visited
from optuna_linas.gain import greedy_gain, reference_behind
from optuna_linas.history import History
from optuna_linas.linas.batch import BatchChooser
from optuna_linas.pareto import hypervolume


def brute_force(front: np.ndarray, candidates: np.ndarray, reference: np.ndarray, n: int) -> float:
    """The volume after greedily adding, each time, whatever candidate adds the most."""
    points, rest = list(front), list(candidates)
    for _ in range(n):
        if not rest:
            break
        volumes = [hypervolume(np.array([*points, c]), reference) for c in rest]
        points.append(rest.pop(int(np.argmax(volumes))))
    return hypervolume(np.array(points), reference) if points else 0.0


@given(st.integers(0, 10_000), st.integers(2, 3), st.integers(0, 6))
def test_the_picked_add_as_much_volume_as_brute_force(seed: int, m: int, n_front: int) -> None:
    rng = np.random.default_rng(seed)
    front, candidates = rng.random((n_front, m)), rng.random((12, m)) * 1.2
    reference = np.ones(m)
    picked = greedy_gain(front, candidates, reference, 4)
    assert len(set(picked.tolist())) == len(picked) <= 4
    found = hypervolume(np.concatenate([front, candidates[picked]]), reference)
    assert found == pytest.approx(brute_force(front, candidates, reference, 4))


def test_what_adds_nothing_is_not_picked() -> None:
    front = np.array([[0.0, 0.0]])
    candidates = np.array([[1.0, 1.0], [0.0, 0.0], [5.0, -1.0]])
    assert greedy_gain(front, candidates, np.array([2.0, 2.0]), 3).tolist() == []


def test_the_second_pick_leaves_the_neighbours_of_the_first() -> None:
    candidates = np.array([[1.0, 1.0], [1.01, 1.0], [0.2, 2.5]])
    assert greedy_gain(np.zeros((0, 2)), candidates, np.array([3.0, 3.0]), 2).tolist() == [0, 2]


def test_a_wide_bound_explores_and_a_narrow_one_exploits() -> None:
    mean, covariance = np.array([0.0, 0.5]), np.diag([0.01, 4.0])
    assert lowest_bounds(mean, covariance, 1, width=0.0).tolist() == [0]
    assert lowest_bounds(mean, covariance, 1, width=1.0).tolist() == [1]


def test_what_is_being_measured_is_known_and_not_picked() -> None:
    twins = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    mean = np.array([0.0, 0.0, 0.5])
    assert lowest_bounds(mean, twins, 2, width=1.0).tolist() == [0, 2]
    assert lowest_bounds(mean, twins, 1, width=1.0, believed=1).tolist() == [2]


def test_the_covariance_is_left_as_it_was() -> None:
    covariance = np.eye(3)
    assert len(lowest_bounds(np.zeros(3), covariance, 9, width=1.0)) == 3
    assert np.array_equal(covariance, np.eye(3))


def test_volume_begins_behind_the_worst_that_is_no_penalty() -> None:
    losses = np.array([[0.0, 5.0], [1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1e10]])
    for ordered, first in ((True, 4.12), (False, 4.4)):
        found = reference_behind(losses, ordered=ordered)
        assert found[0] == pytest.approx(first)
        assert found[1] < 100.0
        same = reference_behind(np.ones((3, 2)), ordered=ordered)
        assert same.tolist() == [2.0, 2.0]  # there is some volume


@pytest.mark.parametrize("only", [1e17, -1e17, 1e100, 1e308, -1e308])
def test_there_is_volume_behind_the_only_value_of_an_objective(only: float) -> None:
    reference = reference_behind(np.full((3, 2), only), ordered=True)
    assert np.isfinite(reference).all()
    assert (reference > np.clip(only, -LARGEST, LARGEST)).all()


def test_a_network_larger_than_all_measured_is_picked_if_it_is_better() -> None:
    """A start that has missed the large ones must not keep a search from them."""
    measured = np.array([[0.0, 10.0], [5.0, 5.0], [10.0, 0.0]])
    larger = np.array([[-2.0, 10.2], [-1.0, 99.0]])
    reference = reference_behind(measured, ordered=True)
    assert greedy_gain(measured, larger, reference, 2).tolist() == [0]
    assert greedy_gain(measured, larger, measured.max(axis=0), 2).tolist() == []


@pytest.mark.parametrize(
    ("cost", "ordered", "picked"),
    [(10.2, True, 1), (10.5, True, 0), (10.5, False, 1), (11.5, False, 0)],
)
def test_a_batch_has_what_is_dearer_than_all_measured_if_it_is_better(
    cost: float, ordered: bool, picked: int
) -> None:
    measured = np.array([[0.0, 10.0], [5.0, 5.0], [10.0, 0.0]])
    nothing = np.zeros((3, 0))
    history = History(np.arange(3)[:, None], measured, nothing, np.arange(3))
    archs = np.array([[3], [4]])
    better = np.array([[4.99, 5.01], [-2.0, cost]])  # a little; or much, but larger than all
    chooser = BatchChooser(
        archs,
        history,
        None,  # type: ignore[arg-type]  # nothing is pending
        Visited(archs, better, np.zeros(2), np.arange(2)),
        archs[:0],
        joint=True,
        ordered=ordered,
        doubts=False,
    )
    assert chooser.choose(np.arange(2), 1, set()).tolist() == [picked]
