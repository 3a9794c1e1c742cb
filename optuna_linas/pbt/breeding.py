"""How a slot goes on: it survives, or becomes the child of two parents (PBT-NAS, algorithm 2).

Shapes: `d` variables; `base_has` and `donor_has` are `bool[d]`, which of them a parent has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.pbt.selection import parents_of, replaced_of

__all__ = ["VARIATIONS", "Descent", "Variation", "descend", "donate", "make_variation"]


@dataclass(frozen=True)
class Variation:
    """What becomes of the slots between two generations.

    Attributes:
        replaces: Whether the worst are replaced by children.
        changes: Where a child's changed variables come from: the other parent ("donor"), a new
            draw ("redraw"), or nothing changes ("nothing"). "self" is for the members that go on:
            each perturbs layers of its own.
        shrink: What the weights of a changed layer are multiplied by.
        perturb: What the freshly initialised weights that are added are multiplied by.

    Example:
        >>> Variation(replaces=True, changes="donor", shrink=0.4, perturb=0.1)  # the paper's
        Variation(replaces=True, changes='donor', shrink=0.4, perturb=0.1)
    """

    replaces: bool
    changes: Literal["donor", "redraw", "self", "nothing"]
    shrink: float
    perturb: float


VARIATIONS = ("mix", "copy", "reinitialise", "none", "mutate", "random", "random_perturb")


def make_variation(name: str, *, shrink: float, perturb: float) -> Variation:
    """Return the variation of a name.

    | name           | a loser becomes                                 | a changed layer is     |
    |----------------|-------------------------------------------------|------------------------|
    | mix            | a mix of two winners (the paper)                | shrink-perturbed       |
    | copy           | a mix of two winners                            | the donor's, unchanged |
    | reinitialise   | a mix of two winners                            | fresh                  |
    | none           | a copy of one winner (PBT)                      | -                      |
    | mutate         | one winner, some variables redrawn (SEARL-like) | fresh                  |
    | random         | stays (random search)                           | -                      |
    | random_perturb | stays; every member perturbs some of its layers | shrink-perturbed       |

    Args:
        name: One of these.
        shrink: What donated weights are multiplied by.
        perturb: What fresh weights, which are added, are multiplied by.

    Raises:
        ValueError: An unknown name.

    Example:
        >>> make_variation("copy", shrink=0.4, perturb=0.1)
        Variation(replaces=True, changes='donor', shrink=1.0, perturb=0.0)
    """
    if name == "mix":
        return Variation(True, "donor", shrink, perturb)
    if name == "copy":
        return Variation(True, "donor", 1.0, 0.0)
    if name == "reinitialise":
        return Variation(True, "donor", 0.0, 1.0)
    if name == "none":
        return Variation(True, "nothing", 1.0, 0.0)
    if name == "mutate":
        return Variation(True, "redraw", 0.0, 1.0)
    if name == "random":
        return Variation(False, "nothing", 1.0, 0.0)
    if name == "random_perturb":
        return Variation(False, "self", shrink, perturb)
    raise ValueError(f"Unknown variation {name!r}. Choose one of {', '.join(VARIATIONS)}.")


@dataclass(frozen=True)
class Descent:
    """Where a slot's next step starts.

    Attributes:
        base: The slot whose weights it goes on with; `None` for a new member.
        donor: The slot that layers come from; `None` where there is none. `donor == base` stands
            for a member that perturbs its own layers.
        is_child: Whether the slot's own member is given up for it.

    Example:
        >>> Descent(base=2, donor=0, is_child=True).base
        2
    """

    base: int | None
    donor: int | None = None
    is_child: bool = False


def descend(
    order: IntArray,
    slot: int,
    n_slots: int,
    *,
    quantile: float,
    variation: Variation,
    rng: np.random.Generator,
) -> Descent:
    """Return what `slot` is in the next generation.

    A slot among the worst gets two distinct parents, drawn uniformly from the top; the better is
    the base, the worse the donor. Where only one slot has a score, it is the only parent.

    Args:
        order: Slots with a score, best first, `int[k]`, at least one.
        slot: Which slot.
        n_slots: Slots in all.
        quantile: Share of the slots that are parents, and of those that are replaced.
        variation: What is done.
        rng: The slot's own generator.

    Example:
        >>> order = np.array([2, 0, 1, 3])
        >>> mix = make_variation("mix", shrink=0.4, perturb=0.1)
        >>> rng = np.random.default_rng(0)
        >>> descend(order, 0, 4, quantile=0.25, variation=mix, rng=rng)
        Descent(base=0, donor=None, is_child=False)
        >>> descend(order, 3, 4, quantile=0.25, variation=mix, rng=rng)
        Descent(base=2, donor=0, is_child=True)
    """
    if not variation.replaces:
        if slot not in order:
            return Descent(base=None)
        return Descent(slot, slot if variation.changes == "self" else None)
    if slot not in replaced_of(order, n_slots, quantile):
        return Descent(slot)
    parents = parents_of(order, n_slots, quantile)
    if variation.changes != "donor" or len(parents) < 2:
        return Descent(int(rng.choice(parents)), is_child=True)
    better, worse = np.sort(rng.choice(len(parents), size=2, replace=False))
    return Descent(int(parents[better]), int(parents[worse]), is_child=True)


def donate(
    base_has: BoolArray, donor_has: BoolArray, prob: float, rng: np.random.Generator
) -> BoolArray:
    """Return which variables the child takes from the donor, `bool[d]`.

    Each one independently with probability `prob`, also where both parents have the same value.
    A variable that the base lacks (it exists only under a condition) comes from the donor.

    Args:
        base_has: Which variables the better parent has, `bool[d]`.
        donor_has: Which the other parent has, `bool[d]`.
        prob: In [0, 1].
        rng: The source of all randomness.

    Example:
        >>> has = np.ones(3, dtype=bool)
        >>> donate(has, has, 1.0, np.random.default_rng(0))
        array([ True,  True,  True])
    """
    drawn = rng.random(len(base_has)) < prob
    return donor_has & (drawn | ~base_has)
