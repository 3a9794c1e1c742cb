"""What must hold of every study, whatever has happened to its workers."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import FloatArray
from optuna_linas.assignment import Assignment
from tests.services import problem
from tests.services.matrix import Entry, reference_volumes

__all__ = [
    "check_all_ended",
    "check_claims",
    "check_different",
    "check_population",
    "check_search",
    "check_sequential",
    "check_volumes",
    "volume_of",
    "with_state",
]


_N_MORE = 24


def check_search(study: Study, entry: Entry, *, n_lost: int = 0) -> None:
    """Raise `AssertionError` unless nothing is lost and the search is as good as undisturbed.

    The start shows layers that are all alike, and here each has another best kernel: until a search
    has found that out it lacks a tenth of the volume, and one in thirty is
    as late as that with eight trials in flight in a single process, too. These get more trials.

    Args:
        study: The study.
        entry: The sampler and what it searches.
        n_lost: How many trials are still running because their worker was killed.
    """
    check_all_ended(study, entry, n_lost=n_lost)
    least = _least_on_average(entry, 1)
    if volume_of(study, entry) >= least:
        return
    study.optimize(entry.objective, n_trials=_N_MORE)
    volume = problem.measured_volume(with_state(study, TrialState.COMPLETE))
    assert volume >= least, f"after {_N_MORE} more trials {volume} is still below {least}"


def check_all_ended(study: Study, entry: Entry, *, n_lost: int = 0) -> None:
    """Raise `AssertionError` unless every trial has ended but those lost, none measured twice."""
    trials = study.get_trials(deepcopy=False)
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert len(with_state(study, TrialState.COMPLETE)) >= entry.n_trials
    assert len(with_state(study, TrialState.RUNNING)) == n_lost
    assert not with_state(study, TrialState.WAITING)
    check_different(trials)


def check_different(trials: list[FrozenTrial]) -> None:
    """Raise `AssertionError` if a network was measured twice."""
    ended = [trial for trial in trials if trial.state.is_finished()]
    times = Counter(problem.architecture(trial) for trial in ended)
    twice = [trial for trial in ended if times[problem.architecture(trial)] > 1]
    assert not twice, "measured more than once:\n" + "\n".join(
        f"{t.number} {t.state.name} {t.params} {t.system_attrs} {t.datetime_start} "
        f"{t.datetime_complete}"
        for t in sorted(twice, key=problem.architecture)
    )


def check_claims(study: Study, entry: Entry) -> None:
    """Every trial has claimed a row of its own, and those of the last batch are the plan's rows.

    Plans of earlier batches are gone. Had one of them been replaced by another while workers took
    from it, rows of both would be claimed, under the same numbers.
    """
    claims = [
        json.loads(trial.system_attrs[f"{entry.key}:claim"])
        for trial in study.get_trials(deepcopy=False)
    ]
    attrs = study._storage.get_study_system_attrs(study._study_id)
    plan = json.loads(attrs[f"{entry.key}:plan"])
    last = max(batch for batch, *_ in claims)
    assert plan["batch"] == last > 0
    for batch, slot, row, *_ in claims:
        assert batch < last or plan["rows"][slot] == row, (batch, slot, row, plan)
    times = Counter((batch, slot) for batch, slot, *_ in claims)
    assert max(times.values()) == 1, times


def check_population(study: Study, *, is_redone: bool = False) -> None:
    """Raise `AssertionError` unless each slot of each generation was trained.

    Args:
        study: The study.
        is_redone: Whether a slot may have been trained twice.
    """
    assert all(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    complete = with_state(study, TrialState.COMPLETE)
    owns = [own for trial in complete if (own := Assignment.of(trial)) is not None]
    steps = Counter((own.generation, own.slot) for own in owns)
    assert set(steps) == {(generation, slot) for generation in range(3) for slot in range(8)}
    assert is_redone or set(steps.values()) == {1}
    best = {0: 0.0, 2: 0.0}
    for trial, own in zip(complete, owns, strict=True):
        if own.generation in best and trial.value is not None:
            best[own.generation] = max(best[own.generation], trial.value)
    assert best[2] >= best[0] > 0


def volume_of(study: Study, entry: Entry) -> float:
    """The hypervolume of as many complete trials as the sampler is compared after."""
    return problem.measured_volume(with_state(study, TrialState.COMPLETE)[: entry.n_trials])


def with_state(study: Study, state: TrialState) -> list[FrozenTrial]:
    """The study's trials in a state."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state == state]


def check_volumes(volumes: Sequence[float], entry: Entry) -> None:
    """Raise `AssertionError` unless hypervolumes are, on average, those of one undisturbed process.

    It too has eight trials under way at any time: a search that evaluates eight at once knows less
    at each step than one that evaluates one, whatever happens to its workers. On average they may
    lie four standard errors of the difference below. That happens to equally good searches less
    than once in a thousand times; the average of three searches at random is hardly ever as high.
    """
    least = _least_on_average(entry, len(volumes))
    assert np.mean(volumes) >= least, f"{volumes} are on average below {least}"


def check_sequential(volumes: Sequence[float], entry: Entry) -> None:
    """Raise `AssertionError` unless hypervolumes are within the spread of undisturbed searches.

    Half of these have one trial under way at any time and half of them eight, as `volumes` are of
    one to eight workers. The spread is three standard deviations over other seeds, or a 25th of the
    volume: twenty seeds tell it roughly, and searches that have found nearly everything hardly
    differ. `volumes`, whatever the number of workers that found them, count by their median: now
    and then a search of this size, by several workers, never finds one end of the front.
    """
    alone = np.concatenate([_alone(entry, n_running)[:10] for n_running in (1, 8)])
    least = alone.mean() - max(3 * alone.std(ddof=1), 0.04 * alone.mean())
    assert np.median(volumes) >= least, f"the median of {volumes} is below {least}"


def _least_on_average(entry: Entry, n_volumes: int) -> float:
    alone = _alone(entry, n_running=8)
    error = alone.std(ddof=1) * math.sqrt(1 / n_volumes + 1 / len(alone))
    return float(alone.mean() - 4 * error)


@cache
def _alone(entry: Entry, n_running: int) -> FloatArray:
    """The hypervolumes of other seeds in one process."""
    return reference_volumes(entry, 20, n_running)
