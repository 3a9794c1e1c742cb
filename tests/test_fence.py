import numpy as np
import pytest

from optuna_linas.fence import FAR, NEAR, Fence, fenced


def test_what_is_near_stays_and_what_is_far_moves_to_the_fence() -> None:
    losses = np.array([[1.0], [2.0], [3.0], [4.0], [1e10]])
    assert fenced(losses, NEAR).ravel().tolist() == [1, 2, 3, 4, 7]
    assert fenced(losses, FAR).ravel().tolist() == [1, 2, 3, 4, 24]


def test_the_largest_floats_are_cut_before_they_overflow() -> None:
    largest = np.finfo(float).max
    losses = np.linspace(-1.0, 1.0, 9)[:, None] * largest
    assert fenced(losses, FAR).ravel().tolist() == [-1e100] * 4 + [0.0] + [1e100] * 4


@pytest.mark.parametrize("penalty", [1e8, 1e100])
def test_up_to_half_may_have_failed(penalty: float) -> None:
    losses = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [penalty], [penalty], [penalty]])
    assert fenced(losses, NEAR).max() < 20


@pytest.mark.parametrize(
    "column",
    [
        [1.0, 1.0 + 1e-15, 1.0 + 2e-15, 2.0, 3.0, 4.0],  # half of them all but alike
        [0.0, 0.0, 0.0, 1.0, 2.0, 3.0],
        [5.0] * 6,
        [-3.0, -2.0, -1.0, 1e-9, 1.0, 2.0],
        [1.0, 10.0, 100.0, 300.0, 500.0, 900.0],  # decades
    ],
)
def test_the_measured_are_no_penalties(column: list[float]) -> None:
    losses = np.array(column)[:, None]
    assert fenced(losses, FAR).ravel().tolist() == column


@pytest.mark.parametrize("worst", [20.0, 1e10, np.finfo(float).max, np.inf])
def test_what_is_drawn_in_keeps_its_order_and_comes_back(worst: float) -> None:
    losses = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, worst])[:, None]
    fence = Fence(losses, NEAR)
    drawn = fence(losses)
    assert (np.diff(drawn[:, 0]) > 0).all()
    assert drawn.max() <= 7.0 + 1.25 * 6.75  # a quarter further than the fence
    assert fence.inverse(drawn)[:-1] == pytest.approx(losses[:-1])
    assert losses[-2] < fence.inverse(drawn)[-1] <= losses[-1]


def test_nothing_is_drawn_in_without_a_spread() -> None:
    losses = np.array([0.0, 0.0, 0.0, 0.0, 2.0, 3.0])[:, None]
    fence = Fence(losses, NEAR)
    assert fence(losses).tolist() == losses.tolist() == fence.inverse(losses).tolist()


@pytest.mark.parametrize("worst", [10.0, 30.0, 1e10])
def test_what_is_worse_comes_back_as_no_better(worst: float) -> None:
    fence = Fence(np.append(np.arange(1.0, 10.0), worst)[:, None], NEAR)
    back = fence.inverse(np.linspace(0.0, 40.0, 400)[:, None])[:, 0]
    assert (np.diff(back) >= 0).all()
    assert worst > 10.0 or back[-1] == 40.0  # nothing was drawn in


def test_no_prediction_is_beyond_the_worst_that_was_drawn_in() -> None:
    losses = np.array([1.0, 2.0, 3.0, 4.0, 30.0])[:, None]
    assert Fence(losses, NEAR).inverse(np.array([[7.749], [500.0]])).ravel().tolist() == [30, 30]
