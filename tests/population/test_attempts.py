"""What was read of a population is kept, and says what reading everything anew would say."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import hypothesis.strategies as st
import optuna
from hypothesis import given, settings
from optuna.trial import FrozenTrial, TrialState, create_trial

from optuna_linas import PBTNASSampler
from optuna_linas.assignment import ASSIGNMENT_KEY, Assignment, Holder
from optuna_linas.attempts import Attempts, attempts_of
from optuna_linas.lineage import Lineage, read_lineage
from optuna_linas.population_plan import PopulationPlan

N_SLOTS = 3
PLAN = PopulationPlan(N_SLOTS, 50, True, 2)
HOLDERS = (Holder("a", 1, "then"), Holder("b", 2, "then"))
START = datetime.datetime(2026, 1, 1)

Step = tuple[int, int, TrialState, int, float]
steps = st.tuples(
    st.integers(0, 2),
    st.integers(0, N_SLOTS - 1),
    st.sampled_from([TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED]),
    st.integers(0, 1),
    st.integers(0, 100).map(float),
)


def trial_of(number: int, step: Step, *, is_over: bool) -> FrozenTrial:
    generation, slot, state, holder, since = step
    own = Assignment(
        number, generation, slot, 1, 2, None, None, (), (), {}, 0.4, 0.1,
        HOLDERS[holder], since, 1.0, False,
    )  # fmt: skip
    trial = create_trial(
        state=state if is_over else TrialState.RUNNING,
        value=1.0 if is_over and state == TrialState.COMPLETE else None,
        system_attrs={ASSIGNMENT_KEY: own.dumps()},
    )
    trial.number, trial._trial_id = number, number
    trial.datetime_start = START
    trial.datetime_complete = START + datetime.timedelta(seconds=since + 1) if is_over else None
    return trial


def told(trials: Sequence[FrozenTrial], known: Attempts) -> tuple[object, ...]:
    lineage = Lineage(trials, PLAN, {}, known)
    numbers = {place: [t.number for t in found] for place, found in lineage.attempts.items()}
    late = {place: [t.number for t in found] for place, found in lineage.attempts_since(1)}
    settled = [lineage.n_steps(slot) for slot in range(N_SLOTS)]
    begun = [lineage.begun_before(holder, n) for holder in HOLDERS for n in range(len(trials) + 1)]
    return numbers, late, settled, begun, lineage.longest_epoch_s()


@settings(max_examples=60)
@given(st.lists(steps, min_size=1, max_size=12), st.data())
def test_it_says_what_a_fresh_process_says(found: list[Step], data: st.DataObject) -> None:
    known = Attempts()
    over: set[int] = set()
    order = data.draw(st.permutations(range(len(found))))
    for n_over, number in enumerate(order):
        over.add(number)
        n = data.draw(st.integers(max(over) + 1, len(found)))
        trials = [trial_of(i, found[i], is_over=i in over) for i in range(n)]
        if n_over % 2:
            assert told(trials, known) == told(trials, Attempts())
        else:
            known.update(trials[: data.draw(st.integers(0, n))])  # another thread, earlier
    begun = told(trials, known)[3]
    every = [(HOLDERS[step[3]], i, step[4] - 1.0) for i, step in enumerate(found)]
    assert begun == [
        max([s for holder, i, s in every if holder == mine and i < n], default=float("-inf"))
        for mine in HOLDERS
        for n in range(len(trials) + 1)
    ]


def test_a_study_that_takes_the_ids_of_a_deleted_one_is_another_one() -> None:
    storage = optuna.storages.RDBStorage("sqlite:///:memory:")
    for width in (1, 2):
        study = optuna.create_study(
            study_name="again", storage=storage, sampler=PBTNASSampler(2, 2, 1, seed=0)
        )
        study.optimize(lambda trial, width=width: trial.suggest_int("width", width, width))
        trials = study.get_trials(deepcopy=False)
        assert attempts_of(study, trials) is attempts_of(study, trials)
        assert {m.params["width"] for m in read_lineage(study).living()} == {width}
        ids = [study._study_id, *(trial._trial_id for trial in trials)]
        optuna.delete_study(study_name="again", storage=storage)
    assert ids[0] == 1  # the id of the deleted one


def test_a_plan_with_other_rules_settles_anew() -> None:
    failed = [(0, 0, TrialState.FAIL, 0, 1.0)] * 2
    trials = [trial_of(i, step, is_over=True) for i, step in enumerate(failed)]
    for trial in trials:
        trial._system_attrs["pbt:failure"] = "error"
    known = Attempts()
    patient = PopulationPlan(N_SLOTS, 50, True, 3)
    assert Lineage(trials, PLAN, {}, known).n_steps(0) == 1
    assert Lineage(trials, patient, {}, known).n_steps(0) == 0
    assert Lineage(trials, PLAN, {}, known).n_steps(0) == 1
