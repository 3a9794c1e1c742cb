import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optuna_linas.pareto import exclusive_volume, hypervolume, non_dominated, non_dominated_rank
from optuna_linas.ranking import crowding_distance, front_rank

NAN, INF = float("nan"), float("inf")

# Few different values, so that ties and equal rows are common.
LOSSES = hnp.arrays(
    float,
    st.tuples(st.integers(0, 12), st.integers(1, 4)),
    elements=st.sampled_from([-1.0, 0.0, 1.0, 2.0, 2.5, NAN, INF, -INF]),
)
FINITE = hnp.arrays(
    float, st.tuples(st.integers(0, 14), st.integers(1, 4)), elements=st.integers(-3, 3)
)


def dominates(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a <= b).all() and (a < b).any())


def brute_force_rank(losses: np.ndarray) -> list[int]:
    """Take the non-dominated rows away again and again."""
    rank = [len(losses)] * len(losses)
    left = [i for i in range(len(losses)) if not np.isnan(losses[i]).any()]
    for front in itertools.count():
        if not left:
            return rank
        best = [i for i in left if not any(dominates(losses[j], losses[i]) for j in left)]
        for i in best:
            rank[i] = front
        left = [i for i in left if i not in best]
    raise AssertionError


def brute_force_volume(losses: np.ndarray, reference: np.ndarray) -> float:
    """Count the cells of an integer grid that some row dominates."""
    grid = itertools.product(*(range(-4, int(r)) for r in reference))
    return sum(any((row <= cell).all() for row in losses) for cell in map(np.array, grid))


@given(LOSSES)
@settings(max_examples=200)
def test_rank_is_that_of_brute_force(losses: np.ndarray) -> None:
    expected = brute_force_rank(losses)
    assert non_dominated_rank(losses).tolist() == expected
    valid = ~np.isnan(losses).any(axis=1)
    assert non_dominated(losses).tolist() == [
        rank == 0 and bool(ok) for rank, ok in zip(expected, valid, strict=True)
    ]


@pytest.mark.parametrize("m", [2, 3, 5])
def test_rank_of_many_rows(m: int) -> None:
    losses = np.random.default_rng(m).integers(0, 12, size=(120, m)).astype(float)
    assert non_dominated_rank(losses).tolist() == brute_force_rank(losses)


def test_rank_of_three_rows() -> None:
    losses = [[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]
    assert non_dominated_rank(losses).tolist() == [0, 0, 1]
    assert non_dominated(losses).tolist() == [True, True, False]
    assert non_dominated([[1.0, 1.0], [1.0, 1.0], [1.0, NAN]]).tolist() == [True, True, False]


def test_infeasible_rows_come_after_all_feasible_ones() -> None:
    losses = np.array([[3.0, 3.0], [0.0, 0.0], [1.0, 1.0], [2.0, 4.0], [9.0, 9.0]])
    violations = np.array([0.0, 2.0, 1.0, 0.0, 1.0])
    assert front_rank(losses, violations).tolist() == [0, 2, 1, 0, 1]
    assert front_rank(losses, np.ones(5)).tolist() == [0] * 5
    assert front_rank(losses, np.zeros(5)).tolist() == front_rank(losses).tolist()


def test_crowding_distance() -> None:
    losses = np.array([[0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0], [4.0, 4.0]])
    rank = np.array([0, 0, 0, 0, 1])
    expected = [INF, 3 / 4 + 3 / 4, 3 / 4 + 2 / 4, INF, INF]
    assert crowding_distance(losses, rank).tolist() == pytest.approx(expected)
    assert crowding_distance(np.zeros((0, 2)), np.zeros(0, dtype=np.int64)).shape == (0,)
    equal = crowding_distance(np.ones((4, 2)), np.zeros(4, dtype=np.int64))
    assert sorted(equal.tolist()) == [0.0, 0.0, INF, INF]


@given(
    hnp.arrays(float, st.tuples(st.integers(0, 6), st.just(3)), elements=st.integers(-4, 3)),
    hnp.arrays(float, 3, elements=st.integers(-2, 3)),
)
def test_hypervolume_is_that_of_counted_cells(losses: np.ndarray, reference: np.ndarray) -> None:
    assert hypervolume(losses, reference) == pytest.approx(brute_force_volume(losses, reference))


@pytest.mark.parametrize(
    ("losses", "reference", "volume"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], [3.0, 3.0], 3.0),
        ([[1.0, 1.0], [1.0, 1.0]], [3.0, 3.0], 4.0),
        ([[3.0, 0.0]], [3.0, 3.0], 0.0),
        ([[1.0], [2.0]], [4.0], 3.0),
        ([[1.0, NAN], [2.0, 2.0]], [3.0, 3.0], 1.0),
        ([[1.0, 1.0]], [NAN, 3.0], 0.0),
        ([[0.0] * 5], [2.0] * 5, 32.0),
    ],
)
def test_hypervolume(losses: list[list[float]], reference: list[float], volume: float) -> None:
    assert hypervolume(losses, reference) == pytest.approx(volume)


def test_no_rows() -> None:
    rows = np.zeros((0, 2))
    assert non_dominated(rows).shape == non_dominated_rank(rows).shape == (0,)
    assert hypervolume(rows, [1.0, 1.0]) == 0.0


def test_arrays_of_the_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, m\), got \(2,\)"):
        non_dominated([1.0, 2.0])
    with pytest.raises(ValueError, match=r"expected shape \(2,\), got \(3,\)"):
        hypervolume([[1.0, 2.0]], [3.0, 3.0, 3.0])


@given(
    hnp.arrays(
        float,
        st.tuples(st.integers(0, 14), st.integers(1, 5)),
        elements=st.sampled_from([-INF, -1e308, -1.0, 0.0, 1.0, 1e308, INF]),
    )
)
@settings(max_examples=300)
def test_ranks_of_infinite_losses_are_those_of_brute_force(losses: np.ndarray) -> None:
    expected = brute_force_rank(losses)
    assert non_dominated_rank(losses).tolist() == expected
    assert non_dominated(losses).tolist() == [rank == 0 for rank in expected]


@given(FINITE, st.integers(0, 13))
@settings(max_examples=200)
def test_exclusive_volume_is_what_a_row_adds(losses: np.ndarray, at: int) -> None:
    if len(losses) <= at:
        return
    reference = np.full(losses.shape[1], 4.0)
    row, front = losses[at], np.delete(losses, at, axis=0)
    added = hypervolume(losses, reference) - hypervolume(front, reference)
    assert exclusive_volume(front, row, reference) == pytest.approx(added, abs=1e-9)


def test_exclusive_volume_in_many_dimensions_is_about_right() -> None:
    rng = np.random.default_rng(0)
    front, rows = rng.random((12, 8)), rng.random((10, 8)) / 2
    reference = np.ones(8)
    exact = [
        hypervolume(np.vstack([front, row]), reference) - hypervolume(front, reference)
        for row in rows
    ]
    found = [exclusive_volume(front, row, reference) for row in rows]
    assert found == pytest.approx(exact, rel=0.1)
    assert exclusive_volume(front, front[0], reference) == 0.0


def test_what_is_infinitely_good_dominates_without_end() -> None:
    losses = np.array([[-INF, 0.0, 0.0], [-INF, 0.0, 0.0], [0.5, 0.5, 0.5]])
    assert hypervolume(losses, np.ones(3)) == INF
    assert exclusive_volume(losses[2:], losses[0], np.ones(3)) == INF
    assert exclusive_volume(losses[:1], losses[0], np.ones(3)) == 0.0


def test_units_do_not_matter_in_many_dimensions() -> None:
    rng = np.random.default_rng(0)
    front, row, reference = rng.random((12, 8)), np.full(8, 0.4), np.ones(8)
    units = 10.0 ** np.arange(-4, 4)
    expected = exclusive_volume(front, row, reference) * units.prod()
    assert exclusive_volume(front * units, row * units, reference * units) == pytest.approx(
        expected
    )
