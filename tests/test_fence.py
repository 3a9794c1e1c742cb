import numpy as np
import pytest

from optuna_linas.predictors.fence import FAR, NEAR, fenced


def test_what_is_near_stays_and_what_is_far_moves_to_the_fence() -> None:
    losses = np.array([[1.0], [2.0], [3.0], [4.0], [1e10]])
    assert fenced(losses, NEAR).ravel().tolist() == [1, 2, 3, 4, 7]
    assert fenced(losses, FAR).ravel().tolist() == [1, 2, 3, 4, 24]


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
