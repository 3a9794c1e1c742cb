"""What LINASSampler promises: resumable, never the same network twice, clear errors."""

import logging
import math
import pickle
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState

from optuna_linas import Attr, LINASSampler, SearchSpace
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.linas import Settings

SPACE_OF_64 = SearchSpace.from_choices({name: [0, 1, 2, 3] for name in "abc"})
CONDITIONAL = SearchSpace.from_choices(
    {"depth": [1, 2, 3], **{f"kernel_{i}": [3, 5, 7] for i in range(3)}},
    conditions={"kernel_1": {"depth": [2, 3]}, "kernel_2": {"depth": [3]}},
)


def quick(**settings: object) -> LINASSampler:
    defaults: dict[str, object] = {
        "n_startup_trials": 6,
        "batch_size": 4,
        "n_inner_evaluations": 300,
        "seed": 0,
    }
    return LINASSampler(**{**defaults, **settings})  # type: ignore[arg-type]


def flat(trial: Trial) -> tuple[float, float]:
    a, b, c = (trial.suggest_categorical(name, [0, 1, 2, 3]) for name in "abc")
    return a + 2 * b - c, (a - 1) ** 2 + b + c


def conditional(trial: Trial) -> tuple[float, float]:
    depth = trial.suggest_categorical("depth", [1, 2, 3])
    kernels = [trial.suggest_categorical(f"kernel_{i}", [3, 5, 7]) for i in range(depth)]
    return sum(kernels) ** 0.5, depth + 0.1 * sum(kernels)


def run(objective: Callable[[Trial], object], n: int, sampler: LINASSampler) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=n)  # type: ignore[arg-type]
    return study


def params(study: Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials]


def n_different(study: Study) -> int:
    return len({tuple(sorted(trial.params.items())) for trial in study.trials})


@pytest.mark.parametrize("space", [None, SPACE_OF_64])
def test_no_architecture_comes_twice_while_others_remain(space: SearchSpace | None) -> None:
    study = run(flat, 70, quick(space=space))
    assert n_different(study) == 64
    assert len({tuple(sorted(t.params.items())) for t in study.trials[:64]}) == 64
    assert len(study.trials) == 70  # exhausted, it goes on with repetitions


@pytest.mark.parametrize("space", [None, CONDITIONAL])
def test_no_effective_network_comes_twice(space: SearchSpace | None) -> None:
    study = run(conditional, 39, quick(space=space))
    assert CONDITIONAL.size(effective=True) == 39
    assert n_different(study) == 39


@pytest.mark.parametrize("objective", [flat, conditional])
@pytest.mark.parametrize("stop", [1, 3, 6, 8, 10, 13])
def test_a_resumed_search_equals_an_uninterrupted_one(
    objective: Callable[[Trial], object], stop: int, tmp_path: Path
) -> None:
    whole = run(objective, 18, quick())
    url = f"sqlite:///{tmp_path}/study.db"
    for n in (stop, 18 - stop):
        study = optuna.create_study(
            storage=url,
            study_name="resumed",
            load_if_exists=True,
            directions=["maximize", "minimize"],
            sampler=quick(),
        )
        study.optimize(objective, n_trials=n)  # type: ignore[arg-type]
    assert params(study) == params(whole)


def test_a_drawn_seed_is_kept_with_the_study(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    studies = []
    for part in ("a", "b"):
        study = optuna.create_study(
            storage=url, study_name=part, directions=["maximize"] * 2, sampler=quick(seed=None)
        )
        study.optimize(flat, n_trials=8)
        again = optuna.load_study(storage=url, study_name=part, sampler=quick(seed=None))
        seed = study.sampler._dispatcher.seed_of(study)  # type: ignore[attr-defined]
        assert again.sampler._dispatcher.seed_of(again) == seed  # type: ignore[attr-defined]
        studies.append(seed)
    assert studies[0] != studies[1]


def test_reproducible_in_another_process() -> None:
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.samplers.test_linas import *\n"
        "optuna.logging.set_verbosity(optuna.logging.WARNING)\n"
        "print(params(run(conditional, 14, quick())))"
    )
    here = str(params(run(conditional, 14, quick())))
    for hash_seed in ("0", "1"):
        there = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_seeds_matter() -> None:
    assert params(run(flat, 12, quick(seed=0))) != params(run(flat, 12, quick(seed=1)))


def test_directions_are_symmetric() -> None:
    def negated(trial: Trial) -> tuple[float, float]:
        first, second = flat(trial)
        return -first, -second

    study = optuna.create_study(directions=["minimize", "maximize"], sampler=quick())
    study.optimize(negated, n_trials=18)
    assert params(study) == params(run(flat, 18, quick()))


def test_reseeding_and_global_generators_change_nothing() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=quick())
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[union-attr]  # noqa: NPY002
    for _ in range(12):
        study.optimize(flat, n_trials=1)
        study.sampler.reseed_rng()
    assert before == (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[union-attr]  # noqa: NPY002
    assert params(study) == params(run(flat, 12, quick()))


def test_a_pickled_sampler_goes_on() -> None:
    study = run(flat, 8, quick())
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    study.optimize(flat, n_trials=8)
    assert params(study) == params(run(flat, 16, quick()))


def test_threads_share_a_study() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=quick())
    study.optimize(flat, n_trials=60, n_jobs=6)
    assert n_different(study) == 60
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


@pytest.mark.parametrize("space", [None, SPACE_OF_64])
def test_workers_with_samplers_of_their_own_share_a_study(
    space: SearchSpace | None, tmp_path: Path
) -> None:
    # Six samplers that know nothing of one another, as six processes would have.
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{tmp_path}/study.db", engine_kwargs={"connect_args": {"timeout": 60}}
    )
    first = optuna.create_study(
        storage=storage,
        study_name="shared",
        directions=["maximize", "minimize"],
        sampler=quick(space=space),
    )
    # Before a trial is complete an undeclared space is unknown to everyone.
    first.optimize(flat, n_trials=1 if space is None else 0)

    def work() -> None:
        sampler = quick(space=space)
        study = optuna.load_study(storage=storage, study_name="shared", sampler=sampler)
        study.optimize(flat, n_trials=8)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = optuna.load_study(storage=storage, study_name="shared")
    assert len(study.trials) == n_different(study) == 48 + (space is None)


def test_many_asked_at_once_are_all_different() -> None:
    study = run(flat, 6, quick())
    asked = [study.ask() for _ in range(12)]
    rows = {tuple(trial.suggest_categorical(n, [0, 1, 2, 3]) for n in "abc") for trial in asked}
    assert len(rows) == 12


def test_a_failed_trial_frees_its_place_but_is_not_tried_again() -> None:
    def fragile(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        if trial.params["a"] == 3 and trial.params["c"] == 0:
            raise RuntimeError("out of memory")
        return (math.nan, 1.0) if trial.params["b"] == 3 and trial.params["a"] < 2 else values

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=quick())
    study.optimize(fragile, n_trials=40, catch=RuntimeError)
    failed = [t for t in study.trials if t.state == TrialState.FAIL]
    assert failed
    assert n_different(study) == 40
    # The start has its six complete trials although some of it failed.
    batches = [study.sampler._dispatcher.claim_of(t).batch for t in study.trials]  # type: ignore[attr-defined]
    complete = [b for b, t in zip(batches, study.trials, strict=True) if t.values is not None]
    assert complete.count(0) == 6
    assert complete.count(1) == 4


def test_a_killed_worker_costs_one_place() -> None:
    study = run(flat, 7, quick())
    orphan = study.ask()
    taken = flat(orphan)
    study.optimize(flat, n_trials=30)
    assert taken is not None
    assert n_different(study) == 38
    assert study.trials[7].state == TrialState.RUNNING


@pytest.mark.parametrize("n_before", [0, 20])
def test_partly_enqueued_trials_are_all_different(n_before: int) -> None:
    study = run(flat, n_before, quick())
    for _ in range(10):
        study.enqueue_trial({"a": 1})
    study.optimize(flat, n_trials=10)
    assert all(p["a"] == 1 for p in params(study)[n_before:])
    with_one = [tuple(sorted(p.items())) for p in params(study) if p["a"] == 1]
    assert len(set(with_one)) == min(len(with_one), 16)  # there are no more


def test_a_row_that_became_another_network_is_not_handed_out_again() -> None:
    def fewer(trial: Trial) -> tuple[float, float]:  # the objective has lost a parameter
        if trial.number < 12:
            return flat(trial)
        a, b = (trial.suggest_categorical(name, [0, 1, 2, 3]) for name in "ab")
        return a + b, a - b

    study = run(fewer, 12 + 16, quick())
    assert len({tuple(p.items()) for p in params(study)[12:]}) > 6


def test_a_fixed_parameter_leaves_the_others_to_vary_and_costs_no_architecture() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        fixed = optuna.samplers.PartialFixedSampler({"a": 2}, quick(space=SPACE_OF_64))
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=fixed)
    study.optimize(flat, n_trials=32)
    assert len({tuple(p.items()) for p in params(study)}) > 8
    study.sampler = quick(space=SPACE_OF_64)
    seen = n_different(study)
    study.optimize(flat, n_trials=64 - seen)
    assert n_different(study) == 64


def test_enqueued_and_added_trials_are_training_data() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=quick())
    study.enqueue_trial({"a": 3, "b": 3, "c": 0})
    study.enqueue_trial({"a": 2})
    for other in run(flat, 4, quick(seed=9)).trials:
        study.add_trial(other)
    study.optimize(flat, n_trials=20)
    assert study.trials[0].params == {"a": 3, "b": 3, "c": 0}
    assert study.trials[1].params["a"] == 2
    own = [study.sampler._dispatcher.claim_of(t) for t in study.trials]  # type: ignore[attr-defined]
    # Six finished trials of others make the start; copies keep no claim of another study's plan.
    assert sum(claim is not None and claim.batch == 0 for claim in own[6:]) <= 2
    assert n_different(study) == len(study.trials)


def test_numbers_of_every_kind_and_conditions_between_them() -> None:
    def mixed(trial: Trial) -> float:
        x = trial.suggest_float("x", -2, 2)
        layers = trial.suggest_int("layers", 1, 8, log=True)
        units = trial.suggest_int("units", 8, 64, step=8)
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        loss = (x - 0.7) ** 2 + abs(math.log10(rate) + 2) + abs(units - 32) / 32
        if layers > 3:
            loss += trial.suggest_float("dropout", 0, 1, step=0.25)
        return loss

    def best(sampler: optuna.samplers.BaseSampler) -> float:
        study = optuna.create_study(sampler=sampler)
        study.optimize(mixed, n_trials=50)
        return study.best_value

    ours = [best(LINASSampler(seed=seed)) for seed in range(3)]
    uniform = [best(optuna.samplers.RandomSampler(seed=seed)) for seed in range(3)]
    assert np.mean(ours) < np.mean(uniform)


def test_constraints_of_both_kinds_are_respected() -> None:
    def newer(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        trial.set_constraint("small", trial.params["a"] - 1.0)
        return values

    for objective, sampler in (
        (newer, quick()),
        (flat, quick(constraints_func=lambda trial: (trial.params["a"] - 1.0,))),
    ):
        study = run(objective, 26, sampler)
        later = [trial.params["a"] <= 1 for trial in study.trials[6:]]
        assert sum(later) / len(later) > 0.8


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"n_startup_trials": -1}, ValueError, "n_startup_trials must be at least 0, got -1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"n_inner_evaluations": 1.5}, TypeError, "whole number"),
        ({"predictor": "rigde"}, ValueError, "Unknown predictor 'rigde'. Choose one of"),
        ({"predictor": []}, ValueError, "empty"),
        ({"predictor": object()}, TypeError, "fit"),
        ({"algorithm": "nsga"}, ValueError, "Unknown algorithm 'nsga'. Choose one of"),
        ({"space": ["a"]}, TypeError, "SearchSpace"),
        ({"space": {}}, ValueError, "no variables"),
        ({"seed": 1.5}, TypeError, "seed is a whole number or None"),
        ({"constraints_func": 3}, TypeError, "called with a trial"),
        ({"independent_sampler": 3}, TypeError, "an Optuna sampler"),
    ],
)
def test_bad_settings_are_explained(
    settings: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        quick(**settings)


def test_an_unknown_modality_is_explained() -> None:
    with pytest.raises(ValueError, match="Choose one of"):
        LINASSampler.paper("audio")  # type: ignore[arg-type]


def test_paper_settings_for_two_objectives_are_refused_before_anything_is_measured() -> None:
    study = optuna.create_study(sampler=LINASSampler.paper("translation", seed=0))
    with pytest.raises(ValueError, match=r"one predictor for all objectives or one for each"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


def test_a_space_of_another_scale_is_explained_on_the_first_trial() -> None:
    space = {"x": optuna.distributions.FloatDistribution(1, 3, log=True)}
    with pytest.raises(SpaceMismatchError, match="Make the two the same"):
        run(lambda trial: (trial.suggest_float("x", 1, 3), 0.0), 1, quick(space=space))


def test_a_space_with_other_choices_is_explained_on_the_first_trial() -> None:
    space = SearchSpace.from_choices({"a": [0, 1], "b": [0, 1, 2, 3], "c": [0, 1, 2, 3]})
    with pytest.raises(SpaceMismatchError, match=r"declares 'a' as .* but the objective suggests"):
        run(flat, 1, quick(space=space))


def test_a_space_that_the_objective_does_not_use_is_explained() -> None:
    space = SearchSpace.from_choices({"a": [0, 1, 2, 3], "z": [0, 1]})
    with pytest.raises(SpaceMismatchError, match=r"does not fit .* lack 'z'"):
        run(flat, 2, quick(space=space))


def test_a_space_may_be_optuna_distributions() -> None:
    distributions = {
        name: optuna.distributions.CategoricalDistribution([0, 1, 2, 3]) for name in "abc"
    }
    assert n_different(run(flat, 20, quick(space=distributions))) == 20


def test_names_of_any_kind() -> None:
    names = ["", "x y\n'\"", "linas:claim", "layer_٣", "m²"]
    study = run(
        lambda trial: (sum(trial.suggest_int(name, 0, 9) for name in names), 0.0), 12, quick()
    )
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


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
        run(grows, 12, quick())
        (message,) = {record.getMessage() for record in caplog.records}
        assert "'new' in Trial#8 is sampled independently" in message
        caplog.clear()
        run(grows, 12, quick(warn_independent_sampling=False))
        assert not caplog.records
    optuna.logging.disable_propagation()


def test_paper_settings_run() -> None:
    study = run(flat, 12, LINASSampler.paper("recommendation", seed=0))
    assert n_different(study) == 12


def test_no_torch() -> None:
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.samplers.test_linas import *\n"
        "run(conditional, 12, quick())\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def single(trial: Trial) -> float:
    accuracy, latency = flat(trial)
    trial.set_user_attr("latency_ms", latency)
    return accuracy


def test_an_attribute_is_an_objective_of_the_search() -> None:
    two = run(flat, 20, quick())
    one = optuna.create_study(
        direction="maximize",
        sampler=quick(objectives=[0, Attr("latency_ms", "minimize")]),
    )
    one.optimize(single, n_trials=20)
    assert params(one) == params(two)


def test_an_attribute_that_is_never_set_is_explained() -> None:
    study = optuna.create_study(direction="maximize", sampler=quick(objectives=[0, Attr("lat")]))
    with pytest.raises(ValueError, match=r"no complete trial has that user attribute.*latency_ms"):
        study.optimize(single, n_trials=3)


@pytest.mark.parametrize(
    ("objectives", "error", "says"),
    [
        ([], ValueError, "every objective"),
        ([0, 0], ValueError, "once"),
        ([2], ValueError, "no objective 2"),
        (["latency_ms"], TypeError, "index of one of the study's or an Attr"),
    ],
)
def test_wrong_objectives_are_explained(
    objectives: list[object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        run(flat, 1, quick(objectives=objectives))


def test_a_wrong_direction_is_explained() -> None:
    with pytest.raises(ValueError, match="'minimize' or 'maximize'"):
        Attr("latency_ms", "down")  # type: ignore[arg-type]


@pytest.mark.parametrize("predictor", ["auto", "ridge", ("gp", "ridge")])
def test_a_known_objective_is_computed_and_not_predicted(predictor: object) -> None:
    asked: list[dict[str, object]] = []

    def cost(params: dict[str, int]) -> float:
        asked.append(dict(params))
        return (params["a"] - 1) ** 2 + params["b"] + params["c"]

    study = run(flat, 14, quick(known_objectives={1: cost}, predictor=predictor))
    assert n_different(study) == 14
    assert asked
    assert all(set(params) == set("abc") for params in asked)


def test_settings_may_change_from_iteration_to_iteration() -> None:
    iterations: list[int] = []

    def schedule(iteration: int) -> Settings:
        iterations.append(iteration)
        return Settings(predictors=("ridge",), n_inner_evaluations=100 * iteration)

    run(flat, 18, LINASSampler(n_startup_trials=6, batch_size=4, settings=schedule, seed=0))
    assert iterations == [1, 2, 3]


@pytest.mark.parametrize(
    ("algorithm", "n_objectives"),
    [
        ("nsga2", 1),
        ("ga", 1),
        ("agemoea", 2),
        ("unsga3", 2),
        ("moead", 2),
        ("motpe", 1),
        ("motpe", 2),
    ],
)
def test_inner_algorithms_by_name(algorithm: str, n_objectives: int) -> None:
    def some(trial: Trial) -> tuple[float, ...]:
        return flat(trial)[:n_objectives]

    study = optuna.create_study(
        directions=["maximize", "minimize"][:n_objectives],
        sampler=quick(algorithm=algorithm, n_inner_evaluations=60),
    )
    study.optimize(some, n_trials=14)
    assert n_different(study) == 14
