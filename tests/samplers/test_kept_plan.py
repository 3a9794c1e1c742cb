"""A worker keeps the plan that it has read, until a claim of another tells of a newer one."""

from dataclasses import replace

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from benchmarks.counting_storage import CountingStorage, Traffic
from optuna_linas import PymooSampler
from optuna_linas.samplers.plan import Claim, Plan, ReadablePlan
from optuna_linas.samplers.rows import names_key
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({f"layer_{i}": [0, 1, 2, 3] for i in range(5)})


def objective(trial: Trial) -> float:
    return float(sum(trial.suggest_categorical(name, [0, 1, 2, 3]) for name in SPACE.names))


def sampler() -> PymooSampler:
    return PymooSampler("ga", space=SPACE, population_size=10, seed=0)


def stored(study: Study) -> Plan:
    return Plan.loads(study._storage.get_study_system_attrs(study._study_id)["pymoo:plan"])


def claimed(study: Study) -> Claim:
    return Claim.loads(study.trials[-1].system_attrs["pymoo:claim"])


def test_it_is_read_again_at_the_end_of_a_batch_only() -> None:
    storage = CountingStorage(optuna.storages.InMemoryStorage())
    study = optuna.create_study(storage=storage, sampler=sampler())
    study.optimize(objective, n_trials=3)
    storage.traffic = Traffic()
    study.optimize(objective, n_trials=7)
    assert storage.traffic.calls["get_study_system_attrs"] == 0
    study.optimize(objective, n_trials=1)
    assert storage.traffic.calls["get_study_system_attrs"] > 0


def test_a_plan_that_was_stored_over_it_is_taken_from_once_somebody_claims_of_it() -> None:
    study = optuna.create_study(sampler=sampler())
    study.optimize(objective, n_trials=3)
    mine, other = study.sampler, sampler()
    old = stored(study)
    # Two workers planned at once, and the second one's plan is what stays.
    new = replace(old, rows=tuple(tuple(3 - int(v or 0) for v in row) for row in old.rows))
    study._storage.set_study_system_attr(study._study_id, "pymoo:plan", new.dumps())
    study.sampler = other
    study.optimize(objective, n_trials=1)
    assert claimed(study).row in new.rows
    study.sampler = mine
    study.optimize(objective, n_trials=3)
    rows = [Claim.loads(t.system_attrs["pymoo:claim"]).row for t in study.trials]
    assert set(rows[3:]) <= set(new.rows)
    assert len(set(rows)) == 7


@pytest.mark.parametrize(
    ("batch", "slot", "row", "explained"),
    [
        (2, 0, (1, 2), True),
        (2, 0, (2, 1), False),
        (1, 0, (2, 1), True),
        (3, 0, (1, 2), False),
        (2, 7, (3, 3), True),  # a repetition, where nothing is left
    ],
)
def test_which_claims_a_plan_explains(
    batch: int, slot: int, row: tuple[int, ...], explained: bool
) -> None:
    space = SearchSpace.from_choices({"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]})
    plan = ReadablePlan(Plan(2, 1, ("a", "b"), ((1, 2), (0, 0))).dumps(), space)
    assert plan.explains(Claim(batch, slot, row, names_key(("a", "b")))) is explained


def test_a_plan_of_version_1_is_read() -> None:
    text = (
        '{"version":1,"batch":1,"size":1,"names":["a"],"rows":[[0],[1]],"notes":'
        '[{"predicted":[0.5],"objectives":[0]},{"predicted":[0.1],"objectives":[0]}]}'
    )
    plan = Plan.loads(text)
    assert plan.note(1) == {"predicted": [0.1], "objectives": [0]}
    assert Plan.loads(plan.dumps()) == plan
    assert len(plan.dumps()) < len(text)


def test_notes_that_say_nothing_stay_empty() -> None:
    notes = ({"predicted": [1.0], "objectives": [0]}, {}, {"predicted": [2.0], "objectives": [0]})
    plan = Plan(1, 1, ("a",), ((0,), (1,), (2,)), notes)
    assert Plan.loads(plan.dumps()).notes == notes
