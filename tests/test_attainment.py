import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_linas.attainment import attainment_surface
from optuna_linas.pareto import non_dominated

RUNS = [np.array([[1.0, 4.0], [3.0, 2.0]]), np.array([[2.0, 3.0]]), np.array([[4.0, 1.0]])]


def test_the_best_surface_is_the_front_of_all_and_the_worst_what_all_attain() -> None:
    assert attainment_surface(RUNS, 1).tolist() == [[1, 4], [2, 3], [3, 2], [4, 1]]
    assert attainment_surface(RUNS, 2).tolist() == [[2, 4], [3, 3], [4, 2]]
    assert attainment_surface(RUNS, 3).tolist() == [[4, 3]]


def test_a_run_without_results_attains_nothing() -> None:
    runs = [*RUNS[:1], np.zeros((0, 2))]
    assert attainment_surface(runs, 1).tolist() == [[1, 4], [3, 2]]
    assert attainment_surface(runs, 2).shape == (0, 2)
    assert attainment_surface([[], []], 1).shape == (0, 2)


def test_what_cannot_be_is_explained() -> None:
    with pytest.raises(ValueError, match="1 to 3; got 4"):
        attainment_surface(RUNS, 4)
    with pytest.raises(ValueError, match="two or three objectives"):
        attainment_surface([[[1.0]]], 1)
    with pytest.raises(ValueError, match="two or three objectives"):
        attainment_surface([[[1.0, 2.0]], [[1.0, 2.0, 3.0]]], 1)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([2, 3]))
def test_it_agrees_with_the_definition(seed: int, n_runs: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    runs = [rng.integers(0, 6, size=(rng.integers(0, 5), m)).astype(float) for _ in range(n_runs)]
    k = int(rng.integers(1, n_runs + 1))
    corners = attainment_surface(runs, k)
    # Every place of the grid: how many runs attain it, and what the surface says.
    grid = np.stack(np.meshgrid(*[np.arange(7.0)] * m), axis=-1).reshape(-1, m)
    attained = sum((run[None] <= grid[:, None]).all(axis=2).any(axis=1).astype(int) for run in runs)
    below = (corners[None] <= grid[:, None]).all(axis=2).any(axis=1)
    assert (below == (attained >= k)).all()
    assert non_dominated(corners).all()
    assert len(np.unique(corners, axis=0)) == len(corners)
