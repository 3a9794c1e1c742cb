import importlib.util
from pathlib import Path

import numpy as np
import optuna
import pytest

from benchmarks.anonymous import DISGUISES, anonymous, original_archs
from benchmarks.data import MissingData
from benchmarks.failing import FAILURES
from benchmarks.problem import Goal, Problem
from benchmarks.problems import (
    GROUPS,
    NAMES_IN_WORDS,
    PROBLEMS,
    expand_names,
    gpt_space,
    make_problem,
    ofa_space,
)
from benchmarks.tables import table_problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from tests.benchmarks.conftest import all_rows, write_table


def weighted_sum(space: SearchSpace) -> Problem:
    def evaluate(archs: IntArray) -> FloatArray:
        folded = space.canonical(archs) * space.active(archs)
        total = folded @ np.arange(1.0, len(space) + 1)
        return np.stack([total, -total], axis=1)

    goals = (Goal("quality", "%", "maximize"), Goal("cost", "ms", "minimize"))
    return Problem("sum", space, goals, evaluate, "made up", "1")


def test_the_ofa_space_has_the_published_size() -> None:
    space = ofa_space()
    assert len(space) == 45
    assert space.size() == 3**45
    per_unit = 9**2 + 9**3 + 9**4
    assert space.size(effective=True) == per_unit**5
    assert f"{space.size(effective=True):.1e}" == "2.2e+19"


def test_ofa_layers_exist_up_to_their_units_depth() -> None:
    space = ofa_space()
    smallest = space.decode(np.zeros(45, dtype=int))
    assert sorted(k for k in smallest if k.startswith("kernel")) == sorted(
        f"kernel_{4 * u + i}" for u in range(5) for i in (0, 1)
    )
    deep = {**dict.fromkeys(space.names, 3), "depth_2": 3}
    arch = space.encode({**deep, **{f"depth_{u}": 2 for u in (0, 1, 3, 4)}})
    assert "expand_10" in space.decode(arch)
    assert "expand_11" not in space.decode(arch)


def test_the_gpt_space_has_the_published_size() -> None:
    space = gpt_space()
    assert len(space) == 27
    assert space.size() == 3**26 * 2
    assert space.size(effective=True) == 3 * 2 * (9**10 + 9**11 + 9**12)


@pytest.mark.parametrize("kind", DISGUISES)
def test_an_anonymous_twin_is_the_same_function_of_other_names(kind: str) -> None:
    problem = weighted_sum(ofa_space())
    twin = anonymous(problem, kind)
    archs = twin.space.sample(50, np.random.default_rng(0))
    there = original_archs(problem, archs)
    np.testing.assert_array_equal(twin.evaluate(archs), problem.evaluate(there))
    np.testing.assert_array_equal(
        twin.space.active(archs).sum(axis=1), problem.space.active(there).sum(axis=1)
    )
    assert twin.space.size(effective=True) == problem.space.size(effective=True)


def test_an_anonymous_twin_gives_nothing_away() -> None:
    problem = weighted_sum(ofa_space())
    space = anonymous(problem).space
    assert space.names == tuple(f"x{i}" for i in range(45))
    assert {option for options in space.choices for option in options} == {"a", "b", "c"}
    order = np.argsort(original_archs(problem, np.arange(45)[None] * 0 + 1)[0])
    assert not np.array_equal(order, np.arange(45))


def test_a_twin_has_its_choices_as_text_or_numbers_that_mean_nothing() -> None:
    problem = weighted_sum(ofa_space())
    text, numbers = (anonymous(problem, kind).space for kind in ("text", "numbers"))
    kernels = {c for c in text.choices if set(c) == {"3", "5", "7"}}
    assert len(kernels) > 1  # in several orders
    assert set(numbers.choices) == {("0", "1", "2")}
    assert make_problem("generated-ops-3-anonymous-numbers", None).space.choices[0][0] == "0"


def test_an_anonymous_twin_is_always_the_same() -> None:
    first, second = (anonymous(weighted_sum(gpt_space())) for _ in range(2))
    assert first.space == second.space
    archs = first.space.sample(20, np.random.default_rng(1))
    np.testing.assert_array_equal(first.evaluate(archs), second.evaluate(archs))


def test_a_table_tells_its_conditions_and_directions(table: Path) -> None:
    problem = make_problem(f"{table}:accuracy,latency", None)
    assert problem.space.size(effective=True) == len(all_rows())
    assert problem.directions == ["maximize", "minimize"]
    assert [goal.unit for goal in problem.goals] == ["%", "ms"]
    shallow = problem.space.encode({"depth": 1, "op_0": "skip"})
    np.testing.assert_array_equal(problem.evaluate(shallow[None]), [[4.0, 16.0]])
    np.testing.assert_array_equal(problem.losses([[4.0, 16.0]]), [[-4.0, 16.0]])


def test_a_sign_overrides_a_tables_direction(table: Path) -> None:
    problem = make_problem(f"{table}:-accuracy,+latency,size", None)
    assert problem.directions == ["minimize", "maximize", "minimize"]


def test_an_objective_suggests_what_the_network_has(table: Path) -> None:
    problem = make_problem(str(table), None)
    trial = optuna.trial.FixedTrial({"depth": 1, "op_0": "pool", "op_1": "skip"})
    assert list(problem.objective(trial)) == [2.0, 4.0]
    assert set(trial.params) == {"depth", "op_0"}
    asked_for_all = optuna.trial.FixedTrial({"depth": 1, "op_0": "pool", "op_1": "skip"})
    np.testing.assert_array_equal(problem.suggest(asked_for_all, "all"), [0, 1, 0])
    assert set(asked_for_all.params) == {"depth", "op_0", "op_1"}


def test_an_incomplete_table_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "part.npz", all_rows()[:-1])
    with pytest.raises(ValueError, match="11 of the 12 architectures"):
        table_problem(tmp_path / "part.npz", ["accuracy", "latency"])


def test_an_unknown_objective_is_explained(table: Path) -> None:
    with pytest.raises(ValueError, match="no objective 'watts'; it has accuracy, latency, size"):
        table_problem(table, ["watts"])


def test_missing_data_says_what_and_where_from(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"nasbench_macro.npz is missing.*NAS-Bench-Macro"):
        make_problem("nasbench-macro", tmp_path)
    with pytest.raises(MissingData, match="OPTUNA_LINAS_DATA"):
        make_problem("ofa-mbv3-i7", None)


def test_an_unknown_problem_is_explained() -> None:
    with pytest.raises(ValueError, match="Known are ofa-mbv3-note10"):
        make_problem("ofa", None)


def test_every_kind_of_name_is_told() -> None:
    kinds = ["generated-FAMILY-SEED", "-anonymous", "-ops", *(f"-{kind}" for kind in FAILURES)]
    for name in [*PROBLEMS, *GROUPS, *kinds]:
        assert name in NAMES_IN_WORDS


def test_groups_expand_in_order_without_repeats() -> None:
    names = expand_names(["ofa-mbv3-i7", "large", "my.npz"])
    assert names == ["ofa-mbv3-i7", "ofa-mbv3-note10", "hwgpt-s-h100", "my.npz"]


@pytest.mark.parametrize(
    "name", [*PROBLEMS, *GROUPS["anonymous"], *GROUPS["anonymous-text"], *GROUPS["operations"]]
)
def test_real_problems_ignore_what_is_inactive(name: str, data: Path) -> None:
    problem = make_problem(name, data)
    archs = problem.space.sample(20, np.random.default_rng(0))
    values = problem.evaluate(archs)
    assert values.shape == (20, len(problem.goals))
    assert np.isfinite(values).all()
    np.testing.assert_allclose(problem.evaluate(problem.space.canonical(archs)), values)
    one_by_one = np.concatenate([problem.evaluate(arch[None]) for arch in archs])
    np.testing.assert_allclose(one_by_one, values)


def test_operations_are_the_same_networks(data: Path) -> None:
    sizes, words = (make_problem(f"ofa-mbv3-i7{end}", data) for end in ("", "-ops"))
    arch = {f"block_{i}": "mb_s_slim" for i in range(20)}
    arch |= {"block_0": "mb_l_mid", "block_2": "skip", "block_7": "skip"}
    same = {f"depth_{u}": 4 for u in range(5)} | {"depth_0": 2, "depth_1": 3}
    same |= {f"kernel_{i}": 3 for i in range(20)} | {f"expand_{i}": 3 for i in range(20)}
    same |= {"kernel_0": 7, "expand_0": 4}
    found = words.evaluate(words.space.encode(arch)[None])
    assert found == pytest.approx(sizes.evaluate(sizes.space.encode(same)[None]))
    assert words.space.size(effective=True) == sizes.space.size(effective=True)


def test_surrogates_agree_with_the_evaluators_beside_the_data(data: Path) -> None:
    path = data / "surrogates.py"
    if not path.is_file():
        pytest.skip("there is no surrogates.py beside the data")
    spec = importlib.util.spec_from_file_location("surrogates_beside_data", path)
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)

    problem = make_problem("ofa-mbv3-i7", data)
    archs = problem.space.sample(50, np.random.default_rng(2))
    resolution = np.full((50, 1), 4)
    rows = np.concatenate([archs[:, 5:], archs[:, :5], resolution], axis=1)
    ofa = theirs.OFAMobileNetV3()
    expected = np.stack([100 * ofa.top1(rows), ofa.cost(rows, "i7_8700k_w12")], axis=1)
    np.testing.assert_allclose(problem.evaluate(archs), expected)

    problem = make_problem("hwgpt-s-h100-params", data)
    archs = problem.space.sample(50, np.random.default_rng(2))
    gpt = theirs.HWGPT()
    columns = [gpt.perplexity(archs), gpt.cost(archs), gpt.cost(archs, "params")]
    np.testing.assert_allclose(problem.evaluate(archs), np.stack(columns, axis=1))


@pytest.mark.parametrize("kind", FAILURES)
def test_a_third_of_the_networks_of_a_failing_problem_have_no_values(kind: str) -> None:
    whole, problem = (make_problem(f"generated-ops-0{end}", None) for end in ("", f"-{kind}"))
    archs = problem.space.sample(2_000, np.random.default_rng(1))
    values = problem.evaluate(archs)
    fails = np.isnan(values).any(axis=1)
    assert 0.25 < fails.mean() < 0.5
    assert np.isnan(values[fails]).all()
    np.testing.assert_array_equal(values[~fails], whole.evaluate(archs)[~fails])
    # The same networks every time, however they are asked for.
    again = problem.evaluate(problem.space.canonical(archs[::-1]))[::-1]
    np.testing.assert_array_equal(again, values)
    assert problem.original is not None
    assert problem.original.name == whole.name
