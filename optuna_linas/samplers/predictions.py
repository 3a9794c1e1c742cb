"""What a search has predicted of its trials, read back from them: see `quality` for the writing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.arrays import FloatArray
from optuna_linas.goals import Attr, Goal, Goals
from optuna_linas.samplers.plan import Claim, claims_of
from optuna_linas.samplers.quality import is_prediction

__all__ = ["PredictedBatch", "PredictedTrials", "predicted_trials"]


@dataclass(frozen=True)
class PredictedBatch:
    """The measured trials of one batch.

    Attributes:
        iteration: 1, 2, ...
        n_examples: Complete trials when the batch began: what its predictors had to learn from.
        predictors: The name of each objective's.
        trials: In the order of their numbers.
        predicted: In the user's directions, `float[k, m]`.
        measured: Likewise.
    """

    iteration: int
    n_examples: int
    predictors: tuple[str, ...]
    trials: list[FrozenTrial]
    predicted: FloatArray
    measured: FloatArray


@dataclass(frozen=True)
class PredictedTrials:
    """All batches of the sampler that has predicted last.

    Attributes:
        goals: What is predicted. Directions of attributes are not known: they are not needed.
        batches: In order; none if nothing was predicted and measured.
    """

    goals: Goals
    batches: list[PredictedBatch]


def predicted_trials(study: Study) -> PredictedTrials:
    """Return the trials of a study of which something was predicted before they were measured.

    Example:
        >>> import optuna
        >>> predicted_trials(optuna.create_study()).batches
        []
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    claimed = [
        (trial, key, claim)
        for trial in complete
        for key, claim in claims_of(trial).items()
        if "predicted" in claim.note
    ]
    if not claimed:
        return PredictedTrials(Goals(study.directions), [])
    _, key, last = claimed[-1]
    goals = _goals(study, last)
    members: dict[int, list[tuple[FrozenTrial, Claim, list[float]]]] = {}
    for trial, its_key, claim in claimed:
        measured = goals.values(trial.values, trial.user_attrs)
        if its_key == key and is_prediction(claim.note, goals) and measured is not None:
            members.setdefault(claim.batch, []).append((trial, claim, measured))
    return PredictedTrials(
        goals,
        [
            PredictedBatch(
                batch,
                _n_before(rows[0][0], complete),
                tuple(rows[-1][1].note.get("predictors", ())),
                [trial for trial, _, _ in rows],
                np.array([claim.note["predicted"] for _, claim, _ in rows], dtype=float),
                np.array([measured for _, _, measured in rows], dtype=float),
            )
            for batch, rows in sorted(members.items())
        ],
    )


def _goals(study: Study, claim: Claim) -> Goals:
    names = claim.note.get("objectives", range(len(claim.note["predicted"])))
    goals: list[Goal] = [Attr(name) if isinstance(name, str) else name for name in names]
    return Goals(study.directions, goals)


def _n_before(first: FrozenTrial, complete: list[FrozenTrial]) -> int:
    """How many trials were complete when a batch's first trial began."""
    started = first.datetime_start
    return sum(
        trial.number < first.number
        and (
            started is None or trial.datetime_complete is None or trial.datetime_complete <= started
        )
        for trial in complete
    )
