"""How well the predictions behind each batch came true, recorded with the study.

A planner leaves what it predicts of a row in the row's note; the trial that claims the row carries
it. So the record follows from the trials alone and is the same whoever writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.study import Study

from optuna_linas.arrays import FloatArray
from optuna_linas.goals import Goals
from optuna_linas.predictors.quality import kendall_tau, mape_percent
from optuna_linas.samplers.plan import Claim, Note
from optuna_linas.stored_json import whole_number

__all__ = ["Outcome", "is_due", "is_prediction", "prediction_notes", "record_quality"]

_MAX_RECORDS = 250
_BATCHES_PER_TRIAL = 8
"""Batches that may be written again for each trial that is new: about a kilobyte."""
_MAX_BYTES = 60_000
"""The last batches are kept, or the attribute outgrows what MySQL takes (64 KB)."""


@dataclass(frozen=True)
class Outcome:
    """A claim whose row is measured, with its values in the user's direction."""

    claim: Claim
    values: Sequence[float]


def record_quality(study: Study, key: str, goals: Goals, outcomes: Iterable[Outcome]) -> None:
    """Write the study's user attribute `KEY:predictors`; nothing if nothing was predicted.

    It lists the objectives, their directions and, per batch, the predictors, the number of trials,
    MAPE in percent and Kendall's tau, one figure per objective (`None` where there is none). It is
    not written yet where it has more than eight batches for each trial that is new.

    Args:
        study: The study.
        key: Prefix of its attributes.
        goals: What the search optimises.
        outcomes: Every measured row of the plans.
    """
    batches: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        if is_prediction(outcome.claim.note, goals):
            batches.setdefault(outcome.claim.batch, []).append(outcome)
    if not batches:
        return
    name = f"{key}:predictors"
    before = study._storage.get_study_user_attrs(study._study_id).get(name, {})
    # What has not changed is not computed again: the cost of a batch must not grow with the search.
    known = _recorded(before, goals)
    # Batches before the first that is known were left out for their size.
    kept = sorted(k for k in batches if k >= min(known, default=0))[-_MAX_RECORDS:]
    n_known = {k: known[k]["n_trials"] if k in known else 0 for k in kept}
    n_new = sum(len(batches[k]) - n_known[k] for k in kept)
    # The whole record is written for what is new: with batches of one trial not after each of them.
    if known and not is_due(n_new, len(kept)):
        return
    iterations = [
        known[k] if len(batches[k]) == n_known[k] else _quality(k, batches[k]) for k in kept
    ]
    record = {
        "objectives": goals.names,
        "directions": goals.direction_names,
        "iterations": iterations,
    }
    while len(iterations) > 1 and (n_bytes := len(json.dumps(record))) > _MAX_BYTES:
        del iterations[: max(1, len(iterations) * (n_bytes - _MAX_BYTES) // n_bytes)]
    if before != record:
        study._storage.set_study_user_attr(study._study_id, name, record)


def is_due(n_new: int, n_batches: int) -> bool:
    """Whether a record of `n_batches` is worth writing again for `n_new` trials."""
    return n_new > 0 and n_new * _BATCHES_PER_TRIAL >= min(n_batches, _MAX_RECORDS)


def prediction_notes(
    predicted: FloatArray | None, predictors: Sequence[str], goals: Goals
) -> tuple[Note, ...]:
    """Return a note for each row: what is predicted of it, in the user's direction, and by what.

    Args:
        predicted: The losses, `float[k, m]`; no notes for `None`.
        predictors: The name of each objective's predictor.
        goals: What the search optimises.
    """
    if predicted is None:
        return ()
    same = {"objectives": goals.names, "predictors": list(predictors)}
    values = predicted * np.array(goals.signs)
    return tuple({"predicted": [float(f"{value:.9g}") for value in row], **same} for row in values)


def is_prediction(note: Note, goals: Goals) -> bool:
    """Whether a note predicts these goals; a sampler may have had others earlier in the study."""
    predicted = note.get("predicted", ())
    return len(predicted) == len(goals) and note.get("objectives", goals.names) == goals.names


def _recorded(record: Any, goals: Goals) -> dict[int, dict[str, Any]]:
    """The batches of a record; none of one that is damaged, as all of it can be computed again."""
    try:
        if record["objectives"] != goals.names:
            return {}
        return {
            whole_number(each["iteration"]): each
            for each in record["iterations"]
            if whole_number(each["n_trials"])
        }
    except (TypeError, KeyError, IndexError):
        return {}


def _quality(batch: int, outcomes: list[Outcome]) -> dict[str, Any]:
    predicted = np.array([outcome.claim.note["predicted"] for outcome in outcomes], dtype=float)
    measured = np.array([outcome.values for outcome in outcomes], dtype=float)
    columns = list(zip(measured.T, predicted.T, strict=True))
    return {
        "iteration": batch,
        "n_trials": len(outcomes),
        "predictors": list(outcomes[-1].claim.note.get("predictors", [])),
        "mape_percent": [_rounded(mape_percent(*column)) for column in columns],
        "kendall_tau": [
            _rounded(kendall_tau(*column)) if len(outcomes) > 1 else None for column in columns
        ],
    }


def _rounded(figure: float) -> float | None:
    return float(f"{figure:.4g}") if np.isfinite(figure) else None
