"""Which trials of a study a budget generator learns nothing from, and what is said of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.nag import MIN_TRIALS, MIN_WORKING
from optuna_linas.samplers.trials import TrialTable

__all__ = ["left_out", "too_few"]


def left_out(trials: Sequence[FrozenTrial], table: TrialTable) -> dict[str, int]:
    """Count the trials that nothing is learned from, by reason.

    Args:
        trials: All of the study's, in any state.
        table: What has been made of them.
    """
    reasons = (_reason(trial, table) for trial in trials)
    return dict(Counter(reason for reason in reasons if reason is not None))


def too_few(
    study: Study,
    n: int,
    n_different: int,
    n_left_out: Mapping[str, int],
    messages: Sequence[str],
) -> str:
    """Say that the usable trials are too few architectures.

    Args:
        study: The study.
        n: How many trials are usable, and tell of networks that work.
        n_different: How many architectures these are.
        n_left_out: How many trials are not usable, by reason.
        messages: What was said of trials that are outside of the space.
    """
    counted = dict(n_left_out)
    if n_different < n:
        counted["of an architecture that an earlier one measured"] = n - n_different
    reasons = ", ".join(f"{count} {reason}" for reason, count in counted.items())
    n_trials = len(study.get_trials(deepcopy=False))
    return (
        f"A budget generator needs at least {MIN_TRIALS} different architectures with value and "
        f"cost, {MIN_WORKING} of which work; of the {n_trials} trials of {study.study_name!r}, "
        f"{n_different} are usable"
        + (f" ({reasons})." if reasons else ".")
        + (f" {messages[0]}" if messages else "")
    )


def _reason(trial: FrozenTrial, table: TrialTable) -> str | None:
    if trial.state != TrialState.COMPLETE:
        return {TrialState.FAIL: "failed", TrialState.PRUNED: "pruned"}.get(
            trial.state, "unfinished"
        )
    if trial.number not in table.codes:
        return "not of the space"
    if not table.has_losses(trial):
        return "without a finite value and cost"
    if any(violation > 0 and not math.isnan(violation) for violation in trial.constraints.values()):
        return "infeasible by a constraint"
    return None
