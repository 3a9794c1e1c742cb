"""Plans are made with one BLAS thread, and nobody else's setting is lost."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from optuna_linas import LINASSampler
from optuna_linas.blas_threads import one_blas_thread
from optuna_linas.samplers import linas


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    np.linalg.inv(np.eye(3))
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def n_threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_the_number_of_threads_comes_back() -> None:
    with one_blas_thread():
        assert n_threads() == {1}
    assert n_threads() == {2}


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        1 / 0  # noqa: B018
    assert n_threads() == {2}


def test_threads_that_overlap_restore_what_there_was() -> None:
    entered, may_leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_blas_thread():
            entered.set()
            assert may_leave.wait(10)

    thread = threading.Thread(target=other)
    with one_blas_thread():
        thread.start()
        assert entered.wait(10)
        assert n_threads() == {1}
    may_leave.set()
    thread.join()
    assert n_threads() == {2}


def test_it_may_be_asked_for_inside_of_itself() -> None:
    with one_blas_thread():
        with one_blas_thread():
            pass
        assert n_threads() == {1}
    assert n_threads() == {2}


def test_a_search_plans_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []
    original = linas.make_proposal

    def noted(*args: Any, **kwargs: Any) -> Any:
        seen.append(n_threads())
        return original(*args, **kwargs)

    monkeypatch.setattr(linas, "make_proposal", noted)
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=LINASSampler(seed=0, n_startup_trials=8)
    )
    objective_threads: list[set[int]] = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = [trial.suggest_int(f"x{i}", 0, 5) for i in range(4)]
        objective_threads.append(n_threads())
        return float(sum(x)), float(-x[0])

    study.optimize(objective, n_trials=10)
    assert seen
    assert all(each == {1} for each in seen)
    assert all(each == {2} for each in objective_threads)
