import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial

from optuna_linas import LINASSampler
from optuna_linas.distributions import distribution_of
from optuna_linas.space import SearchSpace
from optuna_linas.suggest import suggest
from optuna_linas.variable import MAX_LEVELS, Condition, Variable

# Declared child first, so that the order of declaration is not the order of suggestion.
CHAIN = SearchSpace.from_choices(
    {"kernel_2": [3, 5], "width": [8, 16], "kernel_1": [3, 5], "depth": [1, 2, 3]},
    conditions={"kernel_1": {"depth": [2, 3]}, "kernel_2": {"depth": [3], "kernel_1": [5]}},
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"depth": 1}, {"depth": 1}),
        ({"depth": 2, "kernel_1": 3}, {"depth": 2, "kernel_1": 3}),
        ({"depth": 3, "kernel_1": 3}, {"depth": 3, "kernel_1": 3}),
        ({"depth": 3, "kernel_1": 5, "kernel_2": 3}, {"depth": 3, "kernel_1": 5, "kernel_2": 3}),
    ],
)
def test_a_variable_is_suggested_only_where_its_conditions_hold(
    values: dict[str, int], expected: dict[str, int]
) -> None:
    everything = {"kernel_1": 5, "kernel_2": 5, "width": 8, **values}
    assert suggest(FixedTrial(everything), CHAIN) == {"width": 8, **expected}


def test_the_trial_holds_exactly_the_params_that_the_space_decodes() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for _ in range(50):
        trial = study.ask()
        params = suggest(trial, CHAIN)
        assert params == trial.params == CHAIN.decode(CHAIN.encode(params))
    assert {len(trial.params) for trial in study.trials} == {2, 3, 4}


def test_lists_of_options_for_distributions_are_told_how_to_become_a_space() -> None:
    wanted = r"'a' has no Optuna distribution but \[1, 2\].*SearchSpace\.from_choices"
    with pytest.raises(TypeError, match=wanted):
        LINASSampler(space={"a": [1, 2]})  # type: ignore[dict-item]


def test_numbers_keep_their_range() -> None:
    space = SearchSpace(
        [
            Variable.integer("units", 8, 64, step=8),
            Variable.integer("layers", 1, 100, log=True),
            Variable.floating("lr", 1e-4, 1e-1, log=True),
            Variable.floating("dropout", 0.0, 0.5, step=0.1),
            Variable.categorical("act", ["relu", None, 1.5, True]),
        ]
    )
    trial = optuna.create_study(sampler=RandomSampler(seed=0)).ask()
    suggest(trial, space)
    assert trial.distributions == {
        "units": IntDistribution(8, 64, step=8),
        "layers": IntDistribution(1, 100, log=True),
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "dropout": FloatDistribution(0.0, 0.5, step=0.1),
        "act": CategoricalDistribution(("relu", None, 1.5, True)),
    }
    assert trial.distributions == {v.name: distribution_of(v) for v in space.variables}


@pytest.mark.parametrize(
    ("low", "high", "step", "last"),
    [(0.0, 1.0, 0.3, 0.9), (0.0, 0.3, 0.1, 0.3), (0.1, 0.75, 0.2, 0.7)],
)
def test_a_range_ends_at_its_last_step(low: float, high: float, step: float, last: float) -> None:
    # Optuna warns where it has to shorten a range itself, and warnings are errors here.
    variable = Variable.floating("dropout", low, high, step=step)
    assert distribution_of(variable) == FloatDistribution(low, last, step=step)


def test_a_condition_on_a_long_range_goes_by_the_nearest_grid_point() -> None:
    parent = Variable.integer("parent", 0, 10 * MAX_LEVELS)
    allowed = parent.options[5]
    assert isinstance(allowed, int)
    child = Variable.categorical("child", [0, 1], [Condition("parent", (allowed,))])
    space = SearchSpace([child, parent])
    for value, expected in ((allowed + 1, 2), (allowed + 9, 1)):
        params = suggest(FixedTrial({"parent": value, "child": 1}), space)
        assert len(params) == expected
        assert len(space.decode(space.encode(params))) == expected
