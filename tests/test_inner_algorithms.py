"""What every inner algorithm that has a name promises, whichever numbers of objectives it takes."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pymoo.algorithms.moo.ctaea import CTAEA as PymooCTAEA
from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
from pymoo.algorithms.soo.nonconvex.de import DE
from pymoo.algorithms.soo.nonconvex.ga import GA as PymooGA
from pymoo.algorithms.soo.nonconvex.pso import PSO
from pymoo.core.mating import Mating
from pymoo.core.population import Population

from optuna_linas.evolution import (
    AGEMOEA,
    ALGORITHMS,
    CTAEA,
    MOEAD,
    PYMOO_ALGORITHMS,
    UNSGA3,
    Evaluate,
    InnerAlgorithm,
    PymooAlgorithm,
    PymooObject,
    Visited,
    make_algorithm,
)
from optuna_linas.evolution.directions import riesz_directions
from optuna_linas.evolution.geometry import survival_scores
from optuna_linas.evolution.pymoo_parts import NicheTournament, SynchronousMOEAD
from optuna_linas.pareto import hypervolume
from tests import inner_search

OPTIONS = np.array([3, 4, 2, 5, 3, 4, 1, 6])
FACTORIES: dict[str, Callable[[], InnerAlgorithm]] = {
    **ALGORITHMS,
    "small": lambda: UNSGA3(8),
    "object": lambda: make_algorithm(PymooNSGA2(pop_size=20)),
}
NUMBERS = {"ga": (1,), "ctaea": (2, 3), "moead": (2, 3)}
"""The numbers of objectives that an algorithm takes, where it does not take all."""
CASES = [(name, m) for name in FACTORIES for m in NUMBERS.get(name, (1, 2, 3))]


def trade_offs(archs: np.ndarray) -> np.ndarray:
    weights = np.arange(1, archs.shape[1] + 1)
    cost = (archs * weights).sum(axis=1).astype(float)
    gain = -(archs * weights**2).sum(axis=1).astype(float)
    return np.stack([cost, gain, ((archs - 1.3) ** 2).sum(axis=1)], axis=1)


def sphere(archs: np.ndarray) -> np.ndarray:
    """DTLZ2: three variables for each of the two angles, the others for the distance."""
    first, second = archs[:, :3].mean(axis=1) * np.pi / 6, archs[:, 3:6].mean(axis=1) * np.pi / 6
    g = 1 + archs[:, 6:].mean(axis=1)
    return np.stack(
        [
            g * np.cos(first) * np.cos(second),
            g * np.sin(first),
            g * np.cos(first) * np.sin(second),
        ],
        axis=1,
    )


def problem(m: int) -> Evaluate:
    return lambda archs: (trade_offs(archs)[:, :m], np.zeros(len(archs)))


def search(
    algorithm: InnerAlgorithm,
    evaluate: Evaluate,
    m: int,
    n_options: np.ndarray = OPTIONS,
    **changes: Any,
) -> Visited:
    settings = {"n_objectives": m, "n_evaluations": 600} | changes
    return inner_search.search(algorithm, evaluate, n_options, **settings)


def generation(algorithm: InnerAlgorithm, m: int) -> int:
    if isinstance(algorithm, PymooAlgorithm):
        return 231 if algorithm == MOEAD() and m == 3 else algorithm.generation
    return 1


@pytest.mark.parametrize(("name", "m"), [case for case in CASES if case[0] != "object"])
def test_a_search_is_better_than_chance(name: str, m: int) -> None:
    n_options = np.full(30, 4)
    rows = np.random.default_rng(5).integers(0, n_options, size=(600, 30))
    reference = np.full(m, 5.0)

    def losses(archs: np.ndarray) -> np.ndarray:
        return sphere(archs)[:, :m] if m > 1 else 1 + archs.mean(axis=1, keepdims=True)

    evaluate: Evaluate = lambda archs: (losses(archs), np.zeros(len(archs)))  # noqa: E731
    visited = search(FACTORIES[name](), evaluate, m, n_options)
    gain = hypervolume(visited.losses, reference) - hypervolume(losses(rows), reference)
    assert gain > 0.1


@pytest.mark.parametrize(("name", "m"), CASES)
def test_what_was_visited_is_what_was_evaluated(name: str, m: int) -> None:
    calls: list[np.ndarray] = []

    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(archs.copy())
        return trade_offs(archs)[:, :m], (archs[:, 0] == 0).astype(float)

    algorithm = FACTORIES[name]()
    visited = search(algorithm, evaluate, m, n_evaluations=300)
    assert visited.archs.tolist() == np.concatenate(calls).tolist()
    assert visited.losses.tolist() == trade_offs(visited.archs)[:, :m].tolist()
    assert visited.violations.tolist() == (visited.archs[:, 0] == 0).astype(float).tolist()
    assert visited.archs.dtype == visited.population.dtype == np.int64
    assert ((visited.archs >= 0) & (visited.archs < OPTIONS)).all()
    assert len(set(visited.population.tolist())) == len(visited.population) > 0
    assert 300 <= len(visited.archs) < 300 + generation(algorithm, m)


@pytest.mark.parametrize(("name", "m"), [case for case in CASES if case[0] != "object"])
def test_seeds_start_in_the_population(name: str, m: int) -> None:
    seeds = np.array([[2, 3, 1, 4, 2, 3, 0, 5], [0, 0, 0, 0, 0, 0, 0, 1]])
    visited = search(FACTORIES[name](), problem(m), m, seeds=seeds, n_evaluations=60)
    assert visited.archs[:2].tolist() == seeds.tolist()


@pytest.mark.parametrize(("name", "m"), CASES)
@pytest.mark.parametrize("violation", [0.0, 1.0])
def test_a_search_repeats_with_its_rng(name: str, m: int, violation: float) -> None:
    # Where all rows violate equally only chance decides, and that must come from rng as well.
    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return trade_offs(archs)[:, :m], np.full(len(archs), violation)

    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    found = [
        search(FACTORIES[name](), evaluate, m, seed=s, n_evaluations=300).archs.tolist()
        for s in (0, 0, 1)
    ]
    assert before == (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("sizes", [[1], [2], [1, 1], [2, 2], [7], [2, 2, 2], [8, 1]])
@pytest.mark.parametrize(("name", "m"), CASES)
def test_tiny_spaces(name: str, m: int, sizes: list[int]) -> None:
    everything = set(itertools.product(*(range(n) for n in sizes)))
    visited = search(FACTORIES[name](), problem(m), m, np.array(sizes), n_evaluations=150)
    found = {tuple(row) for row in visited.archs.tolist()}
    assert found <= everything
    assert len(found) >= min(4, len(everything))


@pytest.mark.parametrize("name", ["nsga2", "ga"])
def test_a_space_that_a_population_nearly_fills_is_not_mated_for_long(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    mate = Mating._do

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return mate(*args, **kwargs)

    monkeypatch.setattr(Mating, "_do", counted)
    m = NUMBERS.get(name, (2,))[0]
    visited = search(make_algorithm(name), problem(m), m, np.array([26, 2]), n_evaluations=208)
    assert 45 <= len({row.tobytes() for row in visited.archs}) <= len(visited.archs) < 104
    assert len(calls) < 100  # several thousand, where each generation mates until it is full


@pytest.mark.parametrize(("name", "m"), CASES)
def test_a_search_that_finds_nothing_new_ends(name: str, m: int) -> None:
    # One network, whatever the row says.
    def canonical(archs: np.ndarray) -> np.ndarray:
        return np.zeros_like(archs)

    sizes = np.full(12, 4)
    algorithm = FACTORIES[name]()
    if isinstance(algorithm, PymooAlgorithm):
        visited = search(algorithm, problem(m), m, sizes, n_evaluations=5000, canonical=canonical)
        assert len(visited.archs) <= 12 * generation(algorithm, m)


@pytest.mark.parametrize(("name", "m"), CASES)
def test_constraints_are_respected(name: str, m: int) -> None:
    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return trade_offs(archs)[:, :m], np.maximum(archs[:, :4].sum(axis=1) - 3.0, 0.0)

    visited = search(FACTORIES[name](), evaluate, m, n_evaluations=1000)
    late = visited.violations[-200:] == 0
    start = visited.violations[:50] == 0
    assert late.mean() > start.mean()
    assert (visited.violations[visited.population] == 0).mean() > 0.9


@pytest.mark.parametrize(("name", "m"), CASES)
def test_nothing_feasible_and_huge_losses(name: str, m: int) -> None:
    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        losses = trade_offs(archs)[:, :m]
        losses[archs[:, 0] == 0] = 1e300
        return losses, 1.0 + archs[:, 1]

    visited = search(FACTORIES[name](), evaluate, m)
    assert visited.violations[visited.population].min() == 1.0


@pytest.mark.parametrize(
    ("name", "m", "says"),
    [
        ("ga", 2, "'ga' has no way to weigh 2 objectives"),
        ("ctaea", 1, "'ctaea' spreads its rows .* Choose 'ga'"),
        ("moead", 1, "'moead' spreads its rows .* Choose 'ga'"),
    ],
)
def test_other_numbers_of_objectives_are_explained(name: str, m: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        search(make_algorithm(name), problem(m), m)


def test_bad_settings_are_explained() -> None:
    for algorithm in (AGEMOEA, UNSGA3, CTAEA, MOEAD):
        with pytest.raises(ValueError, match="population_size must be at least 1, got 0"):
            algorithm(population_size=0)
        with pytest.raises(ValueError, match="mutation is a probability"):
            algorithm(mutation=2.0)
    with pytest.raises(ValueError, match="2 reference directions cannot cover 3 objectives"):
        search(UNSGA3(2), problem(3), 3)


@pytest.mark.parametrize("kind", [PymooGA, PSO, DE])
def test_pymoo_objects_for_one_objective_are_explained(kind: Any) -> None:
    algorithm = make_algorithm(kind(pop_size=20))
    with pytest.raises(ValueError, match="of pymoo is for one objective, but the search has 2"):
        search(algorithm, problem(2), 2)


def test_names_of_higher_floors_join_the_table() -> None:
    made = make_algorithm("mine", {"mine": lambda: AGEMOEA(7)})
    assert made == AGEMOEA(7)
    with pytest.raises(ValueError, match=r"Choose one of .*'mine'"):
        make_algorithm("other", {"mine": AGEMOEA})
    assert set(PYMOO_ALGORITHMS) < set(ALGORITHMS)


def test_a_pymoo_object_is_copied_for_each_search() -> None:
    given = PymooNSGA2(pop_size=20)
    algorithm = make_algorithm(given)
    assert isinstance(algorithm, PymooObject)
    found = [search(algorithm, problem(2), 2).archs.tolist() for _ in range(2)]
    assert found[0] == found[1]
    assert given.pop is None
    assert (algorithm.generation, algorithm.start) == (20, 20)
    steady = PymooObject(PymooNSGA2(pop_size=20, n_offsprings=5))
    assert (steady.generation, steady.start) == (5, 20)
    # An algorithm that moves through real numbers.
    visited = search(make_algorithm(DE(pop_size=20)), problem(1), 1)
    assert visited.losses.min() == 0


def test_directions_of_an_object_for_other_objectives_are_explained() -> None:
    algorithm = make_algorithm(PymooCTAEA(riesz_directions(3, 10)))
    with pytest.raises(ValueError, match="CTAEA are for 3 objectives, but the search has 2"):
        search(algorithm, problem(2), 2)


@pytest.mark.parametrize(("m", "n"), [(2, 2), (2, 21), (3, 10), (4, 20)])
def test_riesz_directions_cover_the_simplex(m: int, n: int) -> None:
    directions = riesz_directions(m, n)
    np.testing.assert_allclose(directions.sum(axis=1), 1.0)
    assert directions.shape == (n, m)
    gaps = np.linalg.norm(directions[:, None] - directions, axis=2) + np.eye(n) * 9
    assert gaps.min() > 0.2 * gaps.min(axis=1).max()
    directions[:] = 0  # a copy: the next caller gets its own
    assert riesz_directions(m, n).any()


def naive_scores(losses: np.ndarray, p: float) -> list[float]:
    """The first front's scores, row by row, for losses in [0, 1] with the corners 0 and -1."""
    norm = (losses**p).sum(axis=1) ** (1 / p)
    scores, chosen = [0.0] * len(losses), [0, len(losses) - 1]
    scores[0] = scores[-1] = np.inf
    while len(chosen) < len(losses):
        best = (-1.0, -1)
        for i in set(range(len(losses))) - set(chosen):
            to = sorted((abs(losses[i] - losses[j]) ** p).sum() ** (1 / p) for j in chosen)
            best = max(best, (sum(to[:2]) / norm[i], i))
        scores[best[1]] = best[0]
        chosen.append(best[1])
    return scores


@pytest.mark.parametrize(("p", "power"), [(2.0, 2.0), (2.0, 3.0), (1.5, 2.0)])
def test_the_geometry_of_a_front_gives_its_distances(p: float, power: float) -> None:
    # On a circle (p = 2) or a flatter curve, unevenly spread.
    angle = np.linspace(0, 1, 9) ** power * np.pi / 2
    losses = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    losses = np.abs(losses) / (losses**p).sum(axis=1, keepdims=True) ** (1 / p)
    middle = np.full(2, 0.5 ** (1 / p))
    losses = np.concatenate([losses[:4], middle[None], losses[5:]])
    shifted = 100 * losses * [1, 3] - 7  # scale and place do not matter
    rank, scores = survival_scores(shifted)
    assert (rank == 0).all()
    np.testing.assert_allclose(scores, naive_scores(losses, p), rtol=1e-6)


def test_scores_behind_the_first_front_are_proximity() -> None:
    losses = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [1.0, 1.0], [0.6, 0.6], [2.0, 2.0]])
    rank, scores = survival_scores(losses)
    assert rank.tolist() == [0, 0, 0, 2, 1, 3]
    np.testing.assert_allclose(scores[3:], [1 / 2.0, 1 / 1.2, 1 / 4.0])


@pytest.mark.parametrize("m", [1, 2, 3])
def test_scores_of_degenerate_fronts(m: int) -> None:
    for losses in (np.zeros((6, m)), np.arange(6.0)[:, None].repeat(m, 1), np.full((1, m), 3.0)):
        rank, scores = survival_scores(losses)
        assert not np.isnan(scores).any()
        assert rank.tolist() == (list(range(6)) if np.ptp(losses) else [0] * len(losses))


def test_the_niche_tournament() -> None:
    pop = Population.new("X", np.zeros((6, 1)), "CV", np.array([[0.0]] * 4 + [[1.0], [2.0]]))
    for ind, niche, rank, off in zip(
        pop, [0, 0, 0, 1, 1, 1], [0, 1, 0, 2, 0, 0], [0.3, 0.1, 0.2, 0.0, 0.0, 0.0], strict=True
    ):
        ind.data.update(niche=niche, rank=rank, dist_to_niche=off)
    pairs = np.array([[0, 1], [1, 0], [0, 2], [3, 4], [5, 4]])
    tournament = NicheTournament().func_comp
    winners = tournament(pop, pairs, random_state=np.random.default_rng(0))[:, 0]
    assert winners.tolist() == [0, 0, 2, 3, 4]
    many = np.tile([0, 3], (400, 1))  # different niches: chance
    chance = tournament(pop, many, random_state=np.random.default_rng(0))
    assert 0.4 < (chance == 0).mean() < 0.6


def test_a_child_replaces_neighbours_that_it_beats() -> None:
    algorithm = SynchronousMOEAD(riesz_directions(2, 5), n_neighbors=3)
    from optuna_linas.evolution.recording import RecordingProblem

    algorithm.setup(RecordingProblem(problem(2), OPTIONS, 2))
    losses = np.array([[1.0, 1.0]] * 5)
    algorithm.pop = Population.new("X", np.zeros((5, 8)), "F", losses, "G", np.full((5, 1), 2.0))
    for ind, violation in zip(algorithm.pop, [0.0, 0.0, 2.0, 2.0, 2.0], strict=True):
        ind.CV[:] = violation
    algorithm.ideal = np.zeros(2)
    child = Population.new("X", np.ones((1, 8)), "F", np.array([[9.0, 9.0]]))[0]
    child.CV = np.array([1.0])
    algorithm._replace(2, child)
    assert [ind is child for ind in algorithm.pop] == [False, False, True, True, False]
