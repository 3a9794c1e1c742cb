import numpy as np
import optuna
import pytest

from benchmarks.anonymous import original_archs
from benchmarks.generated import FAMILIES, names_of
from benchmarks.problems import GROUPS, expand_names, make_problem
from optuna_linas.pareto import non_dominated

NAMES = names_of(3, 4)


@pytest.mark.parametrize("name", NAMES)
def test_a_generated_problem_is_always_the_same_and_ignores_what_is_inactive(name: str) -> None:
    problem, again = (make_problem(name, None) for _ in range(2))
    assert problem.name == name
    assert problem.space == again.space
    assert problem.version == again.version
    archs = problem.space.sample(300, np.random.default_rng(0))
    values = problem.evaluate(archs)
    assert values.shape == (300, 2)
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(again.evaluate(archs), values)
    np.testing.assert_allclose(problem.evaluate(problem.space.canonical(archs)), values)
    one_by_one = np.concatenate([problem.evaluate(arch[None]) for arch in archs[:20]])
    np.testing.assert_allclose(one_by_one, values[:20])


@pytest.mark.parametrize("name", NAMES)
def test_there_is_something_to_trade_and_every_variable_matters(name: str) -> None:
    problem = make_problem(name, None)
    rng = np.random.default_rng(1)
    archs = problem.space.sample(2_000, rng)
    losses = problem.losses(problem.evaluate(archs))
    front = np.unique(losses[non_dominated(losses)], axis=0)
    assert len(front) >= 4
    for j in range(len(problem.space)):
        other = archs.copy()
        other[:, j] = rng.permutation(other[:, j])
        assert (problem.losses(problem.evaluate(other)) != losses).any(), problem.space.names[j]


@pytest.mark.parametrize("family", FAMILIES)
def test_seeds_and_families_differ(family: str) -> None:
    problems = [make_problem(f"generated-{family}-{seed}", None) for seed in (0, 1)]
    assert problems[0].version != problems[1].version


def test_a_generated_problem_has_an_anonymous_twin() -> None:
    problem = make_problem("generated-ops-3", None)
    twin = make_problem("generated-ops-3-anonymous", None)
    archs = twin.space.sample(5, np.random.default_rng(0))
    np.testing.assert_array_equal(
        twin.evaluate(archs), problem.evaluate(original_archs(problem, archs))
    )


def test_an_objective_asks_for_active_variables_only() -> None:
    problem = make_problem("generated-ops-0", None)
    study = optuna.create_study(
        directions=problem.directions, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(problem.objective, n_trials=5)
    for trial in study.trials:
        arch = problem.space.encode(trial.params)
        assert set(trial.params) == set(problem.space.decode(arch))
        np.testing.assert_allclose(trial.values, problem.evaluate(arch[None])[0])


def test_development_and_unseen_problems_do_not_meet() -> None:
    assert set(GROUPS["generated"]).isdisjoint(GROUPS["unseen"])
    assert expand_names(["generated"])[0] == "generated-ops-0"


def test_an_unknown_family_is_explained() -> None:
    with pytest.raises(ValueError, match="a family of ops, wide"):
        make_problem("generated-circles-0", None)
