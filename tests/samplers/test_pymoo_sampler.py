"""What PymooSampler promises, for every algorithm that has a name and for objects of pymoo's."""

import logging
import math
import pickle
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from optuna.trial import Trial, TrialState
from pymoo.algorithms.moo.moead import MOEAD as PymooMOEAD
from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
from pymoo.algorithms.moo.rvea import RVEA as PymooRVEA

from optuna_linas import PymooSampler, SearchSpace
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.evolution import (
    AGEMOEA,
    GA,
    PYMOO_ALGORITHMS,
    VectorizedNSGA2,
    Visited,
    make_algorithm,
)
from optuna_linas.evolution.directions import riesz_directions
from optuna_linas.evolution.generations import next_generation
from optuna_linas.pareto import hypervolume
from optuna_linas.samplers import MOTPE

SPACE_OF_64 = SearchSpace.from_choices({name: [0, 1, 2, 3] for name in "abc"})
SEVERAL = sorted(set(PYMOO_ALGORITHMS) - {"ga"})


class TestPymooBasic(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: PymooSampler("nsga2", population_size=4, seed=0)


class TestPymooRelative(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: PymooSampler("agemoea", population_size=2, seed=0)


def flat(trial: Trial) -> tuple[float, float]:
    a, b, c = (trial.suggest_categorical(name, [0, 1, 2, 3]) for name in "abc")
    return a + 2 * b - c, (a - 1) ** 2 + b + c


def conditional(trial: Trial) -> tuple[float, float]:
    depth = trial.suggest_categorical("depth", [1, 2, 3])
    kernels = [trial.suggest_categorical(f"kernel_{i}", [3, 5, 7]) for i in range(depth)]
    return sum(kernels) ** 0.5, depth + 0.1 * sum(kernels)


def sampler_of(name: str = "nsga2", **settings: Any) -> PymooSampler:
    if name == "object":
        return PymooSampler(PymooNSGA2(pop_size=6), seed=0, **settings)
    return PymooSampler(name, **{"population_size": 6, "seed": 0, **settings})


def run(objective: Callable[[Trial], Any], n: int, sampler: BaseSampler) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=n)
    return study


def params(study: Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials]


def n_different(study: Study) -> int:
    return len({tuple(sorted(trial.params.items())) for trial in study.trials})


@pytest.mark.parametrize("name", [*SEVERAL, "object"])
@pytest.mark.parametrize("space", [None, SPACE_OF_64])
def test_no_architecture_comes_twice_while_others_remain(
    name: str, space: SearchSpace | None
) -> None:
    study = run(flat, 66, sampler_of(name, space=space))
    assert len({tuple(sorted(t.params.items())) for t in study.trials[:64]}) == 64
    assert len(study.trials) == 66  # exhausted, it goes on with repetitions


@pytest.mark.parametrize("name", [*SEVERAL, "object"])
@pytest.mark.parametrize("stop", [3, 6, 11, 13])
def test_a_resumed_search_equals_an_uninterrupted_one(name: str, stop: int, tmp_path: Path) -> None:
    whole = run(conditional, 20, sampler_of(name))
    assert n_different(whole) == 20
    journal = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    for n in (stop, 20 - stop):
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(journal),
            study_name="resumed",
            load_if_exists=True,
            directions=["maximize", "minimize"],
            sampler=sampler_of(name),
        )
        study.optimize(conditional, n_trials=n)
    assert params(study) == params(whole)


def test_seeds_matter_and_global_generators_do_not() -> None:
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[union-attr]  # noqa: NPY002
    found = [params(run(flat, 20, sampler_of(seed=seed))) for seed in (0, 0, 1)]
    assert before == (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[union-attr]  # noqa: NPY002
    assert found[0] == found[1] != found[2]


def test_a_drawn_seed_is_kept_with_the_study() -> None:
    study = run(flat, 20, sampler_of(seed=None))
    again = sampler_of(seed=None)
    seed = study.sampler._dispatcher.seed_of(study)  # type: ignore[attr-defined]
    assert again._dispatcher.seed_of(study) == seed


def test_directions_are_symmetric() -> None:
    def negated(trial: Trial) -> tuple[float, float]:
        first, second = flat(trial)
        return -first, -second

    study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler_of())
    study.optimize(negated, n_trials=20)
    assert params(study) == params(run(flat, 20, sampler_of()))


@pytest.mark.parametrize("name", ["moead", "object"])
def test_a_pickled_sampler_goes_on(name: str) -> None:
    study = run(flat, 8, sampler_of(name))
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    study.sampler.reseed_rng()
    study.optimize(flat, n_trials=8)
    assert params(study) == params(run(flat, 16, sampler_of(name)))


def test_workers_with_samplers_of_their_own_share_a_study(tmp_path: Path) -> None:
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{tmp_path}/study.db", engine_kwargs={"connect_args": {"timeout": 60}}
    )
    optuna.create_study(storage=storage, study_name="shared", directions=["maximize", "minimize"])

    def work() -> None:
        sampler = sampler_of("ctaea", space=SPACE_OF_64)
        study = optuna.load_study(storage=storage, study_name="shared", sampler=sampler)
        study.optimize(flat, n_trials=7)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = optuna.load_study(storage=storage, study_name="shared")
    assert len(study.trials) == n_different(study) == 28


def test_threads_share_a_study() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of("unsga3"))
    study.optimize(flat, n_trials=40, n_jobs=4)
    assert n_different(study) == 40
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


def test_a_failed_trial_frees_its_place_but_is_not_tried_again() -> None:
    def fragile(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        if trial.params["a"] == 3:
            raise RuntimeError("out of memory")
        return (math.nan, 1.0) if trial.params["b"] == 3 else values

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of("moead"))
    study.optimize(fragile, n_trials=40, catch=RuntimeError)
    assert n_different(study) == 40
    batches = [study.sampler._dispatcher.claim_of(t).batch for t in study.trials]  # type: ignore[attr-defined]
    complete = [b for b, t in zip(batches, study.trials, strict=True) if t.values is not None]
    assert [complete.count(batch) for batch in (0, 1, 2)] == [6, 6, 6]


def test_a_killed_worker_costs_one_place() -> None:
    study = run(flat, 7, sampler_of())
    flat(study.ask())
    study.optimize(flat, n_trials=30)
    assert n_different(study) == 38


def test_enqueued_and_added_trials_are_parents() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of())
    study.enqueue_trial({"a": 3, "b": 3, "c": 0})
    for other in run(flat, 6, sampler_of(seed=9)).trials:
        study.add_trial(other)
    study.optimize(flat, n_trials=20)
    batches = [study.sampler._dispatcher.claim_of(t) for t in study.trials[7:]]  # type: ignore[attr-defined]
    assert all(claim.batch > 0 for claim in batches[1:])
    assert n_different(study) == len(study.trials)


# C-TAEA breeds beyond a constraint on purpose; that its archive is feasible is tested elsewhere.
@pytest.mark.parametrize("name", sorted(set(SEVERAL) - {"ctaea"}))
def test_constraints_are_respected(name: str) -> None:
    def limited(trial: Trial) -> tuple[float, float]:
        x = [trial.suggest_categorical(f"x{i}", [0, 1, 2, 3]) for i in range(6)]
        trial.set_constraint("small", sum(x[:4]) - 4.0)
        return float(sum(x)), float(sum(v * v for v in x[3:]))

    studies = [run(limited, 200, sampler_of(name, population_size=20, seed=s)) for s in range(3)]
    feasible = np.array([[t.constraints["small"] <= 0 for t in study.trials] for study in studies])
    assert feasible[:, 120:].mean() > 1.5 * feasible[:, :20].mean()


@pytest.mark.parametrize("name", SEVERAL)
def test_a_violation_may_be_infinite(name: str) -> None:
    def limited(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        trial.set_constraint("size", math.inf if trial.params["a"] > 1 else -math.inf)
        return values

    assert n_different(run(limited, 40, sampler_of(name))) == 40


def test_the_older_constraints_function() -> None:
    shares = []
    for seed in range(8):
        sampler = sampler_of(
            "agemoea", seed=seed, constraints_func=lambda trial: (float(trial.params["a"]),)
        )
        study = run(flat, 30, sampler)
        shares.append(np.mean([trial.params["a"] <= 1 for trial in study.trials[6:]]))
    assert np.mean(shares) > 0.57  # of the space it is half


@pytest.mark.parametrize("name", SEVERAL)
def test_it_learns_from_what_it_measures(name: str) -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        x = np.array([trial.suggest_categorical(f"x{i}", [0, 1, 2, 3]) for i in range(12)])
        g = 1 + x[3:].mean()
        angle = x[:3].mean() * np.pi / 6
        return -g * math.cos(angle), g * math.sin(angle)

    def volume(sampler: BaseSampler) -> float:
        study = run(objective, 160, sampler)
        return hypervolume([[-t.values[0], t.values[1]] for t in study.trials], [4.0, 4.0])

    own = volume(sampler_of(name, population_size=20))
    assert own > volume(optuna.samplers.RandomSampler(seed=0)) + 0.2


@pytest.mark.parametrize("name", ["ga", "nsga2", "agemoea", "unsga3"])
def test_one_objective_with_numbers(name: str) -> None:
    def mixed(trial: Trial) -> float:
        x = trial.suggest_float("x", -2, 2)
        layers = trial.suggest_int("layers", 1, 8, log=True)
        loss = (x - 0.7) ** 2 + abs(layers - 5)
        return loss + trial.suggest_float("dropout", 0, 1, step=0.25) if layers > 3 else loss

    study = optuna.create_study(sampler=sampler_of(name, population_size=10))
    study.optimize(mixed, n_trials=100)
    values = [trial.value for trial in study.trials]
    assert np.median(values[-30:]) < np.median(values[:10])


def test_the_parents_are_the_best_of_what_was_measured() -> None:
    """As in any (mu + lambda) algorithm, and children consist of what their parents have."""
    n_options = np.full(40, 1000)
    archs = np.random.default_rng(0).integers(0, n_options, size=(30, 40))
    losses = archs[:, :1] * 1.0
    children = next_generation(
        GA(8, crossover=1.0, mutation=0.0),
        n_options,
        archs=archs,
        losses=losses,
        violations=np.zeros(30),
        taken={row.tobytes() for row in archs},
        n=8,
        canonical=lambda rows: rows,
        rng=np.random.default_rng(1),
    )
    assert children.shape == (8, 40)
    best = archs[np.argsort(losses[:, 0])[:8]]
    assert all(np.isin(children[:, j], best[:, j]).all() for j in range(40))


@pytest.mark.parametrize("m", [1, 2, 3])
def test_motpe_searches_predictions(m: int, capsys: pytest.CaptureFixture[str]) -> None:
    options = np.array([4, 4, 4, 4, 4, 40])
    seeds = np.array([[3, 3, 3, 3, 3, 39]])

    def evaluate(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = rows / (options - 1)
        losses = np.stack([shares.sum(axis=1), ((1 - shares) ** 2).sum(axis=1), shares[:, 0]], 1)
        losses[rows[:, 0] == 3] = 1e300
        return losses[:, :m], np.maximum(rows[:, 1] - 1.0, 0.0)

    def search(seed: int) -> Visited:
        return make_algorithm("motpe", {"motpe": MOTPE})(
            evaluate,
            options,
            n_objectives=m,
            n_evaluations=60,
            seeds=seeds,
            canonical=lambda rows: rows,
            rng=np.random.default_rng(seed),
        )

    optuna.logging.set_verbosity(optuna.logging.INFO)
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[union-attr]  # noqa: NPY002
    visited, again, other = search(0), search(0), search(1)
    assert before == (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[union-attr]  # noqa: NPY002
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert not capsys.readouterr().err
    assert visited.archs.shape == (60, 6)
    assert visited.archs[0].tolist() == seeds[0].tolist()
    assert visited.archs.tolist() == again.archs.tolist() != other.archs.tolist()
    assert ((visited.archs >= 0) & (visited.archs < options)).all()
    assert visited.losses.tolist() == evaluate(visited.archs)[0].tolist()
    assert (visited.violations[visited.population] == 0).all()
    assert (visited.violations[30:] == 0).mean() > 0.6


def test_motpe_stops_at_its_most_and_survives_tiny_spaces() -> None:
    for n_options in (np.array([1]), np.array([2, 2])):
        visited = MOTPE(max_evaluations=20)(
            lambda rows: (np.full((len(rows), 2), np.nan), np.zeros(len(rows))),
            n_options,
            n_objectives=2,
            n_evaluations=20_000,
            seeds=np.zeros((0, len(n_options)), dtype=np.int64),
            canonical=lambda rows: rows,
            rng=np.random.default_rng(0),
        )
        assert len(visited.archs) == 20
    with pytest.raises(ValueError, match="max_evaluations must be at least 1"):
        MOTPE(max_evaluations=0)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"algorithm": "nsga9"}, ValueError, "Unknown algorithm 'nsga9'. Choose one of"),
        ({"algorithm": VectorizedNSGA2()}, TypeError, "algorithm of pymoo's, which"),
        ({"algorithm": AGEMOEA(9), "population_size": 3}, ValueError, "has one of its own .9."),
        ({"population_size": 0}, ValueError, "population_size must be at least 1"),
        ({"space": ["a"]}, TypeError, "SearchSpace"),
        ({"constraints_func": 3}, TypeError, "constraints_func is called"),
        ({"independent_sampler": 3}, TypeError, "independent_sampler is an Optuna sampler"),
    ],
)
def test_bad_settings_are_explained(
    settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        PymooSampler(**settings)


@pytest.mark.parametrize(
    ("name", "directions"), [("ga", ["minimize"] * 2), ("moead", ["minimize"])]
)
def test_a_wrong_number_of_objectives_is_explained_on_the_first_trial(
    name: str, directions: list[str]
) -> None:
    study = optuna.create_study(directions=directions, sampler=PymooSampler(name))
    with pytest.raises(ValueError, match="objectives"):
        study.optimize(lambda trial: flat(trial)[: len(directions)], n_trials=1)


@pytest.mark.parametrize("algorithm", [PymooRVEA, PymooMOEAD])
def test_an_object_that_cannot_search_is_explained_on_the_first_trial(algorithm: Any) -> None:
    sampler = PymooSampler(algorithm(riesz_directions(2, 6)), seed=0)
    with pytest.raises(ValueError, match=r"of pymoo cannot search here.*Choose by name"):
        run(flat, 1, sampler)


def test_a_space_that_does_not_fit_is_explained() -> None:
    space = SearchSpace.from_choices({"a": [0, 1], "b": [0, 1, 2, 3], "c": [0, 1, 2, 3]})
    with pytest.raises(SpaceMismatchError, match=r"declares 'a' as .* but the objective suggests"):
        run(flat, 1, sampler_of(space=space))
    space = SearchSpace.from_choices({"a": [0, 1, 2, 3], "z": [0, 1]})
    with pytest.raises(SpaceMismatchError, match=r"does not fit .* lack 'z'"):
        run(flat, 2, sampler_of(space=space))


def test_a_new_parameter_is_sampled_at_random_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def grows(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        if trial.number == 8:
            trial.suggest_float("new", 0, 1)
        return values

    optuna.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        run(grows, 12, sampler_of())
    optuna.logging.disable_propagation()
    (message,) = {record.getMessage() for record in caplog.records}
    assert "'new' in Trial#8 is sampled independently instead of by `PymooSampler`" in message
