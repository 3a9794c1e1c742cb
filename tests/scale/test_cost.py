"""What a trial asks of the storage does not grow with the study: counted, at 100 to 5,000 trials.

The studies are filled with imported trials up to each size, then further trials are counted: it is
the cost of the next trial that is compared, over whole batches and generations.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from benchmarks.counting_storage import CountingStorage, Traffic
from optuna_linas import LINASSampler, NAGSampler, PBTNASSampler, PymooSampler
from optuna_linas.assignment import ASSIGNMENT_KEY, Assignment, Holder
from optuna_linas.lineage import read_lineage
from optuna_linas.samplers.plan import Plan
from optuna_linas.samplers.study_reader import StudyReader

SIZES = (100, 1_000, 5_000)
N_VARIABLES = 8
OPTIONS = (0, 1, 2, 3)
LIMIT = 60_000

PLANNED: dict[str, tuple[Callable[[], BaseSampler], int]] = {
    # Name to the sampler and the trials that are counted: whole batches.
    "linas": (lambda: LINASSampler(predictor="ridge", n_inner_evaluations=200, seed=0), 105),
    "linas, batches of 1": (
        lambda: LINASSampler(predictor="ridge", n_inner_evaluations=50, batch_size=1, seed=0),
        12,
    ),
    "nag": (lambda: NAGSampler(cost=1, n_budgets=3, n_steps=1, seed=0), 105),
    "pymoo": (lambda: PymooSampler("nsga2", population_size=40, seed=0), 120),
    "pbt-nas": (lambda: PBTNASSampler(POPULATION, 10_000, 1, seed=0), 20),
    "pbt-nas, asynchronous": (
        lambda: PBTNASSampler(POPULATION, 10_000, 1, asynchronous=True, seed=0),
        20,
    ),
}
POPULATION = 20


def values_of(row: list[int]) -> tuple[float, float]:
    return float(sum(row)), 1.0 + sum((3 - v) ** 2 * (1 + i % 3) for i, v in enumerate(row))


def objective(trial: Trial) -> tuple[float, float]:
    names = [f"layer_{i}" for i in range(N_VARIABLES)]
    return values_of([trial.suggest_categorical(name, OPTIONS) for name in names])


def imported(number: int, rng: np.random.Generator, is_population: bool) -> FrozenTrial:
    """A complete trial; of a population it is the step of a slot, as a sampler leaves it."""
    row = [int(v) for v in rng.integers(len(OPTIONS), size=N_VARIABLES)]
    attrs = {}
    if is_population:
        generation, slot = divmod(number, POPULATION)
        step = Assignment(
            number, generation, slot, 1, 1, None, None, (), (), {}, 0.4, 0.1,
            Holder("m", 1, "then"), 0.0, 0.0, False,
        )  # fmt: skip
        attrs[ASSIGNMENT_KEY] = step.dumps()
    return create_trial(
        params={f"layer_{i}": v for i, v in enumerate(row)},
        distributions={f"layer_{i}": CategoricalDistribution(OPTIONS) for i in range(N_VARIABLES)},
        values=values_of(row),
        system_attrs=attrs,
    )


@dataclass(frozen=True)
class Cost:
    """Of the trials that were counted, on average; `largest` of all until then.

    `trials_parsed` stands for processor time: how often an attribute of a trial was parsed.
    """

    reads: float
    writes: float
    bytes_read: float
    bytes_written: float
    trials_read: float
    trials_parsed: float
    largest: int


@contextmanager
def parsed() -> Iterator[Counter[str]]:
    """Count how often a claim or an assignment is read off a trial."""
    n_calls: Counter[str] = Counter()

    def counted(name: str, read: Callable[..., Any]) -> Callable[..., Any]:
        def reads(*args: Any) -> Any:
            n_calls[name] += 1
            return read(*args)

        return reads

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Assignment, "of", staticmethod(counted("assignment", Assignment.of)))
        patch.setattr(StudyReader, "claim_of", counted("claim", StudyReader.claim_of))
        yield n_calls


@cache
def costs(name: str) -> dict[int, Cost]:
    make, n_counted = PLANNED[name]
    storage = CountingStorage(optuna.storages.InMemoryStorage())
    study = optuna.create_study(directions=["maximize", "minimize"], storage=storage)
    rng, found = np.random.default_rng(0), {}
    for size in SIZES:
        is_population = name.startswith("pbt-nas")
        for number in range(len(study.get_trials(deepcopy=False)), size):
            trial = imported(number, rng, is_population)
            storage.storage.create_new_trial(study._study_id, template_trial=trial)
        study.sampler = make()
        # A process reads everything once when it starts, and the imported ones must be planned on.
        study.optimize(objective, n_trials=1)
        storage.traffic = Traffic()
        with parsed() as n_parsed:
            study.optimize(objective, n_trials=n_counted)
        seen = storage.traffic
        found[size] = Cost(
            seen.n_reads / n_counted,
            seen.n_writes / n_counted,
            seen.bytes_read / n_counted,
            seen.bytes_written / n_counted,
            seen.n_trials_read / n_counted,
            n_parsed.total() / n_counted,
            max(seen.largest.values()),
        )
    return found


@pytest.mark.parametrize("name", PLANNED)
def test_calls_of_a_trial_do_not_grow(name: str) -> None:
    found = costs(name)
    for field in ("reads", "writes", "trials_read", "trials_parsed"):
        first, *others = (getattr(found[size], field) for size in SIZES)
        assert 0 < max(others) <= 1.1 * first, (field, found)


@pytest.mark.parametrize("name", PLANNED)
def test_bytes_of_a_trial_do_not_grow(name: str) -> None:
    found = costs(name)
    # The smallest study has small batches, and a plan has at least eight spares.
    for field in ("bytes_read", "bytes_written"):
        first, *others = (getattr(found[size], field) for size in SIZES)
        assert max(others) <= 1.25 * first, (field, found)


@pytest.mark.parametrize("name", PLANNED)
def test_attributes_stay_small(name: str) -> None:
    assert max(cost.largest for cost in costs(name).values()) < 20_000


@pytest.mark.parametrize("name", [name for name in PLANNED if not name.startswith("pbt-nas")])
def test_a_search_with_a_plan_reads_about_as_much_as_nsga2(name: str) -> None:
    storage = CountingStorage(optuna.storages.InMemoryStorage())
    sampler = optuna.samplers.NSGAIISampler(seed=0)
    study = optuna.create_study(directions=["minimize"] * 2, storage=storage, sampler=sampler)
    study.optimize(objective, n_trials=20)
    theirs = storage.traffic.n_reads / 20
    extra = 4.5 if name == "linas, batches of 1" else 1.5  # a plan for each trial
    assert costs(name)[5_000].reads <= theirs + extra


def test_the_plan_of_a_large_batch_of_45_variables_stays_below_the_limit() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=LINASSampler(
            predictor="ridge", n_inner_evaluations=1_000, n_startup_trials=20, batch_size=2_000
        ),
    )

    def wide(trial: Trial) -> tuple[float, float]:
        row = [trial.suggest_categorical(f"layer_{i}.kernel_size", OPTIONS) for i in range(45)]
        return values_of(row)

    study.optimize(wide, n_trials=25)
    text = study._storage.get_study_system_attrs(study._study_id)["linas:plan"]
    assert 40_000 < len(json.dumps(text)) <= LIMIT
    assert len(Plan.loads(text).rows) > 300


def test_an_attempt_that_ends_after_its_generation_never_counts() -> None:
    """Generations are stored for a while only; a trial that was too late says so itself."""
    study = optuna.create_study(
        sampler=PBTNASSampler(2, 8, 1, slot_timeout_s=1e-9, max_attempts=9, seed=0)
    )
    late = study.ask()
    own = Assignment.of(study._storage.get_trial(late._trial_id))
    assert own is not None
    # Of another machine: nobody can know whether it lives, so it is redone after the time limit.
    away = replace(own, holder=Holder("elsewhere", 1, "then"))
    study._storage.set_trial_system_attr(late._trial_id, ASSIGNMENT_KEY, away.dumps())
    study.optimize(lambda trial: float(trial.suggest_int("width", 1, 9)), n_trials=4)
    late.suggest_int("width", 1, 9)
    study.tell(late, -1.0)
    study.optimize(lambda trial: float(trial.suggest_int("width", 1, 9)))
    lineage = read_lineage(study)
    assert study.trials[late.number].state == TrialState.COMPLETE
    counted = lineage.counting(own.generation, own.slot)
    assert counted is not None
    assert counted.number != late.number
