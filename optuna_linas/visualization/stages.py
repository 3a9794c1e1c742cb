"""From the names and conditions of a search space to the stages and layers of a network.

Numbered variables belong to what they number: `kernel_3` and `expand_3` to layer 3. Stems that are
numbered alike and depend on the same parents describe the same things. Where layers exist only
under conditions on numbered variables (`depth_1`), those are the stages that they belong to.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from optuna_linas.space import SearchSpace

__all__ = ["Box", "Stage", "stages_of"]

_NUMBERED = re.compile(r"(.*?)[_.]?(\d+)")


@dataclass
class Box:
    """A layer, or whatever else a number stands for.

    Attributes:
        number: Its number; `None` for what has none.
        variables: Positions of the variables that describe it.
    """

    number: int | None
    variables: list[int] = field(default_factory=list)


@dataclass
class Stage:
    """A row of boxes.

    Attributes:
        name: What it is called.
        variables: Positions of the variables of the stage as a whole.
        boxes: Its layers, in order.
    """

    name: str
    variables: list[int]
    boxes: list[Box]


def stages_of(space: SearchSpace) -> list[Stage]:
    """Return the stages of the networks of a space; every variable is in one place.

    Example:
        >>> space = SearchSpace.from_choices(
        ...     {"depth_0": [1, 2], "depth_1": [1, 2], **{f"kernel_{i}": [3, 5] for i in range(4)}},
        ...     {"kernel_1": {"depth_0": [2]}, "kernel_3": {"depth_1": [2]}},
        ... )
        >>> [(stage.name, [box.number for box in stage.boxes]) for stage in stages_of(space)]
        [('stage 0', [0, 1]), ('stage 1', [2, 3])]
    """
    names = space.names
    stems: dict[str, dict[int, int]] = {}
    whole: list[int] = []
    for j, name in enumerate(names):
        match = _NUMBERED.fullmatch(name)
        if match and not any(letter.isdigit() for letter in match[1]):
            stems.setdefault(match[1], {})[int(match[2])] = j
        else:
            whole.append(j)
    whole += [next(iter(of.values())) for of in stems.values() if len(of) == 1]
    families = _families(space, {stem: of for stem, of in stems.items() if len(of) > 1})
    stages: list[Stage] = []
    used: set[int] = set()
    for i, family in sorted(enumerate(families), key=lambda each: -len(each[1])):
        owners = _owners(space, family, families)
        if owners is None or i in used:
            continue
        parent, of_box = owners
        used |= {i, parent}
        for number, head in families[parent].items():
            boxes = [Box(n, family[n]) for n in family if of_box[n] == number]
            stages.append(Stage(f"stage {number}", head, boxes))
    for i, family in enumerate(families):
        if i not in used:
            boxes = [Box(number, variables) for number, variables in family.items()]
            stages.append(Stage(_title(family, names), [], boxes))
    if whole:
        network = Stage("network", [], [Box(None, [j]) for j in sorted(whole)])
        stages.insert(0, network)
    return stages


def _families(space: SearchSpace, stems: dict[str, dict[int, int]]) -> list[dict[int, list[int]]]:
    """Number to variables, for stems that have the same numbers and depend on the same parents."""
    families: dict[object, dict[int, list[int]]] = {}
    for of in stems.values():
        numbers = sorted(of)
        parents = frozenset(p for j in of.values() for p, _ in space.requirements(j))
        family = families.setdefault((tuple(numbers), parents), {n: [] for n in numbers})
        for number in numbers:
            family[number].append(of[number])
    return list(families.values())


def _owners(
    space: SearchSpace, family: dict[int, list[int]], families: list[dict[int, list[int]]]
) -> tuple[int, dict[int, int]] | None:
    """The family whose members the layers of this one depend on, and which of them each does.

    A layer that depends on none belongs with the next one that does.
    """
    for i, other in enumerate(families):
        if other is family or len(other) >= len(family):
            continue
        number_of = {j: number for number, variables in other.items() for j in variables}
        found: dict[int, int] = {}
        for number, variables in family.items():
            parents = {p for j in variables for p, _ in space.requirements(j)} & set(number_of)
            if len(parents) == 1:
                found[number] = number_of[parents.pop()]
        if not found:
            continue
        owner, owners = found[max(found)], {}
        for number in sorted(family, reverse=True):
            owner = found.get(number, owner)
            owners[number] = owner
        return i, owners
    return None


def _title(family: dict[int, list[int]], names: tuple[str, ...]) -> str:
    """What most stems of a family begin with, as `encoder_heads` and `encoder_ffn` do, if any."""
    first = next(iter(family.values()))
    stems = [re.sub(r"[_.]?\d+$", "", names[j]) for j in first]
    if len(stems) == 1:
        return stems[0].replace("_", " ")
    word, n = Counter(stem.split("_")[0] for stem in stems).most_common(1)[0]
    return word if n > 1 and 2 * n >= len(stems) else "layers"
