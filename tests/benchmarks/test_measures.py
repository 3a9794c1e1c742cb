from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import RandomSampler

from benchmarks.anonymous import anonymous
from benchmarks.cache import Cache
from benchmarks.problems import make_problem
from benchmarks.searches import search
from benchmarks.summary import evaluations_to, mean_and_error
from benchmarks.yardstick import Yardstick, yardstick
from optuna_linas.pareto import hypervolume, non_dominated


def test_a_complete_tables_front_is_exact(table: Path, tmp_path: Path) -> None:
    problem = make_problem(str(table), None)
    measure = yardstick(problem, Cache(tmp_path))
    assert problem.architectures is not None
    losses = problem.losses(problem.evaluate(problem.architectures))
    expected = np.unique(losses[non_dominated(losses)], axis=0)
    np.testing.assert_array_equal(np.unique(measure.front, axis=0), expected)
    np.testing.assert_array_equal(measure.reference, losses.max(axis=0))
    assert measure.volume == pytest.approx(hypervolume(losses, measure.reference))


def test_a_front_is_searched_for_where_there_is_no_table(table: Path, tmp_path: Path) -> None:
    problem = make_problem(str(table), None)
    exact = yardstick(problem, Cache(tmp_path))
    searched = yardstick(replace(problem, architectures=None), Cache(tmp_path / "b"), generations=2)
    assert searched.volume == pytest.approx(exact.volume)


def test_a_twin_has_its_originals_yardstick(table: Path, tmp_path: Path) -> None:
    problem = make_problem(str(table), None)
    first, second = (yardstick(p, Cache(tmp_path)) for p in (problem, anonymous(problem)))
    np.testing.assert_array_equal(first.front, second.front)
    assert len(list(tmp_path.glob("*.npz"))) == 2  # the table itself, and one yardstick


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_a_curve_is_the_hypervolume_of_every_prefix(n_objectives: int) -> None:
    losses = np.random.default_rng(0).integers(0, 12, size=(40, n_objectives)).astype(float)
    losses[3, 0] = np.nan
    reference = np.full(n_objectives, 10.0)
    measure = Yardstick(reference, np.zeros((1, n_objectives)), 10.0**n_objectives)
    expected = [hypervolume(losses[: i + 1], reference) / measure.volume for i in range(40)]
    np.testing.assert_allclose(measure.curve(losses), expected)


def test_the_objectives_time_is_not_the_samplers(table: Path) -> None:
    clock = 0.0

    def tick() -> float:
        nonlocal clock
        clock += 1.0
        return clock

    problem = make_problem(str(table), None)

    def slow(archs: np.ndarray) -> np.ndarray:
        nonlocal clock
        clock += 100.0
        return problem.evaluate(archs)

    found = search(replace(problem, evaluate=slow), RandomSampler(seed=0), 3, clock=tick)
    np.testing.assert_array_equal(found.seconds, [2.0, 2.0, 2.0])


def test_a_network_without_a_value_is_a_failed_trial(table: Path) -> None:
    problem = make_problem(str(table), None)

    def broken(archs: np.ndarray) -> np.ndarray:
        return np.full((len(archs), 2), np.nan)

    found = search(replace(problem, evaluate=broken), RandomSampler(seed=0), 2)
    assert np.isnan(found.values).all()


def test_figures_over_seeds() -> None:
    assert mean_and_error([1.0, 3.0]) == {"mean": 2.0, "standard_error": 1.0}
    assert mean_and_error([1.0])["standard_error"] is None
    assert evaluations_to(np.array([0.1, 0.4]), 0.5) is None
