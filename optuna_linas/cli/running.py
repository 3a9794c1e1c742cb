"""Running a search: its progress, its end, what has failed in it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import click

from optuna_linas.cli.failures import Failure
from optuna_linas.cli.interrupts import stop_at_interrupt
from optuna_linas.cli.output import Bar, say
from optuna_linas.cli.problem import Problem

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["n_measured", "run"]


def run(
    study: Study, problem: Problem, trials: int, jobs: int, keep_going: bool, dashboard: bool
) -> bool:
    """Search until a study has enough trials; return whether Ctrl-C has ended it.

    Args:
        study: The study, with its sampler.
        problem: What is searched.
        trials: Complete trials that the study is to have.
        jobs: Threads.
        keep_going: A trial that fails does not end the search.
        dashboard: Keep the study's page in optuna-dashboard up to date.

    Raises:
        Failure: The objective function has failed.
    """
    from optuna.study import MaxTrialsCallback
    from optuna.trial import TrialState

    from optuna_linas.dashboard import DashboardCallback, publish

    done = n_measured(study)
    if done:
        say(f"Study {study.study_name!r} has {done} trials already.")
    callbacks: list[Any] = [MaxTrialsCallback(trials, states=(TrialState.COMPLETE,))]
    callbacks += [DashboardCallback()] if dashboard else []
    is_interrupted = False
    with (
        Bar(study.study_name, trials, min(done, trials)) as bar,
        stop_at_interrupt(jobs) as interrupt,
    ):

        def report(study: Study, trial: FrozenTrial) -> None:
            if trial.state == TrialState.COMPLETE:
                bar.advance(_detail(study))
            if interrupt.is_set():
                study.stop()

        try:
            study.optimize(
                problem.objective,
                n_trials=max(0, trials - done),
                n_jobs=jobs,
                catch=(Exception,) if keep_going else (),
                callbacks=[report, *callbacks],
            )
            is_interrupted = interrupt.is_set()
        except KeyboardInterrupt:
            is_interrupted = True
        except Exception as error:
            if click.get_current_context().find_root().params["traceback"]:
                traceback.print_exc()
            raise Failure(_told(study, error)) from None
    if dashboard and not is_interrupted:
        publish(study)
    return is_interrupted


def _told(study: Study, error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"Trial {study.get_trials(deepcopy=False)[-1].number} failed: {type(error).__name__}: "
        f"{' '.join(str(error).split())} ({frame.filename}, line {frame.lineno}). What is measured "
        "is kept; --keep-going searches on after such trials."
    )


def _detail(study: Study) -> str:
    from optuna_linas.dashboard.facts import front_of

    front = front_of(study)
    if not front.trials:
        return ""
    if len(front.names) == 1:
        return f"best {front.values[0, 0]:.5g}"
    return f"front of {len(front.trials)}"


def n_measured(study: Study) -> int:
    """Return how many trials of a study are complete."""
    from optuna.trial import TrialState

    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
