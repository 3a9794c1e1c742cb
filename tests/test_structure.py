from typing import Any

import numpy as np
import pytest

from optuna_linas.space import SearchSpace
from optuna_linas.structure import (
    alike,
    as_words,
    has_too_few,
    mostly_ordered,
    numbered,
    option_levels,
    same_words,
)
from optuna_linas.variable import Condition, Variable


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ([3, 5, 7], [0.0, 0.5, 1.0]),
        ([7, 3, 5], [1.0, 0.0, 0.5]),
        ([0.25, 0.2], [1.0, 0.0]),
        ([False, True], [0.0, 1.0]),
        (["16", "8", " 32"], [0.5, 0.0, 1.0]),
        (["5x5", "3x3", "11x11"], [0.5, 0.0, 1.0]),
        (["b3_k7", "b3_k5"], [1.0, 0.0]),
        (["x0.5", "x0.25"], [1.0, 0.0]),
        (["0.5", "-1", "1e-3", ".75"], [2 / 3, 0.0, 1 / 3, 1.0]),
    ],
)
def test_numbers_among_options_have_an_order(options: list[float], levels: list[float]) -> None:
    (found,) = option_levels(SearchSpace([Variable.categorical("x", options)]))
    assert found is not None
    assert found.tolist() == levels


@pytest.mark.parametrize(
    "options",
    [
        ["a", "b"],
        [1, "b"],
        [None, 1],
        [5],
        [1.0, float("inf")],
        ["1", "nan"],
        ["1e999", "1"],
        ["1_0", "2"],
        ["3x1", "1x3"],
        ["k3", "e5"],
        ["k3", "k3 "],
        ["a1b2", "a2b3"],
        ["k3", 5],
        ["op#", "op1"],
        ["٣", "1"],
    ],
)
def test_words_and_single_options_have_none(options: list[object]) -> None:
    variable = Variable.categorical("x", options)  # type: ignore[arg-type]
    assert option_levels(SearchSpace([variable])) == (None,)


def test_a_range_is_ordered() -> None:
    (found,) = option_levels(SearchSpace([Variable.integer("x", 1, 3)]))
    assert found is not None
    assert found.tolist() == [0.0, 0.5, 1.0]


def _units(options: list[str]) -> SearchSpace:
    """Two units whose second and third layers exist under options of words, and a plain word."""
    _, second, third = options
    return SearchSpace(
        [Variable.categorical("loss", ["hinge", "log"])]
        + [Variable.categorical(name, options) for name in ("apple", "pear")]
        + [
            Variable.categorical(f"{name}_{layer}", ["x", "y"], [Condition(name, existing)])
            for name in ("apple", "pear")
            for layer, existing in ((2, (second, third)), (3, (third,)))
        ]
    )


def test_words_are_ordered_by_how_many_variables_they_bring() -> None:
    levels = option_levels(_units(["one", "two", "three"]))
    assert [None if found is None else found.tolist() for found in levels] == [
        None,
        [0.0, 0.5, 1.0],
        [0.0, 0.5, 1.0],
        *[None] * 4,
    ]


def test_words_that_bring_equally_many_variables_are_alike() -> None:
    assert [group.tolist() for group in alike(_units(["a", "b", "c"]))] == [[1, 2]]


def test_an_order_of_values_comes_before_what_they_bring() -> None:
    space = SearchSpace(
        [
            Variable.categorical("skip", [0, 1]),
            Variable.categorical("width", ["a", "b"], [Condition("skip", (0,))]),
        ]
    )
    first = option_levels(space)[0]
    assert first is not None
    assert first.tolist() == [0.0, 1.0]


def test_alike_are_those_of_one_name_and_the_same_options() -> None:
    space = SearchSpace.from_choices(
        {"k_0": [3, 5], "e_0": [3, 5], "k_1": [3, 5], "k_2": [3, 7], "op_0": ["a", "b"]}
    )
    assert [group.tolist() for group in alike(space)] == [[0, 2], [1], [3]]


def test_no_variables_no_groups() -> None:
    assert alike(SearchSpace([])) == ()
    assert np.array_equal(SearchSpace([]).feature_variables, [])


def test_few_examples_are_too_few_only_where_options_have_no_order() -> None:
    sizes = {f"size_{i}": [1, 2, 3] for i in range(3)}
    words = {f"kind_{i}": ["a", "b", "c"] for i in range(3)}
    more_words = SearchSpace.from_choices({"size_0": [1, 2, 3]} | words)
    as_many = SearchSpace.from_choices(sizes | words)
    assert mostly_ordered(as_many)
    assert not mostly_ordered(more_words)
    assert not has_too_few(as_many, 1)
    assert [has_too_few(more_words, n) for n in (8, 9)] == [True, False]


def test_constants_are_neither_ordered_nor_not() -> None:
    sizes = {f"size_{i}": [1, 2, 3] for i in range(3)}
    space = SearchSpace.from_choices(sizes | {f"constant_{i}": [8] for i in range(4)})
    assert mostly_ordered(space)
    assert not has_too_few(space, 0)


def test_lists_are_words_and_the_same_ones_as_tuples() -> None:
    def groups(options: list[Any]) -> list[list[int]]:
        space = SearchSpace.from_choices({"stages_0": options, "stages_1": options})
        assert option_levels(space) == (None, None)
        return [group.tolist() for group in same_words(space)]

    assert groups([[64], [64, 128]]) == groups([(64,), (64, 128)]) == [[0, 1]]


def test_a_thousand_words_and_more_are_not_shared() -> None:
    def groups(n: int) -> int:
        words = [f"w{i}" for i in range(n)]
        return len(same_words(SearchSpace.from_choices({"op_0": words, "op_1": words})))

    assert (groups(1_024), groups(1_025)) == (1, 0)


def test_words_with_a_hundred_numbers_are_names() -> None:
    few, many = (SearchSpace.from_choices({"x": [f"w{i}" for i in range(n)]}) for n in (100, 101))
    assert mostly_ordered(few)
    assert not mostly_ordered(many)


def test_numbers_are_alike_in_any_order_and_as_text() -> None:
    space = SearchSpace.from_choices({"k_0": [3, 5], "k_1": ["5", "3"], "k_2": [3, 7]})
    assert [group.tolist() for group in alike(space)] == [[0, 1], [2]]


def test_what_may_be_a_name_is_no_range_word_or_constant() -> None:
    space = SearchSpace(
        [
            Variable.integer("n", 0, 2),
            Variable.categorical("a", [0, 1, 2]),
            Variable.categorical("b", ["x", "y"]),
            Variable.categorical("c", [1]),
            Variable.categorical("d", ["2", "1", "0"]),
            Variable.categorical("d_1", ["2", "1", "0"]),
            Variable.categorical("d_2", ["2", "1", "0"]),
        ]
    )
    assert [group.tolist() for group in numbered(space)] == [[1], [4], [5, 6]]
    assert [group.tolist() for group in numbered(space, by_name=False)] == [[1, 4, 5, 6]]


def test_as_words_rows_are_the_same_networks() -> None:
    space = SearchSpace.from_choices(
        {"depth": [1, 2], "k_1": [3, 5], "k_2": [3, 5]}, conditions={"k_2": {"depth": [2]}}
    )
    words = as_words(space, [0, 1])
    archs = space.sample(20, np.random.default_rng(0))
    assert words.canonical(archs).tolist() == space.canonical(archs).tolist()
    assert np.array_equal(words.features(archs), space.features(archs))
    # Whether layers depend on it is an order, too.
    levels = [None if found is None else found.tolist() for found in option_levels(words)]
    assert levels == [[0.0, 1.0], None, [0.0, 1.0]]
    assert as_words(space, []) == space


@pytest.mark.parametrize("said", [(2.0, 3.0), (np.int64(2), np.int64(3))])
def test_as_words_a_condition_is_of_the_same_options(said: tuple[Any, ...]) -> None:
    space = SearchSpace(
        [
            Variable.categorical("d", [1, 2, 3]),
            Variable.categorical("k", [3, 5], [Condition("d", said)]),
        ]
    )
    (found,) = as_words(space, [0, 1]).requirements(1)
    assert found[1].tolist() == [False, True, True]


@pytest.mark.parametrize("options", [["1e5", "145", "3"], [3, "3.0", 4], [2**60, 2**60 + 1, 1]])
def test_as_words_no_two_options_are_one(options: list[Any]) -> None:
    space = SearchSpace(
        [
            Variable.categorical("d", options),
            Variable.categorical("k", [3, 5], [Condition("d", options[:1])]),
        ]
    )
    words = as_words(space, [0])
    assert len(set(words.variables[0].options)) == 3
    assert words.requirements(1)[0][1].tolist() == [True, False, False]


def test_as_words_what_goes_by_one_name_shares_its_words() -> None:
    space = SearchSpace.from_choices(
        {"op_0": [0, 1], "op_1": [None, 0, 1], "op_2": ["1", "0"], "op_3": [0, 1, 7], "a": [0, 1]}
    )
    options = as_words(space, [0, 2]).choices
    assert options[1] == (None, *options[0])
    assert options[2] == options[0][::-1]
    assert options[3:] == ((0, 1, 7), (0, 1))  # those are asked by themselves


def test_as_words_lists_of_that_name_stay_lists() -> None:
    """A database makes lists of tuples."""
    choices = {"stride_0": [1, 2, 3], "stride_1": [[1, 1], [2, 2], [3, 3]]}
    words = as_words(SearchSpace.from_choices(choices), [0])
    assert words["stride_1"].options == ([1, 1], [2, 2], [3, 3])
    assert option_levels(words) == (None, None)
