from pathlib import Path

import numpy as np
import optuna
import pytest

from benchmarks.checkpoints import Checkpoint
from benchmarks.problems import make_problem
from benchmarks.searches import search


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", ["TPESampler", "NSGAIISampler"])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(
    name: str, table: Path, tmp_path: Path
) -> None:
    problem = make_problem(str(table), None)
    whole = search(problem, getattr(optuna.samplers, name)(seed=0), 24)
    file = tmp_path / "cache" / "search.unfinished"
    n_trials = 0

    def kill_after_17() -> None:
        nonlocal n_trials
        n_trials += 1
        if n_trials == 17:
            raise Killed

    with pytest.raises(Killed):
        search(
            problem,
            getattr(optuna.samplers, name)(seed=0),
            24,
            on_trial=kill_after_17,
            checkpoint=Checkpoint(file, every_s=0),
        )
    counted: list[None] = []
    resumed = search(
        problem,
        optuna.samplers.RandomSampler(seed=9),  # the checkpoint has its own
        24,
        on_trial=lambda: counted.append(None),
        checkpoint=Checkpoint(file, every_s=0),
    )
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert len(counted) == len(resumed.seconds) == 24


def test_a_checkpoint_longer_than_the_search_is_cut(table: Path, tmp_path: Path) -> None:
    problem = make_problem(str(table), None)
    file = tmp_path / "search.unfinished"
    sampler = optuna.samplers.RandomSampler(seed=0)
    longer = search(problem, sampler, 9, checkpoint=Checkpoint(file, every_s=0))
    shorter = search(problem, sampler, 5, checkpoint=Checkpoint(file))
    np.testing.assert_array_equal(shorter.values, longer.values[:5])


def test_it_writes_only_now_and_then(table: Path, tmp_path: Path) -> None:
    problem = make_problem(str(table), None)
    file, now = tmp_path / "search.unfinished", 0.0
    checkpoint = Checkpoint(file, every_s=10, clock=lambda: now)
    written: list[bool] = []

    def tick() -> None:
        nonlocal now
        written.append(file.exists())
        now += 4

    search(problem, optuna.samplers.RandomSampler(seed=0), 5, on_trial=tick, checkpoint=checkpoint)
    assert written == [False, False, False, True, True]
    checkpoint.remove()
    assert checkpoint.load() is None


def test_a_fresh_run_ignores_what_is_there(table: Path, tmp_path: Path) -> None:
    problem = make_problem(str(table), None)
    file = tmp_path / "search.unfinished"
    sampler = optuna.samplers.RandomSampler(seed=0)
    search(problem, sampler, 3, checkpoint=Checkpoint(file, every_s=0))
    assert Checkpoint(file).load() is not None
    assert Checkpoint(file, read=False).load() is None
