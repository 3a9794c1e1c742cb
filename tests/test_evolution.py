import itertools
import random
from typing import Any

import numpy as np
import pytest

from optuna_linas.evolution import (
    ALGORITHMS,
    NSGA2,
    Evaluate,
    InnerAlgorithm,
    VectorizedNSGA2,
    Visited,
    make_algorithm,
)
from optuna_linas.evolution.variation import resample
from optuna_linas.pareto import non_dominated
from optuna_linas.space import SearchSpace
from tests import inner_search

OPTIONS = np.array([3, 4, 2, 5, 3, 4, 1, 6])


# Those for any number of objectives; test_inner_algorithms has what holds for all of them.
@pytest.fixture(params=["auto", "nsga2"])
def algorithm(request: pytest.FixtureRequest) -> InnerAlgorithm:
    return make_algorithm(str(request.param))


@pytest.fixture(params=[NSGA2, VectorizedNSGA2])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def distance(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One objective, separable: 0 where every variable has its last option."""
    return (OPTIONS - 1 - archs).sum(axis=1).astype(float)[:, None], np.zeros(len(archs))


def trade_off(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two objectives: the first half of the variables helps one and the second half the other."""
    weights = np.arange(1, 9)
    cost = (archs * weights).sum(axis=1).astype(float)
    gain = -(archs * weights**2).sum(axis=1).astype(float)
    return np.stack([cost, gain], axis=1), np.zeros(len(archs))


def search(
    algorithm: InnerAlgorithm, evaluate: Evaluate, n_options: np.ndarray = OPTIONS, **changes: Any
) -> Visited:
    return inner_search.search(algorithm, evaluate, n_options, **changes)


def test_the_optimum_of_one_objective_is_found(algorithm: InnerAlgorithm) -> None:
    visited = search(algorithm, distance)
    assert visited.losses.min() == 0
    assert visited.losses[visited.population].min() == 0
    assert visited.archs[visited.losses[:, 0].argmin()].tolist() == (OPTIONS - 1).tolist()


def test_the_front_of_two_objectives_is_found(algorithm: InnerAlgorithm) -> None:
    everything = np.array(list(itertools.product(*(range(n) for n in OPTIONS[:6]))))

    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        padded = np.concatenate([archs, np.zeros((len(archs), 2), dtype=np.int64)], axis=1)
        return trade_off(padded)

    losses, _ = evaluate(everything)
    front = {tuple(row) for row in losses[non_dominated(losses)]}
    assert len(everything) == 1440
    visited = search(algorithm, evaluate, OPTIONS[:6], n_evaluations=1200)
    found = {tuple(row) for row in visited.losses[non_dominated(visited.losses)]}
    assert len(front & found) >= 0.9 * len(front)


def test_what_was_visited_is_what_was_evaluated(algorithm: InnerAlgorithm) -> None:
    calls: list[np.ndarray] = []

    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(archs.copy())
        losses, _ = trade_off(archs)
        return losses, (archs[:, 0] == 0).astype(float)

    visited = search(algorithm, evaluate, n_evaluations=500)
    evaluated = np.concatenate(calls[1:])  # the first asks for the number of objectives
    assert visited.archs.tolist() == evaluated.tolist()
    assert visited.losses.tolist() == trade_off(evaluated)[0].tolist()
    assert visited.violations.tolist() == (evaluated[:, 0] == 0).astype(float).tolist()
    assert visited.archs.dtype == visited.population.dtype == np.int64
    assert ((visited.archs >= 0) & (visited.archs < OPTIONS)).all()
    assert len(set(visited.population.tolist())) == len(visited.population) > 0
    assert visited.population.max() < len(visited.archs)


@pytest.mark.parametrize("n_evaluations", [1, 7, 50, 333])
def test_the_budget_is_kept_to_a_generation(kind: Any, n_evaluations: int) -> None:
    visited = search(kind(population_size=20), trade_off, n_evaluations=n_evaluations)
    assert n_evaluations <= len(visited.archs) < n_evaluations + 20


def test_our_own_search_keeps_the_budget_to_the_row() -> None:
    for n in (0, 1, 7, 333):
        assert len(search(VectorizedNSGA2(20), trade_off, n_evaluations=n).archs) == n


def test_seeds_start_in_the_population(kind: Any) -> None:
    seeds = np.array([[2, 3, 1, 4, 2, 3, 0, 5], [0, 0, 0, 0, 0, 0, 0, 1]])
    visited = search(kind(population_size=20), distance, seeds=seeds, n_evaluations=20)
    assert visited.archs[:2].tolist() == seeds.tolist()
    # As many seeds as could fill several populations.
    many = np.random.default_rng(1).integers(0, OPTIONS, size=(100, 8))
    visited = search(kind(population_size=20), distance, seeds=many, n_evaluations=60)
    assert visited.archs[:10].tolist() == many[:10].tolist()
    same = np.zeros((50, 8), dtype=np.int64)
    visited = search(kind(population_size=20), distance, seeds=same, n_evaluations=200)
    assert len(visited.archs) >= 200


def test_what_violates_least_survives(algorithm: InnerAlgorithm) -> None:
    def forbidden(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The losses lead to the last options, of which no more than six may be taken.
        violations = np.maximum((archs == OPTIONS - 1).sum(axis=1) - 6.0, 0.0)
        return distance(archs)[0], violations

    visited = search(algorithm, forbidden)
    assert (visited.violations[visited.population] == 0).all()
    assert (visited.violations > 0).any()
    best = visited.losses[visited.violations == 0].min()
    assert best == 2  # two variables one step away from their last options

    def never(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return distance(archs)[0], 1.0 + archs[:, 0]

    visited = search(algorithm, never)
    assert (visited.violations[visited.population] == 1.0).all()


@pytest.mark.parametrize("sizes", [[1], [2], [1, 1], [2, 2], [3, 1, 2], [7], [2, 2, 2], [8, 1]])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_tiny_spaces(algorithm: InnerAlgorithm, sizes: list[int], m: int) -> None:
    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total = archs.sum(axis=1).astype(float)
        return np.stack([total * (-1) ** j for j in range(m)], axis=1), np.zeros(len(archs))

    visited = search(algorithm, evaluate, np.array(sizes), n_evaluations=300)
    everything = set(itertools.product(*(range(n) for n in sizes)))
    assert {tuple(row) for row in visited.archs.tolist()} == everything


@pytest.mark.parametrize("population_size", [1, 2, 3])
def test_tiny_populations(kind: Any, population_size: int) -> None:
    visited = search(kind(population_size), trade_off, n_evaluations=200)
    assert len(visited.population) == population_size
    assert len(visited.archs) >= 200


def test_a_search_repeats_with_its_rng_and_leaves_global_generators_alone(
    algorithm: InnerAlgorithm,
) -> None:
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    found = [
        search(algorithm, trade_off, seed=s, n_evaluations=600).archs.tolist() for s in (0, 0, 1)
    ]
    assert before == (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    assert found[0] == found[1] != found[2]


def test_huge_losses_do_not_mislead_a_search(algorithm: InnerAlgorithm) -> None:
    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        losses, violations = distance(archs)
        losses[archs[:, 0] == 0] = 1e300
        return losses, violations

    assert search(algorithm, evaluate).losses.min() == 0


def test_our_own_search_predicts_no_network_twice() -> None:
    space = SearchSpace.from_choices(
        {"depth": [1, 2, 3], **{f"k{i}": [0, 1, 2] for i in range(4)}},
        {f"k{i}": {"depth": [3]} for i in range(4)},
    )
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0])

    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return space.canonical(archs) @ weights[:, None], np.zeros(len(archs))

    visited = search(
        VectorizedNSGA2(), evaluate, space.n_options, canonical=space.canonical, n_evaluations=500
    )
    networks = space.canonical(visited.archs)
    assert len(np.unique(networks, axis=0)) == len(networks) == space.size(effective=True) == 83


def test_mutation_can_be_switched_off() -> None:
    ours = VectorizedNSGA2(2, crossover=0.0, mutation=0.0, additive=False)
    for algorithm in (NSGA2(2, crossover=0.0, mutation=0.0), ours):
        visited = search(algorithm, distance, n_evaluations=100)
        assert len(visited.archs) == 2  # the random start, of which nothing new can come


def test_resample_takes_another_option_equally_often() -> None:
    archs = np.full((9000, 3), 1)
    changed = resample(archs, np.array([4, 2, 3]), 1.0, np.random.default_rng(0))
    assert (changed != archs).all()
    assert (archs == 1).all()
    shares = np.bincount(changed[:, 0], minlength=4) / 9000
    np.testing.assert_allclose(shares, [1 / 3, 0, 1 / 3, 1 / 3], atol=0.02)
    assert set(changed[:, 1].tolist()) == {0}
    np.testing.assert_allclose(np.bincount(changed[:, 2]) / 9000, [1 / 2, 0, 1 / 2], atol=0.02)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_resample_changes_with_its_probability(probability: float) -> None:
    archs = np.random.default_rng(1).integers(0, OPTIONS, size=(4000, 8))
    changed = resample(archs, OPTIONS, probability, np.random.default_rng(0)) != archs
    expected = np.where(OPTIONS > 1, probability, 0.0)
    np.testing.assert_allclose(changed.mean(axis=0), expected, atol=0.03)


def test_resample_of_nothing() -> None:
    rng = np.random.default_rng(0)
    assert resample(np.zeros((0, 8), dtype=np.int64), OPTIONS, 0.5, rng).shape == (0, 8)
    nothing = np.zeros((5, 0), dtype=np.int64)
    assert resample(nothing, np.zeros(0, dtype=np.int64), 0.5, rng).shape == (5, 0)


def test_make_algorithm() -> None:
    own = NSGA2(7)
    assert make_algorithm(own) is own
    for name, factory in ALGORITHMS.items():
        assert type(make_algorithm(name)) is type(factory())
    with pytest.raises(ValueError, match=r"Unknown algorithm 'nsga9'.*'nsga2'"):
        make_algorithm("nsga9")
    with pytest.raises(TypeError, match="called to search"):
        make_algorithm(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [3, 2_500])
def test_a_large_space_is_not_taken_for_exhausted(size: int) -> None:
    options = np.full(100, 50)  # too many for additive children

    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return archs[:, :2].astype(float), np.zeros(len(archs))

    algorithm = VectorizedNSGA2(size, max_evaluations=None)
    visited = search(algorithm, evaluate, options, n_evaluations=6_000)
    assert len(visited.archs) == 6_000
