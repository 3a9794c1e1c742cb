"""What a trial of a population is to train, as its storage keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from optuna.trial import FrozenTrial

from optuna_linas.stored_json import explained, number, parsed, string, whole_number

__all__ = ["ASSIGNMENT_KEY", "FAILURE_KEY", "LATE_KEY", "REFUSAL_KEY", "Assignment", "Holder"]

ASSIGNMENT_KEY = "pbt:assignment"
FAILURE_KEY = "pbt:failure"
"""Why an attempt failed: "error", "lost" (a checkpoint) or "no_score" (NaN)."""
LATE_KEY = "pbt:late"
"""Set where an attempt ended when its generation was over: it does not count."""
REFUSAL_KEY = "pbt:refusal"
"""Why a trial has no slot."""


@dataclass(frozen=True)
class Holder:
    """The process that trains a member: its machine, its id, and when it started."""

    machine: str
    pid: int
    started: str


@dataclass(frozen=True)
class Assignment:
    """What a trial is to train.

    Attributes:
        number: The trial's number; a copy of the attribute on another trial does not count.
        generation, slot: The step of the member.
        seed: The member's seed in this step.
        n_epochs: Epochs of this step.
        base, donor: Numbers of the trials whose weights it starts from; `None` where there is none.
        donated: Variables that come from the donor.
        fresh: Variables drawn anew, whose layers start fresh.
        params: The values of the variables that are inherited or drawn anew.
        shrink, perturb: What is done to donated weights.
        holder: Who trains it.
        since: When that began, in seconds since the epoch.
        waited_s: How long the trial had waited for a slot by then.
        is_asked: Whether the trial was asked for, outside of `study.optimize`.
    """

    number: int
    generation: int
    slot: int
    seed: int
    n_epochs: int
    base: int | None
    donor: int | None
    donated: tuple[str, ...]
    fresh: tuple[str, ...]
    params: Mapping[str, Any]
    shrink: float
    perturb: float
    holder: Holder
    since: float
    waited_s: float
    is_asked: bool

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    @lru_cache(maxsize=2**17)
    def loads(text: str) -> Assignment:
        """Read what `dumps` wrote.

        Raises:
            ValueError: It is something else.
        """
        data = parsed(text, "A trial's assignment", dict)
        with explained("A trial's assignment"):
            data["holder"] = Holder(**data["holder"])
            data["donated"], data["fresh"] = (
                tuple(map(string, data[name])) for name in ("donated", "fresh")
            )
            for name in ("number", "generation", "slot", "seed", "n_epochs"):
                whole_number(data[name])
            for name in ("base", "donor"):
                if data[name] is not None:
                    whole_number(data[name])
            for name in ("shrink", "perturb", "since", "waited_s"):
                number(data[name])
            data["params"] = {string(name): value for name, value in data["params"].items()}
            return Assignment(**data)

    @staticmethod
    def of(trial: FrozenTrial) -> Assignment | None:
        """Return a trial's assignment; `None` for one that has no slot."""
        text = trial.system_attrs.get(ASSIGNMENT_KEY)
        if not text:
            return None
        assignment = Assignment.loads(text)
        return assignment if assignment.number == trial.number else None
