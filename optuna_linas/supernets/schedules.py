"""Learning-rate schedules: from the share of the training that is done to a factor in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Cosine", "Schedule"]

Schedule = Callable[[float], float]
"""From the share of the training that is done, in [0, 1], to the factor of the learning rate."""


@dataclass(frozen=True)
class Cosine:
    """A linear rise, then half a cosine.

    Attributes:
        warm_up: The share of the training in which the rate rises from 0.
        final: Where the cosine ends, as a share of the peak.

    Raises:
        ValueError: A share is not in [0, 1), or `final` is not in [0, 1].

    Example:
        >>> schedule = Cosine(warm_up=0.2)
        >>> [round(schedule(done), 3) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    warm_up: float = 0.0
    final: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up < 1:
            raise ValueError(f"warm_up is a share in [0, 1), got {self.warm_up}.")
        if not 0 <= self.final <= 1:
            raise ValueError(f"final is a share in [0, 1], got {self.final}.")

    def __call__(self, done: float) -> float:
        """Return the factor where `done` of the training is behind."""
        if done < self.warm_up:
            return done / self.warm_up
        along = (done - self.warm_up) / (1 - self.warm_up)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * along))
