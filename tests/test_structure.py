import numpy as np
import pytest

from optuna_linas.space import SearchSpace
from optuna_linas.structure import alike, option_levels
from optuna_linas.variable import Variable


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ([3, 5, 7], [0.0, 0.5, 1.0]),
        ([7, 3, 5], [1.0, 0.0, 0.5]),
        ([0.25, 0.2], [1.0, 0.0]),
        ([False, True], [0.0, 1.0]),
    ],
)
def test_numbers_among_options_have_an_order(options: list[float], levels: list[float]) -> None:
    found = option_levels(Variable.categorical("x", options))
    assert found is not None
    assert found.tolist() == levels


@pytest.mark.parametrize("options", [["a", "b"], [1, "b"], [None, 1], [5], [1.0, float("inf")]])
def test_words_and_single_options_have_none(options: list[object]) -> None:
    assert option_levels(Variable.categorical("x", options)) is None  # type: ignore[arg-type]


def test_a_range_is_ordered() -> None:
    found = option_levels(Variable.integer("x", 1, 3))
    assert found is not None
    assert found.tolist() == [0.0, 0.5, 1.0]


def test_alike_are_those_of_one_name_and_the_same_options() -> None:
    space = SearchSpace.from_choices(
        {"k_0": [3, 5], "e_0": [3, 5], "k_1": [3, 5], "k_2": [3, 7], "op_0": ["a", "b"]}
    )
    assert [group.tolist() for group in alike(space)] == [[0, 2], [1], [3]]


def test_no_variables_no_groups() -> None:
    assert alike(SearchSpace([])) == []
    assert np.array_equal(SearchSpace([]).feature_variables, [])
