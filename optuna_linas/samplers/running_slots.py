"""Slots of a population that are being trained, and what a worker that waits for them says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from optuna_linas.assignment import Assignment
from optuna_linas.lineage import Lineage
from optuna_linas.samplers.liveness import is_known_alive, this_process

__all__ = ["RunningSlot", "held_since", "waits_for"]


@dataclass(frozen=True)
class RunningSlot:
    """A slot that is being trained: by which trials, and for how many seconds it is left alone."""

    generation: int
    slot: int
    trials: list[FrozenTrial]
    left_s: float


def held_since(own: Assignment, first_seen: float, lineage: Lineage) -> float:
    """Return since when a trial has held its slot, by the clock of this process.

    Clocks of machines differ, by a day where one is wrong. What the trial says itself is therefore
    believed only as far as this process has not seen otherwise: not before this process began
    with a trial of a lower number, nor after it first saw the trial. Where the trial's process is
    alive on this machine, only how long it has been watched counts.

    Args:
        own: What the trial has claimed, and when by the clock of its own process.
        first_seen: When this process first saw it.
        lineage: All trials of the population.
    """
    if is_known_alive(own.holder):
        return first_seen
    earlier = lineage.begun_before(this_process(), own.number)
    return min(max(own.since, earlier), first_seen)


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
