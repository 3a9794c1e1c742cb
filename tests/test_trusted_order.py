"""Whether numbers are sizes is for the measurements to say."""

import numpy as np
import optuna
import pytest

from optuna_linas import LINASSampler
from optuna_linas.predictors.trusted_order import trusted_order
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace
from optuna_linas.structure import option_levels
from optuna_linas.suggest import suggest
from optuna_linas.variable import Condition, Variable

NAMES = np.array([3.0, 0.0, 2.0, 1.0])
"""What options are worth that are no sizes."""


def mixed(n: int, seed: int = 0) -> tuple[SearchSpace, np.ndarray, np.ndarray]:
    """Eight widths, which are sizes, and eight operations that are called by their numbers."""
    space = SearchSpace.from_choices(
        {f"width_{i}": [8, 16, 32] for i in range(8)} | {f"op_{i}": [0, 1, 2, 3] for i in range(8)}
    )
    archs = space.sample(n, np.random.default_rng(seed))
    sizes, names = archs[:, :8], NAMES[archs[:, 8:]]
    losses = np.stack([sizes.sum(axis=1) + names.sum(axis=1), names.sum(axis=1) - sizes[:, 0]], 1)
    return space, archs, losses.astype(float)


def trusted(space: SearchSpace) -> list[bool]:
    return [levels is not None for levels in option_levels(space)]


@pytest.mark.parametrize("n", [24, 48, 96, 200])
def test_sizes_are_told_from_names_in_one_space(n: int) -> None:
    space, archs, losses = mixed(n)
    assert trusted(trusted_order(space, archs, losses)) == [True] * 8 + [False] * 8


def test_what_was_measured_first_decides_until_twice_as_much_is() -> None:
    space, archs, losses = mixed(47)
    first = trusted_order(space, archs[:24], losses[:24])
    assert trusted_order(space, archs, losses) == first
    # ... whatever comes after.
    losses[24:] = np.random.default_rng(0).normal(size=(23, 2))
    assert trusted_order(space, archs, losses) == first


@pytest.mark.parametrize("n", [0, 1, 11])
def test_few_examples_leave_numbers_as_they_are(n: int) -> None:
    space, archs, losses = mixed(n)
    assert trusted_order(space, archs, losses) is space


def test_where_nothing_was_told_nothing_is_doubted() -> None:
    space, archs, _ = mixed(50)
    assert trusted_order(space, archs, np.ones((50, 2))) is space


def test_words_and_ranges_are_not_asked() -> None:
    space = SearchSpace.from_choices({"a": ["x", "y"], "b": ["x", "y"]})
    archs = space.sample(20, np.random.default_rng(0))
    assert trusted_order(space, archs, archs.astype(float)) is space


def test_many_kinds_are_asked_together() -> None:
    space = SearchSpace.from_choices({f"x{i}": [i, i + 1, i + 2, i + 3] for i in range(12)})
    archs = space.sample(96, np.random.default_rng(0))
    sizes = archs.sum(axis=1, keepdims=True).astype(float)
    assert trusted_order(space, archs, sizes) is space
    names = NAMES[archs].sum(axis=1, keepdims=True)
    assert trusted(trusted_order(space, archs, names)) == [False] * 12


def test_a_single_penalty_does_not_decide() -> None:
    space, archs, losses = mixed(48)
    losses[5] = 1e100
    assert trusted(trusted_order(space, archs, losses)) == [True] * 8 + [False] * 8


def test_what_trials_have_shown_of_a_space_is_still_known() -> None:
    space, archs, losses = mixed(48)
    row, present = archs[0], np.arange(16) != 3
    observed = ObservedSpace(space.variables).knowing(row, present)
    found = trusted_order(observed, archs, losses)
    assert found is not observed
    assert np.array_equal(found.canonical(archs), observed.canonical(archs))
    other = row.copy()
    other[3] = (other[3] + 1) % 3
    assert np.array_equal(found.canonical(other[None]), observed.canonical(row[None]))


def test_ranges_that_others_depend_on_stay_as_they_are() -> None:
    space = SearchSpace(
        [
            Variable.integer("depth", 1, 3),
            *[Variable.categorical(f"op_{i}", [0, 1, 2, 3]) for i in range(8)],
            Variable.categorical("op_8", [0, 1, 2, 3], [Condition("depth", (3,))]),
        ]
    )
    archs = space.canonical(space.sample(48, np.random.default_rng(0)))
    losses = NAMES[archs[:, 1:9]].sum(axis=1) + archs[:, 0]
    assert trusted(trusted_order(space, archs, losses[:, None])) == [True] + [False] * 9


def test_names_of_depths_are_told_from_depths_by_what_depends_on_them() -> None:
    deep = {"x0": [0], "x1": [2]}  # x0=0 and x1=2 have a layer more
    space = SearchSpace.from_choices(
        {name: [0, 1, 2] for name in ("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7")},
        {"x6": {"x0": deep["x0"]}, "x7": {"x1": deep["x1"]}},
    )
    archs = space.canonical(space.sample(96, np.random.default_rng(0)))
    worth = NAMES[archs[:, 2:]].sum(axis=1) + 4 * (archs[:, 0] == 0) + 4 * (archs[:, 1] == 2)
    found = option_levels(trusted_order(space, archs, worth[:, None]))
    expected = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], *[None] * 6]
    assert [levels if levels is None else levels.tolist() for levels in found] == expected


def test_an_order_by_what_depends_on_it_is_not_asked_for() -> None:
    space = SearchSpace.from_choices(
        {"depth": [1, 2], "a_1": ["x", "y"], "a_2": ["x", "y"]}, {"a_2": {"depth": [2]}}
    )
    archs = space.canonical(space.sample(48, np.random.default_rng(0)))
    assert trusted_order(space, archs, archs @ [[1.0], [0.0], [1.0]]) is space


def test_the_same_numbers_may_be_sizes_of_one_and_names_of_another() -> None:
    names = [f"{stem}_{i}" for stem in ("depth", "op") for i in range(6)]
    space = SearchSpace.from_choices({name: [0, 1, 2, 3] for name in names})
    archs = space.sample(48, np.random.default_rng(0))
    losses = archs[:, :6].sum(axis=1) + NAMES[archs[:, 6:]].sum(axis=1)
    found = trusted_order(space, archs, losses[:, None])
    assert trusted(found) == [True] * 6 + [False] * 6


def test_thousands_of_options_are_not_asked() -> None:
    space = SearchSpace.from_choices({"a": range(5_000), "b": range(5_000)})
    archs = space.sample(50, np.random.default_rng(0))
    assert trusted_order(space, archs, np.random.default_rng(1).normal(size=(50, 2))) is space


def test_a_search_goes_on_where_a_condition_says_its_option_in_another_way() -> None:
    space = SearchSpace(
        [
            Variable.categorical("d", [1, 2, 3]),
            Variable.categorical("k", [3, 5, 7], [Condition("d", (2.0, 3.0))]),
            Variable.categorical("e", [1, 2, 3, 4]),
        ]
    )
    study = optuna.create_study(sampler=LINASSampler(space=space, seed=0))
    study.optimize(lambda trial: sum(suggest(trial, space).values()), n_trials=25)  # type: ignore[arg-type]
    assert len(study.trials) == 25
