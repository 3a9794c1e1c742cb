"""Slots of a population that are being trained, and what a worker that waits for them says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from optuna_linas.assignment import Assignment

__all__ = ["RunningSlot", "waits_for"]


@dataclass(frozen=True)
class RunningSlot:
    """A slot that is being trained: by which trials, and for how many seconds it is left alone."""

    generation: int
    slot: int
    trials: list[FrozenTrial]
    left_s: float


def waits_for(trial: FrozenTrial, running: list[RunningSlot]) -> str:
    """Return what a trial waits for."""
    return f"Trial {trial.number} waits for " + "; ".join(_held(running))


def _held(running: list[RunningSlot]) -> Iterator[str]:
    for place in running:
        own = Assignment.of(place.trials[-1])
        assert own is not None
        yield (
            f"slot {place.slot} of generation {place.generation}, which trial {own.number} trains "
            f"(process {own.holder.pid}), for at most {place.left_s:.0f} s"
        )
