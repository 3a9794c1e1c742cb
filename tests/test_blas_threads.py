"""Plans are made with one BLAS thread, and nobody else's setting is lost."""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from optuna_linas import LINASSampler
from optuna_linas.blas_threads import one_blas_thread
from optuna_linas.samplers import linas


@pytest.fixture
def two_threads() -> Iterator[None]:
    np.linalg.inv(np.eye(3))
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def n_threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_comes_back() -> None:
    with one_blas_thread():
        assert n_threads() == {1}
    assert n_threads() == {2}


@pytest.mark.usefixtures("two_threads")
def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        1 / 0  # noqa: B018
    assert n_threads() == {2}


def test_who_asks_meanwhile_waits() -> None:
    usual = n_threads()
    order: list[tuple[str, set[int]]] = []

    def other() -> None:
        with one_blas_thread():
            order.append(("other", n_threads()))

    thread = threading.Thread(target=other)
    with one_blas_thread():
        thread.start()
        thread.join(0.2)
        order.append(("first", n_threads()))
    thread.join()
    assert order == [("first", {1}), ("other", {1})]
    assert n_threads() == usual


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_process_forked_meanwhile_may_ask_too_and_has_its_threads() -> None:
    usual = n_threads()
    entered, may_leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_blas_thread():
            entered.set()
            may_leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forks beside threads
        pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            before = n_threads()
            with one_blas_thread():
                inside = n_threads()
            code = 0 if (before, inside, n_threads()) == (usual, {1}, usual) else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    may_leave.set()
    thread.join()


@pytest.mark.usefixtures("two_threads")
def test_it_may_be_asked_for_inside_of_itself() -> None:
    with one_blas_thread():
        with one_blas_thread():
            pass
        assert n_threads() == {1}
    assert n_threads() == {2}


@pytest.mark.usefixtures("two_threads")
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
