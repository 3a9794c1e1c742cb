from collections.abc import Callable, Sequence

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import Trial, TrialState

from optuna_linas import (
    Condition,
    LINASSampler,
    NAGSampler,
    PymooSampler,
    SearchSpace,
    Variable,
    ask_batch,
)
from optuna_linas.distributions import space_from_distributions
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.suggest import suggest

SPACE = SearchSpace(
    [
        Variable.integer("depth", 1, 3),
        *[
            Variable.categorical(
                f"kernel_{i}", [3, 5, 7], [Condition("depth", tuple(range(i + 1, 4)))]
            )
            for i in range(3)
        ],
        Variable.categorical("width", [8, 16, 32]),
    ]
)
FLAT = {
    "depth": IntDistribution(1, 3),
    "width": CategoricalDistribution([8, 16, 32]),
    "op": CategoricalDistribution(["conv", "skip"]),
}


def new(sampler: BaseSampler, storage: object = None) -> Study:
    return optuna.create_study(
        study_name="s",
        storage=storage,  # type: ignore[arg-type]
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=sampler,
    )


def measure(params: dict[str, object]) -> tuple[float, float]:
    size = int(params["depth"]) * int(params["width"])  # type: ignore[call-overload]
    return 1 - 1 / size, float(size + sum(v for v in params.values() if isinstance(v, int)))


def key(trial: Trial | optuna.trial.FrozenTrial) -> tuple[object, ...]:
    return tuple(sorted((name, value) for name, value in trial.params.items()))


def tell(study: Study, trials: Sequence[Trial]) -> None:
    for trial in trials:
        trial.set_user_attr("latency_ms", measure(trial.params)[1])
        study.tell(trial, measure(trial.params))


@pytest.mark.parametrize("declared", [None, SPACE], ids=["inferred", "declared"])
@pytest.mark.parametrize("make", [LINASSampler, PymooSampler])
def test_no_network_is_asked_for_twice(
    make: type[LINASSampler], declared: SearchSpace | None
) -> None:
    study = new(make(seed=0, space=declared))
    seen: set[tuple[object, ...]] = set()
    # Larger than a batch of the sampler's, and one is asked for before the last is told.
    waiting = ask_batch(study, 17, SPACE)
    for n in (9, 14, 3):
        after = ask_batch(study, n, SPACE)
        tell(study, waiting)
        seen |= {key(trial) for trial in waiting}
        waiting = after
    seen |= {key(trial) for trial in waiting}
    assert len(seen) == 17 + 9 + 14 + 3
    assert all(SPACE.decode(SPACE.encode(dict(found))) == dict(found) for found in seen)


def test_a_first_batch_is_the_samplers_own_start() -> None:
    asked = new(LINASSampler(seed=3))
    trials = ask_batch(asked, 12, SPACE)
    told = new(LINASSampler(seed=3, space=SPACE))
    assert [t.params for t in trials] == [t.params for t in ask_batch(told, 12)]
    # The corners of the space come first.
    assert {t.params["depth"] for t in trials[:2]} == {1, 3}


def test_batches_and_single_trials_share_one_plan() -> None:
    study = new(LINASSampler(seed=0, n_startup_trials=6, batch_size=4, space=SPACE))
    tell(study, ask_batch(study, 6))
    first = ask_batch(study, 2)
    alone = study.ask()
    suggest(alone, SPACE)
    assert key(alone) not in {key(trial) for trial in first}
    tell(study, first)
    claims = [t.system_attrs["linas:claim"] for t in study.trials[6:]]
    assert [claim[:4] for claim in claims] == ["[1,0", "[1,1", "[1,2"]
    assert study.trials[6].system_attrs["linas:claim"].count("predicted") == 1


def test_conditions_are_learned_from_define_by_run_code() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        depth = trial.suggest_int("depth", 1, 3)
        kernels = [trial.suggest_categorical(f"kernel_{i}", [3, 5, 7]) for i in range(depth)]
        trial.suggest_categorical("optimizer", ["adam"])
        return float(sum(kernels)), float(depth)

    study = new(LINASSampler(seed=0))
    study.optimize(objective, n_trials=20)
    for trial in ask_batch(study, 8):
        depth = trial.params["depth"]
        expected = {"depth", "optimizer", *(f"kernel_{i}" for i in range(depth))}
        assert set(trial.params) == expected  # the constant too, and nothing inactive


def test_before_anything_is_known_the_space_must_be_given() -> None:
    for sampler in (LINASSampler(seed=0), TPESampler(seed=0)):
        study = new(sampler)
        with pytest.raises(ValueError, match="Nobody knows yet what to ask for"):
            ask_batch(study, 3)
        assert study.trials == []
    declared = new(LINASSampler(seed=0, space=FLAT))
    assert len(ask_batch(declared, 3)) == 3


def test_any_sampler_may_propose() -> None:
    study = new(TPESampler(seed=0))
    tell(study, ask_batch(study, 3, FLAT))
    assert all(set(t.params) == set(FLAT) for t in ask_batch(study, 3))
    nag = new(NAGSampler(cost="latency_ms", seed=0))
    trials = ask_batch(nag, 5, FLAT)
    assert len({key(trial) for trial in trials}) == 5


def test_enqueued_trials_come_first_and_count() -> None:
    study = new(LINASSampler(seed=0))
    study.enqueue_trial({"depth": 2, "width": 16, "op": "skip"})
    study.enqueue_trial({"depth": 3})
    trials = ask_batch(study, 6, FLAT)
    assert trials[0].params == {"depth": 2, "width": 16, "op": "skip"}
    assert trials[1].params["depth"] == 3
    assert len({key(trial) for trial in trials}) == 6


def test_a_batch_that_fails_gives_its_places_to_others() -> None:
    study = new(LINASSampler(seed=0, n_startup_trials=4))
    for trial in ask_batch(study, 4, FLAT):
        study.tell(trial, state=TrialState.FAIL)
    tell(study, ask_batch(study, 4, FLAT))
    assert len({key(t) for t in study.trials}) == 8


def test_another_process_goes_on_with_the_same_plan() -> None:
    def run(n_processes: int) -> list[dict[str, object]]:
        storage = optuna.storages.InMemoryStorage()
        studies = [new(LINASSampler(seed=0), storage) for _ in range(n_processes)]
        for i, n in enumerate((8, 8, 6, 6)):
            study = studies[i % n_processes]
            tell(study, ask_batch(study, n, SPACE))
        return [trial.params for trial in studies[0].trials]

    assert run(1) == run(2)


def test_numbers_come_from_their_ranges() -> None:
    study = new(LINASSampler(seed=0))
    space = {"lr": FloatDistribution(1e-4, 1e-1, log=True), **FLAT}
    trials = ask_batch(study, 20, space)
    tell(study, trials)
    assert all(1e-4 <= t.params["lr"] <= 1e-1 for t in ask_batch(study, 5))


def test_wrong_arguments_are_explained() -> None:
    study = new(LINASSampler(seed=0, space=SPACE))
    with pytest.raises(SpaceMismatchError, match="declares 'depth'"):
        ask_batch(study, 2, {"depth": CategoricalDistribution([1, 2, 3])})
    with pytest.raises(ValueError, match="n must be at least 1"):
        ask_batch(study, 0)
    with pytest.raises(TypeError, match="got list"):
        ask_batch(study, 2, ["depth"])  # type: ignore[arg-type]
    assert study.trials == []


PLANNING: dict[str, Callable[[], BaseSampler]] = {
    "linas": lambda: LINASSampler(seed=0, n_startup_trials=4, batch_size=4, predictor="ridge"),
    "nag": lambda: NAGSampler(cost="latency_ms", seed=0, n_startup_trials=4, n_steps=1),
    "pymoo": lambda: PymooSampler(seed=0, population_size=4),
}
OTHERS: dict[str, Callable[[], BaseSampler]] = {
    "random": lambda: RandomSampler(seed=0),
    "nsga2": lambda: NSGAIISampler(seed=0, population_size=4),
}
NARROW: dict[str, BaseDistribution] = {
    "depth": IntDistribution(1, 3),
    "width": CategoricalDistribution([8, 16, 32]),
}
WIDE: dict[str, BaseDistribution] = {**NARROW, "depth": IntDistribution(1, 8)}
ELSEWHERE: dict[str, BaseDistribution] = {**NARROW, "depth": IntDistribution(4, 6)}
MORE: dict[str, BaseDistribution] = {**NARROW, "op": CategoricalDistribution(["conv", "skip"])}
UNRELATED: dict[str, BaseDistribution] = {"depth_2": IntDistribution(1, 3)}
CHANGES = {
    "a new variable": (NARROW, MORE),
    "a wider range": (NARROW, WIDE),
    "a variable less": (MORE, NARROW),
    "a narrower range": (WIDE, NARROW),
    "another range": (NARROW, ELSEWHERE),
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("make", {**PLANNING, **OTHERS}.values(), ids=[*PLANNING, *OTHERS])
def test_the_space_may_change_between_batches(make: Callable[[], BaseSampler], change: str) -> None:
    before, after = (space_from_distributions(space) for space in CHANGES[change])
    study = new(make())
    tell(study, ask_batch(study, 5, before))
    asked = ask_batch(study, 2, after)
    tell(study, asked)
    asked += ask_batch(study, 2, after)
    tell(study, asked[2:])
    for trial in asked:
        assert set(trial.params) == set(after.names)
        after.encode(trial.params)  # in the ranges that were asked for
    if isinstance(study.sampler, RandomSampler | NSGAIISampler):
        return
    # What was measured in the other space counts where it is a network of this one, too.
    rows = [_row(trial.params, after) for trial in study.trials]
    earlier = {row for row in rows[:5] if row is not None}
    assert len(earlier | set(rows[5:])) == len(earlier) + 4


def _row(params: dict[str, object], space: SearchSpace) -> bytes | None:
    """A network of a space, where a trial without `op` stands for its first option."""
    try:
        return space.encode({"op": "conv", **params}).tobytes()
    except SpaceMismatchError:
        return None


@pytest.mark.parametrize("make", PLANNING.values(), ids=PLANNING)
def test_what_was_measured_elsewhere_is_in_nobodys_way(make: Callable[[], BaseSampler]) -> None:
    study = new(make())
    tell(study, ask_batch(study, 6, NARROW))
    for n in (5, 4):  # all there are
        tell(study, ask_batch(study, n, ELSEWHERE))
    assert len({key(trial) for trial in study.trials[6:]}) == 9


@pytest.mark.parametrize("make", PLANNING.values(), ids=PLANNING)
def test_a_space_that_has_nothing_of_the_last_one(
    make: Callable[[], BaseSampler], caplog: pytest.LogCaptureFixture
) -> None:
    study = new(make())
    tell(study, ask_batch(study, 4, NARROW))
    optuna.logging.enable_propagation()
    trials = ask_batch(study, 3, UNRELATED)
    optuna.logging.disable_propagation()
    assert {trial.params["depth_2"] for trial in trials} == {1, 2, 3}
    (said,) = {r.getMessage() for r in caplog.records if r.levelname == "WARNING"}
    assert said.startswith("Trial 0 cannot be learned from")  # and not that a cost is missing
    assert said.endswith("So it is with 3 more trials.")


def test_what_was_asked_with_a_space_counts_where_it_is_inferred() -> None:
    unsorted = SearchSpace(list(reversed(SPACE.variables)))
    study = new(LINASSampler(seed=0, n_startup_trials=6, batch_size=5, predictor="ridge"))
    tell(study, ask_batch(study, 12, unsorted))
    waiting = ask_batch(study, 5, unsorted)  # predicted, and running
    more = ask_batch(study, 5)
    assert len({key(trial) for trial in study.trials}) == 22
    tell(study, waiting + more)
    iterations = study.user_attrs["linas:predictors"]["iterations"]
    assert [each["n_trials"] for each in iterations][:1] == [5]


def test_a_trial_that_cannot_be_asked_keeps_no_place() -> None:
    study = new(LINASSampler(seed=0))
    tell(study, ask_batch(study, 2, FLAT))
    with pytest.raises(ValueError, match="dynamic value space"):
        ask_batch(study, 2, {**FLAT, "op": CategoricalDistribution(["conv", "skip", "pool"])})
    assert [trial.state for trial in study.trials[2:]] == [TrialState.FAIL]
