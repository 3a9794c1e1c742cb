"""Weights of members in an artifact store: written, read, and removed when nobody needs them."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optuna import logging as optuna_logging
from optuna.artifacts import ArtifactMeta
from optuna.artifacts._upload import ARTIFACTS_ATTR_PREFIX
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from optuna_linas.assignment import Assignment
from optuna_linas.errors import CheckpointError
from optuna_linas.lineage import Lineage, read_lineage
from optuna_linas.pbt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from optuna_linas.stored_json import parsed

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

__all__ = ["collect_checkpoints", "load_checkpoint", "store_checkpoint"]

_FILE_NAME = "pbt_member.pt"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_logger = optuna_logging.get_logger("optuna.linas")

# Artifact ids are unique for ever. What this process has removed needs no second attempt, which on
# a remote store takes time; forgetting them costs speed only.
_removed: set[str] = set()


def store_checkpoint(trial: Trial, store: ArtifactStore, checkpoint: Checkpoint) -> str:
    """Upload a member's checkpoint and return its artifact id; an earlier one of the trial goes.

    The id becomes the trial's user attribute `pbt_checkpoint`, once the upload is complete.

    Raises:
        TypeError: The checkpoint holds something that cannot be read back.
        CheckpointError: The trial's attribute is no artifact id.
    """
    content = io.BytesIO()
    write_checkpoint(checkpoint, content)
    content.seek(0)
    # What optuna.artifacts.upload_artifact does, without the file that it would read: a second
    # copy on the disk takes as long as the store itself.
    artifact_id = str(uuid.uuid4())
    meta = ArtifactMeta(artifact_id, _FILE_NAME, "application/octet-stream", None)
    trial.study._storage.set_trial_system_attr(
        trial._trial_id, ARTIFACTS_ATTR_PREFIX + artifact_id, json.dumps(asdict(meta))
    )
    store.write(artifact_id, content)
    before = trial.user_attrs.get("pbt_checkpoint")
    trial.set_user_attr("pbt_checkpoint", artifact_id)
    if before is not None:
        _remove(store, _checked_id(before))
    return artifact_id


def load_checkpoint(store: ArtifactStore, trial: FrozenTrial) -> Checkpoint:
    """Read the checkpoint that a trial saved, onto the CPU.

    Raises:
        CheckpointError: The trial saved none, or it is missing, truncated or damaged.
    """
    attrs = trial.user_attrs
    place = f"slot {attrs.get('pbt_slot')} of generation {attrs.get('pbt_generation')}"
    whose = f"The checkpoint of trial {trial.number} ({place})"
    artifact_id = attrs.get("pbt_checkpoint")
    if artifact_id is None:
        raise CheckpointError(
            f"{whose} was never saved: call PBTMember.save(model, optimizer) in the objective, "
            "before it returns."
        )
    try:
        with store.open_reader(_checked_id(artifact_id)) as file:
            return read_checkpoint(file)
    except ArtifactNotFound as error:
        raise CheckpointError(
            f"{whose} is missing: the artifact store has no {artifact_id}. Do all workers use the "
            "same store? Checkpoints that no living member needs are removed."
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{whose} cannot be read: {error}.") from error


def collect_checkpoints(study: Study, store: ArtifactStore, *, since: int = 0) -> int:
    """Remove the checkpoints that no living member needs, and return how many those were.

    Called by every `PBTMember.save`, so that at any time about two checkpoints per slot are kept:
    those of the generation that is being trained, and those that it is bred from. After the last
    generation the one before it is still there: call this to remove it.

    A store that fails to remove something costs disk space only: it is logged and tried again.

    Args:
        study: The population's study.
        store: Where the checkpoints are.
        since: The oldest generation to look at.

    Raises:
        ValueError: The study has no population.
    """
    lineage = read_lineage(study)
    needed = _needed(lineage)
    n_removed = 0
    for _, trials in lineage.attempts_since(since):
        for trial in trials:
            if trial.number not in needed:
                n_removed += sum(_remove(store, artifact_id) for artifact_id in _artifacts(trial))
    return n_removed


def _needed(lineage: Lineage) -> set[int]:
    """The numbers of the trials whose checkpoints somebody may still read."""
    living = lineage.living()
    needed = {member.number for member in living}
    newest = {member.slot: member.generation for member in living}
    plan = lineage.plan
    n_over = min(map(lineage.n_steps, range(plan.population_size)))
    current = n_over if n_over < plan.n_generations else None
    # Nothing is open before what each slot has settled.
    since = min((newest.get(slot, 0) for slot in range(plan.population_size)), default=0)
    for (generation, slot), trials in lineage.attempts_since(since):
        for trial in trials:
            own = Assignment.of(trial)
            assert own is not None
            if plan.asynchronous:
                is_open = generation >= newest.get(slot, 0)
            else:
                is_open = generation >= lineage.n_closed
            # Until it is stored which of several attempts counts, any of them may.
            if is_open and trial.state in (TrialState.RUNNING, TrialState.COMPLETE):
                needed.add(trial.number)
            if plan.asynchronous and is_open and not lineage.is_settled(generation, slot):
                needed |= {n for n in (own.base, own.donor) if n is not None}
    if current and not plan.asynchronous:
        slots = range(plan.population_size)
        before = (lineage.counting(current - 1, slot) for slot in slots)
        needed |= {trial.number for trial in before if trial is not None}
    return needed


def _artifacts(trial: FrozenTrial) -> Iterator[str]:
    """Ids of a trial's checkpoints, also of one whose upload was interrupted."""
    for key, text in trial.system_attrs.items():
        if not key.startswith(ARTIFACTS_ATTR_PREFIX):
            continue
        try:
            meta = parsed(text, "What a trial says of an artifact", dict)
            if meta.get("filename") != _FILE_NAME or meta.get("artifact_id") in _removed:
                continue
            yield _checked_id(meta["artifact_id"])
        except (ValueError, TypeError, KeyError, CheckpointError) as error:
            _logger.warning(f"Trial {trial.number} names a checkpoint that is none: {error}")


def _checked_id(artifact_id: Any) -> str:
    """An artifact's id as a plain file name: a store of files would follow `..` out of its folder.

    Raises:
        CheckpointError: It is something else.
    """
    if not isinstance(artifact_id, str) or not _ID.fullmatch(artifact_id):
        raise CheckpointError(f"{str(artifact_id)[:80]!r} is not the id of an artifact")
    return artifact_id


def _remove(store: ArtifactStore, artifact_id: str) -> bool:
    try:
        store.remove(artifact_id)
    except ArtifactNotFound:
        _removed.add(artifact_id)
        return False
    except Exception as error:  # whatever a remote store raises: the training must not suffer
        _logger.warning(f"The checkpoint {artifact_id} could not be removed: {error!r}")
        return False
    _removed.add(artifact_id)
    return True
