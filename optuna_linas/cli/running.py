"""Running a search: its progress, its end, what has failed in it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import click

from optuna_linas.cli.failures import Failure, WrongUse
from optuna_linas.cli.interrupts import stop_at_interrupt
from optuna_linas.cli.output import Bar, say
from optuna_linas.cli.problem import Problem
from optuna_linas.cli.watched import Watched

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["n_measured", "n_unsteady_of", "run"]


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
        WrongUse: It returns more or fewer values than the study has directions. A study that
            holds nothing else is removed, so that the corrected command finds its name free.
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
    is_new = not study.get_trials(deepcopy=False)
    watched = Watched(
        problem.objective,
        len(study.directions),
        n_wrong=2 if done else 1,
        keep_errors=not keep_going,
    )
    with (
        Bar(study.study_name, trials, min(done, trials)) as bar,
        stop_at_interrupt(jobs) as interrupt,
    ):

        def report(study: Study, trial: FrozenTrial) -> None:
            if trial.state == TrialState.COMPLETE:
                bar.advance(_detail(study))
            if interrupt.is_set() or watched.wrong_count is not None:
                study.stop()

        try:
            study.optimize(
                watched,
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
            raise Failure(_told(error, watched.trial_of(error))) from None
    if watched.wrong_count is not None:
        raise WrongUse(_told_count(study, *watched.wrong_count, is_removed=_removed(study, is_new)))
    if dashboard and not is_interrupted:
        publish(study)
    return is_interrupted


def _removed(study: Study, is_new: bool) -> bool:
    """Remove a study that this command began, if all its trials have failed; say whether."""
    import optuna
    from optuna.trial import TrialState

    states = {trial.state for trial in study.get_trials(deepcopy=False)}
    # A trial that runs is another worker's.
    if not is_new or states != {TrialState.FAIL}:
        return False
    optuna.delete_study(study_name=study.study_name, storage=study._storage)
    return True


def _told_count(study: Study, number: int, n_values: int, *, is_removed: bool) -> str:
    there = [direction.name.lower() for direction in study.directions]
    values = "1 value" if n_values == 1 else f"{n_values} values"
    times = "once" if n_values == 1 else f"{n_values} times, once for each value"
    advice = f"give --direction (maximize or minimize) {times}"
    what = (
        f"Trial {number} returned {values}, but the study {study.study_name!r} has "
        f"{len(there)} direction{'s' * (len(there) > 1)} ({', '.join(there)})"
    )
    if is_removed:
        return f"{what}: {advice}. The study, in which nothing is measured, is removed."
    return f"{what}, which cannot be changed: name another --study, and {advice}."


def _told(error: Exception, number: int | None) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())
    what = f"{type(error).__name__}: {said} ({frame.filename}, line {frame.lineno})"
    if number is None:
        return f"The search failed outside of the objective: {what}. What is measured is kept."
    return (
        f"Trial {number} failed: {what}. What is measured is kept; --keep-going searches on after "
        "such trials."
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


def n_unsteady_of(study: Study) -> int:
    """Return of how many complete trials the latency was measured while the machine was busy."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sum(trial.user_attrs.get("steady") is False for trial in trials)
