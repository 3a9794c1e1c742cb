"""Costs as they are learned."""

import numpy as np
import pytest

from optuna_linas.nag.cost_scale import CostScale


@pytest.mark.parametrize(
    "costs",
    [
        [1.0, 2.0, 80.0],
        [-80.0, -2.0, -1.0],
        [-1.0, 0.0, 3.0],
        [0.0, 1.0, 2.0],
        [1e300, 1.5e308],
        [-1.5e308, -1e-300],
        [-1.5e308, 0.0, 1e200, 1.5e308],
    ],
)
def test_order_is_kept_and_costs_come_back(costs: list[float]) -> None:
    scale = CostScale(np.array(costs))
    scaled = scale(np.array(costs))
    assert (np.diff(scaled) > 0).all()
    assert scale.inverse(scaled) == pytest.approx(costs, rel=1e-9)


def test_one_sign_is_learned_as_logarithms() -> None:
    for sign in (1.0, -1.0):
        scaled = CostScale(sign * np.array([1.0, 80.0]))(sign * np.array([10.0, 20.0, 40.0]))
        assert np.diff(scaled, 2) == pytest.approx(0.0, abs=1e-12)


def test_a_network_that_failed_is_dearer_than_every_throughput() -> None:
    """What it counts as, dearer by the whole range than the dearest, is no negative loss."""
    scaled = CostScale(np.array([-100.0, -10.0]))(np.array([-100.0, -10.0, 80.0]))
    assert np.diff(scaled) == pytest.approx(np.log(10.0))


def test_costs_of_several_signs_are_learned_as_they_are_and_have_squares() -> None:
    assert CostScale(np.array([-3.0, 0.0, 7.0]))(np.array([5.0])).tolist() == [5.0]
    largest = np.array([-1.5e308, 0.0, 1.5e308])
    scale = CostScale(largest)
    assert np.isfinite(scale(largest) ** 2).all()
    assert np.isfinite(scale.inverse(np.array([1e300]))).all()
