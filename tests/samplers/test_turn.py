"""Of workers that find a batch used up one plans, whatever the order in which they come."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import Trial, TrialState

from optuna_linas import PymooSampler
from optuna_linas.assignment import Holder
from optuna_linas.samplers import turn
from optuna_linas.samplers.liveness import this_process
from optuna_linas.samplers.plan import Plan
from optuna_linas.samplers.turn import PATIENCE_S, Mark, Turn, mark_of, stamp_of
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({f"layer_{i}": [0, 1, 2, 3] for i in range(3)})
N_WORKERS = 3
STEPS = ("set_trial_system_attr", "set_study_system_attr", "get_all_trials")
STEPS += ("get_study_system_attrs", "set_trial_state_values", "create_new_trial")


def objective(trial: Trial) -> float:
    return float(sum(trial.suggest_categorical(name, [0, 1, 2, 3]) for name in SPACE.names))


def sampler() -> BaseSampler:
    return PymooSampler("ga", space=SPACE, population_size=2, seed=0)


class OneAtATime:
    """Lets one of several threads do one call of the storage at a time, in an order of its own."""

    def __init__(self, rng: np.random.Generator, n: int) -> None:
        self.rng, self.n_running = rng, n
        self.waiting: dict[int, threading.Event] = {}
        self.changed = threading.Condition()

    def step(self) -> None:
        event = threading.Event()
        with self.changed:
            self.waiting[threading.get_ident()] = event
            self.changed.notify()
        assert event.wait(60)

    def end(self) -> None:
        with self.changed:
            self.n_running -= 1
            self.changed.notify()

    def run(self) -> None:
        while True:
            with self.changed:
                assert self.changed.wait_for(lambda: len(self.waiting) == self.n_running, 60)
                if not self.n_running:
                    return
                chosen = list(self.waiting)[self.rng.integers(len(self.waiting))]
                event = self.waiting.pop(chosen)
            event.set()


class Stepwise:
    """A storage of which each call waits for its turn; it keeps all plans ever stored."""

    def __init__(self, storage: BaseStorage, order: OneAtATime) -> None:
        self.storage, self.order, self.plans = storage, order, list[Plan]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.storage, name)
        if name not in STEPS:
            return method

        def stepped(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                self.order.step()
            if name == "set_study_system_attr" and args[1].endswith(":plan"):
                self.plans.append(Plan.loads(args[2]))
            return method(*args, **kwargs)

        return stepped


BaseStorage.register(Stepwise)


def searched(seed: int, n_trials: int = 4) -> tuple[list[Plan], list[tuple[int, int, list[int]]]]:
    """All plans of a search by several workers, and the claims of its trials."""
    order = OneAtATime(np.random.default_rng(seed), N_WORKERS)
    storage: Any = Stepwise(InMemoryStorage(), order)
    study = optuna.create_study(storage=storage)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            mine = optuna.load_study(study_name=None, storage=storage, sampler=sampler())
            mine.optimize(objective, n_trials=n_trials)
        except BaseException as error:
            failed.append(error)
        finally:
            order.end()

    threads = [threading.Thread(target=work) for _ in range(N_WORKERS)]
    for thread in threads:
        thread.start()
    order.run()
    for thread in threads:
        thread.join()
    assert not failed, failed
    trials = study.get_trials(deepcopy=False)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    claims = [json.loads(trial.system_attrs["pymoo:claim"]) for trial in trials]
    assert len({json.dumps(row) for _, _, row, _ in claims}) == len(claims) == N_WORKERS * n_trials
    return storage.plans, [(batch, slot, row) for batch, slot, row, _ in claims]


def overwritten(plans: list[Plan]) -> int:
    return sum(n - 1 for n in Counter(plan.batch for plan in plans).values())


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn.time, "sleep", lambda s: None)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("seed", range(40))
def test_each_batch_has_one_plan_in_whatever_order_workers_come(seed: int) -> None:
    plans, claims = searched(seed)
    assert [plan.batch for plan in plans] == list(range(len(plans)))
    for batch, slot, row in claims:
        assert list(plans[batch].rows[slot]) == row


@pytest.mark.usefixtures("_no_pauses")
def test_without_turns_the_same_orders_have_several_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, "comes", lambda *args: True)
    assert sum(overwritten(searched(seed)[0]) > 0 for seed in range(10)) > 2


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, s: float) -> None:
        self.now_s += s


AWAY = Holder("another machine", 1, "then")


def turn_of(study: optuna.Study, clock: Clock, said: list[str] | None = None) -> Turn:
    trial = study.ask()
    frozen = study._storage.get_trial(trial._trial_id)
    warn = [].append if said is None else said.append
    return Turn("pymoo", study, frozen, warn, clock=clock, sleep=clock.sleep)


def stored_mark(study: optuna.Study, number: int) -> Mark | None:
    return mark_of(study.get_trials(deepcopy=False)[number], "pymoo")


def test_a_worker_that_meets_nobody_waits_for_nothing() -> None:
    study, clock = optuna.create_study(), Clock()
    mine = turn_of(study, clock)
    assert not mine.comes(None, {})  # what others wrote by now is to be read
    assert mine.pause()
    assert mine.comes(None, {})
    assert not mine.pause()
    assert clock.now_s == 0
    assert stored_mark(study, 0) == Mark(0, stamp_of(None), this_process())


def test_of_two_the_lower_number_plans() -> None:
    study, clock = optuna.create_study(), Clock()
    first, second = turn_of(study, clock), turn_of(study, clock)
    first.comes(None, {})
    second.comes(None, {})
    marks = {n: mark for n in (0, 1) if (mark := stored_mark(study, n))}
    assert len(marks) == 2
    assert not first.comes(None, {1: marks[1]})
    assert not second.comes(None, {0: marks[0]})
    assert stored_mark(study, 0) is not None
    assert stored_mark(study, 1) is None
    assert first.comes(None, {})
    assert not second.comes(None, {0: marks[0]})


def test_one_that_nobody_hears_of_is_waited_for_a_minute() -> None:
    study, clock, said = optuna.create_study(), Clock(), list[str]()
    turn_of(study, clock)
    mine = turn_of(study, clock, said)
    away = {0: Mark(0, "", AWAY)}
    while not mine.comes(None, away):
        mine.pause()
        assert clock.now_s < PATIENCE_S + 1
    assert clock.now_s > PATIENCE_S
    assert len(said) == 1
    assert "trial 0 plans" in said[0]


def test_who_waits_reads_the_plan_alone_and_all_trials_every_other_second() -> None:
    study, clock = optuna.create_study(), Clock()
    turn_of(study, clock)
    mine = turn_of(study, clock)
    away = {0: Mark(0, "", AWAY)}
    assert not mine.comes(None, away)
    mine.pause()
    assert 2 <= clock.now_s < 3
    assert not mine.comes(None, away)
    woken_s, sleep = clock.now_s + 1, clock.sleep

    def planned(s: float) -> None:
        sleep(s)
        if clock.now_s >= woken_s:
            study._storage.set_study_system_attr(study._study_id, "pymoo:plan", "a plan")

    mine._sleep = planned
    mine.pause()
    assert clock.now_s == woken_s
    assert mine.is_new("a plan")


def test_who_has_a_mark_looks_at_once_whether_the_others_have_taken_theirs_back() -> None:
    study, clock = optuna.create_study(), Clock()
    first, second = turn_of(study, clock), turn_of(study, clock)
    first.comes(None, {})
    second.comes(None, {})
    marks = {n: mark for n in (0, 1) if (mark := stored_mark(study, n))}
    assert not first.comes(None, {1: marks[1]})
    assert not second.comes(None, {0: marks[0]})  # takes its own back
    first.pause()
    assert clock.now_s < 0.2
    assert first.comes(None, {})


def test_nobody_waits_for_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    study, clock = optuna.create_study(), Clock()
    here = this_process()
    dead = Mark(7, "", Holder(here.machine, here.pid, "1"))  # another process had this id
    mine = turn_of(study, clock)
    for _ in range(2):
        is_mine = mine.comes(None, {7: dead})
        mine.pause()
    assert is_mine
    assert clock.now_s == 0


def test_marks_that_led_to_the_stored_plan_are_void() -> None:
    study, clock = optuna.create_study(), Clock()
    mine = turn_of(study, clock)
    for _ in range(2):
        is_mine = mine.comes("a plan", {7: Mark(7, stamp_of("the one before"), AWAY)})
        mine.pause()
    assert is_mine
    assert mine.is_new("another plan")
    assert not mine.is_new("a plan")


def test_many_who_pass_away_are_no_wait_without_end() -> None:
    study, clock = optuna.create_study(), Clock()
    mine = turn_of(study, clock)
    for n in range(100_000):
        if mine.comes(None, {n // 20: Mark(n // 20, "", AWAY)}):
            break
        mine.pause()
    assert 600 < clock.now_s < 604


def test_a_mark_that_was_copied_to_another_trial_says_nothing() -> None:
    study = optuna.create_study()
    mark = Mark(0, "", this_process())
    for _ in range(2):
        trial = study.ask()
        study._storage.set_trial_system_attr(trial._trial_id, "pymoo:planning", mark.dumps())
    assert stored_mark(study, 0) == mark
    assert stored_mark(study, 1) is None


def test_a_damaged_mark_is_named() -> None:
    for text in ("", "[1]", '["a","b","c",1,"d"]', "{}", '[1,"a","b",-1,"c"]'):
        with pytest.raises(ValueError, match="A trial's mark cannot be read"):
            Mark.loads(text)


def test_whoever_is_interrupted_while_planning_takes_the_mark_back() -> None:
    study = optuna.create_study(sampler=sampler())
    study.sampler._dispatcher._plan = interrupted  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        objective(study.ask())
    assert study.trials[0].state == TrialState.RUNNING
    assert stored_mark(study, 0) is None


def interrupted(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


def test_who_gets_a_place_that_became_free_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = optuna.create_study(sampler=sampler())
    study.optimize(objective, n_trials=2)
    batch = [study.ask(), study.ask()]
    losses = [objective(trial) for trial in batch]
    looked = Turn.pause

    def failing(self: Turn) -> bool:
        has_waited = looked(self)
        if has_waited and study.trials[3].state == TrialState.RUNNING:
            study.tell(batch[1], state=TrialState.FAIL)  # between the mark and the look after it
        return has_waited

    late = study.ask()
    with monkeypatch.context() as patch:
        patch.setattr(Turn, "pause", failing)
        objective(late)
    assert json.loads(study.trials[4].system_attrs["pymoo:claim"])[:2] == [1, 2]
    assert stored_mark(study, 4) is None
    study.tell(batch[0], losses[0])
    monkeypatch.setattr(turn.time, "sleep", interrupted)
    objective(study.ask())  # plans the next batch at once
    plan = study._storage.get_study_system_attrs(study._study_id)["pymoo:plan"]
    assert Plan.loads(plan).batch == 2


@pytest.mark.usefixtures("_no_pauses")
def test_who_has_waited_takes_a_spare_row_rather_than_plan_once_more() -> None:
    """The batch has two places; the others' plan is as fresh as one's own would be."""
    other = optuna.create_study(sampler=sampler())
    other.optimize(objective, n_trials=2)
    text = other._storage.get_study_system_attrs(other._study_id)["pymoo:plan"]
    study = optuna.create_study(sampler=sampler())
    late, *others = study.ask(), study.ask(), study.ask()
    storage = study._storage
    mark = Mark(1, "", AWAY).dumps()
    storage.set_trial_system_attr(others[0]._trial_id, "pymoo:planning", mark)

    def planned(s: float) -> None:
        storage.set_study_system_attr(study._study_id, "pymoo:plan", text)
        for mine, theirs in zip(others, other.trials, strict=True):
            claim = theirs.system_attrs["pymoo:claim"]
            storage.set_trial_system_attr(mine._trial_id, "pymoo:claim", claim)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn.time, "sleep", planned)
        objective(late)
    batch, slot, row, _ = json.loads(study.trials[0].system_attrs["pymoo:claim"])
    assert storage.get_study_system_attrs(study._study_id)["pymoo:plan"] == text
    plan = Plan.loads(text)
    assert (batch, slot, plan.size) == (0, 2, 2)
    assert list(plan.rows[2]) == row
