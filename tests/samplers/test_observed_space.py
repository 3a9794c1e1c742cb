import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState

from optuna_linas import LINASSampler, PymooSampler
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.samplers.space_learner import SpaceLearner
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

Objective = Callable[[Trial], tuple[float, float]]


def either(trial: Trial) -> tuple[float, float]:
    """A parameter that exists if either of two others says so."""
    width = trial.suggest_int("width", 1, 6)
    first, second = (trial.suggest_categorical(name, [False, True]) for name in ("se", "attention"))
    ratio = trial.suggest_categorical("ratio", [4, 8, 16]) if first or second else 0
    heads = trial.suggest_categorical("heads", [1, 2, 4]) if first or second else 0
    return 1 / width + 0.01 * ratio, width * (1 + first + second) + heads


def product(trial: Trial) -> tuple[float, float]:
    """Parameters that exist for large products of two others."""
    width, depth = trial.suggest_int("width", 1, 6), trial.suggest_int("depth", 1, 6)
    extra = trial.suggest_int("dropout", 0, 8) if width * depth >= 20 else 0
    return 1 / (width + depth), float(width * depth + extra)


def dynamic(trial: Trial) -> tuple[float, float]:
    """A range that depends on another parameter: what was planned may not lie in it."""
    n = trial.suggest_int("n", 1, 8)
    m = trial.suggest_int("m", 1, n)
    width = trial.suggest_int("width", 1, 6)
    return float(n * width), float(-m * width)


def steps(trial: Trial) -> tuple[float, float]:
    """The step depends on a choice."""
    step = trial.suggest_categorical("step", [1, 2, 4])
    m, width = trial.suggest_int("m", 0, 16, step=step), trial.suggest_int("width", 1, 4)
    return float(m * width), float(step - m)


def unsupported(trial: Trial) -> tuple[float, float]:
    """All is vain where no condition on single parameters says so, and one is not asked for."""
    a, b = trial.suggest_int("a", 0, 3), trial.suggest_int("b", 0, 3)
    if a == b:
        raise optuna.TrialPruned
    c = trial.suggest_int("c", 0, 9)
    return float(a + b + c), -(a * 3 + b + c * 0.5)


def pyramid(trial: Trial) -> tuple[float, float]:
    """Each width is at most the one before it, and a parameter besides."""
    widths = [8]
    for i in range(3):
        widths.append(trial.suggest_int(f"width_{i}", 1, widths[-1]))
    kernel = trial.suggest_categorical("kernel", [3, 5])
    return float(-sum(widths)), float(sum(widths[1:]) * kernel)


def total(trial: Trial) -> tuple[float, float]:
    """A parameter that hardly any condition on single others explains."""
    widths = [trial.suggest_int(f"width_{i}", 1, 8) for i in range(6)]
    extra = trial.suggest_categorical("extra", ["a", "b", "c"]) == "a" if sum(widths) > 27 else 0
    return float(-sum(widths)), float(sum(w * w for w in widths) + extra)


def samplers() -> list[BaseSampler]:
    return [LINASSampler(seed=0), PymooSampler("nsga2", population_size=10, seed=0)]


def run(objective: Objective, sampler: BaseSampler, n: int) -> optuna.Study:
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=n)
    return study


@pytest.mark.parametrize("objective", [either, product, total])
@pytest.mark.parametrize("sampler", samplers(), ids=["linas", "pymoo"])
def test_nothing_is_measured_twice_whatever_the_condition(
    objective: Objective, sampler: BaseSampler
) -> None:
    study = run(objective, sampler, 70)
    networks = {tuple(sorted(trial.params.items())) for trial in study.trials}
    assert len(networks) == 70


@pytest.mark.parametrize("objective", [dynamic, pyramid, steps])
@pytest.mark.parametrize("sampler", samplers(), ids=["linas", "pymoo"])
def test_hardly_anything_is_measured_twice_where_a_range_depends_on_a_parameter(
    objective: Objective, sampler: BaseSampler
) -> None:
    study = run(objective, sampler, 70)
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) >= 68


@pytest.mark.parametrize("sampler", samplers(), ids=["linas", "pymoo"])
def test_what_ends_early_twice_is_known_to(sampler: BaseSampler) -> None:
    study = run(unsupported, sampler, 80)
    networks = Counter(tuple(sorted(trial.params.items())) for trial in study.trials)
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert max(networks.values()) <= 2
    assert len(pruned) <= 8


def test_what_ends_early_by_accident_is_not_given_up() -> None:
    """The first parameter alone is told by a trial that was stopped, twice, and by whole ones."""

    def objective(trial: Trial) -> tuple[float, float]:
        a = trial.suggest_int("a", 0, 1)
        if trial.number in (3, 4, 5, 6):
            raise optuna.TrialPruned
        b = trial.suggest_int("b", 0, 9)
        return float(a + b), -float(b)

    study = run(objective, LINASSampler(seed=0), 24)
    told = {tuple(trial.params.values()) for trial in study.trials if "b" in trial.params}
    assert len(told) >= 16  # of 20: what was planned of the four that were stopped is not repeated


def test_a_range_that_has_grown_since_is_searched_where_it_is_new() -> None:
    """The range depends on nothing: the code was changed in between."""

    def objective(trial: Trial) -> float:
        return -float(trial.suggest_int("width", 1, 3 if trial.number < 8 else 6))

    study = optuna.create_study(sampler=LINASSampler(seed=0))
    study.optimize(objective, n_trials=14)
    assert {trial.params["width"] for trial in study.trials} == set(range(1, 7))


def test_what_trials_measured_is_never_taken_for_another_network() -> None:
    """Ranges that were learned wrongly are unlearned, and say nothing of what was measured."""
    for seed in range(4):
        sampler = PymooSampler("nsga2", population_size=10, seed=seed)
        study = run(pyramid, sampler, 60)
        table = sampler._dispatcher.table(study)
        space = table.space
        assert isinstance(space, ObservedSpace)
        for number, code in table.codes.items():
            plain = SearchSpace.encode(space, study.trials[number].params)
            assert code.tolist() == plain.tolist()
        names = [f"width_{i}" for i in range(3)]
        parents = {space.names[j]: known.parent for j, known in space.ranges()}
        decides = {name: j for j, name in enumerate(space.names)}
        assert parents == {after: decides[before] for before, after in itertools.pairwise(names)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sampler", [LINASSampler, PymooSampler])
def test_a_search_with_dependent_ranges_resumes_exactly(
    sampler: type[BaseSampler], seed: int
) -> None:
    """With another sampler for each trial, so that each reads all trials at once."""
    whole = [trial.params for trial in run(pyramid, sampler(seed=seed), 40).trials]
    study = run(pyramid, sampler(seed=seed), 8)
    while len(study.trials) < 40:
        study.sampler = sampler(seed=seed)
        study.optimize(pyramid, n_trials=1)
    assert [trial.params for trial in study.trials] == whole


@pytest.mark.parametrize("objective", [either, product, total, dynamic, pyramid, unsupported])
def test_a_search_resumes_exactly_whatever_the_condition(objective: Objective) -> None:
    whole = [trial.params for trial in run(objective, LINASSampler(seed=0), 26).trials]
    for stop in range(1, 26, 3):
        study = run(objective, LINASSampler(seed=0), stop)
        study.sampler = LINASSampler(seed=0)
        study.optimize(objective, n_trials=26 - stop)
        assert [trial.params for trial in study.trials] == whole, f"stopped after {stop}"


def test_what_no_condition_explains_is_not_asked_of_every_trial(
    inferred: list[SpaceLearner],
) -> None:
    run(total, PymooSampler("nsga2", population_size=10, seed=0), 60)
    first = len(inferred)
    run(total, PymooSampler("nsga2", population_size=10, seed=0), 120)
    assert len(inferred) - first < first + 5


def known() -> tuple[SearchSpace, ObservedSpace]:
    plain = SearchSpace.from_choices({"a": [0, 1], "b": [0, 1, 2], "c": [0, 1, 2]})
    without_c = ObservedSpace(plain.variables).knowing([0, 2, 1], [True, True, False])
    return plain, without_c.knowing([1, 0, 2], [True, False, False])


def test_rows_that_agree_with_all_that_a_trial_has_are_its_network() -> None:
    _, space = known()
    rows = np.array([[0, 2, 0], [0, 2, 2], [0, 1, 2], [1, 0, 2], [1, 2, 1]])
    one, another = [0, 2, 1], [1, 0, 2]
    expected = [one, one, [0, 1, 2], another, another]
    assert space.canonical(rows).tolist() == expected
    assert [space.encode(space.decode(row)).tolist() for row in rows] == expected


def test_a_network_is_told_without_what_it_lacks() -> None:
    plain, space = known()
    assert space.decode([0, 2, 2]) == {"a": 0, "b": 2}
    assert space.decode([1, 2, 1]) == {"a": 1}
    assert space.decode([0, 1, 2]) == plain.decode([0, 1, 2])
    assert space.present([[0, 2, 0], [0, 1, 2]]).tolist() == [[True, True, False], [True] * 3]
    with pytest.raises(SpaceMismatchError, match="lack 'c'"):
        space.encode({"a": 0, "b": 1})


def test_a_value_beyond_a_known_range_is_the_nearest_one_in_it() -> None:
    plain = SearchSpace.from_choices({"n": [1, 2, 3], "m": [1, 2, 3], "w": [0, 1]})
    space = ObservedSpace(plain.variables).knowing_range(1, {0: 1, 2: 1}, np.array([0, 1, 1]), {0})
    rows = [[1, 2, 1], [1, 1, 1], [1, 2, 0], [2, 2, 1]]
    assert space.canonical(rows).tolist() == [[1, 1, 1], [1, 1, 1], [1, 1, 0], [2, 2, 1]]
    assert space != plain


def test_ranges_follow_one_another() -> None:
    """As in a pyramid: a range that depends on a variable whose range depends on another."""
    space = ObservedSpace(SearchSpace.from_choices({n: [1, 2, 3, 4] for n in "cba"}).variables)
    for a, b, c in ((3, 3, 2), (1, 1, 0), (3, 1, 1), (2, 2, 2), (1, 0, 0), (3, 3, 3), (2, 1, 0)):
        space = space.knowing_range(0, {1: b, 2: a}, np.minimum(range(4), b), {2})  # c up to b
        space = space.knowing_range(1, {0: c, 2: a}, np.minimum(range(4), a), {2})  # b up to a
    assert space.canonical([[3, 3, 1], [3, 1, 3]]).tolist() == [[1, 1, 1], [1, 1, 3]]


def test_what_is_not_there_has_no_range() -> None:
    plain = SearchSpace(
        [
            Variable.categorical("op", ["conv", "none"]),
            Variable.integer("k", 1, 4, conditions=[Condition("op", ("conv",))]),
            Variable.integer("groups", 1, 3, conditions=[Condition("k", (4,))]),
        ]
    )
    space = ObservedSpace(plain.variables).knowing_range(1, {0: 0}, np.array([1, 1, 2, 2]), {0})
    rows = [[0, 3, 2], [1, 3, 2], [0, 0, 1]]
    # k = 4 becomes 3, where there are no groups; without a convolution there is no k at all.
    assert space.canonical(rows).tolist() == [[0, 2, 0], [1, 0, 0], [0, 1, 0]]


def test_a_space_that_knows_more_is_another() -> None:
    plain, space = known()
    assert space != plain
    assert plain != space
    assert ObservedSpace(plain.variables) == plain
    assert space == known()[1]
    assert hash(space) == hash(plain)
    assert space.knowing([0, 0, 0], [True, True, False]) != space
