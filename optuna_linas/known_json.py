"""What trials have shown of a space beyond its variables and conditions, as JSON.

A space that was inferred from trials may know in which ranges `suggest_int("m", 1, n)` has asked
for `m`, and which parameters some networks lack (see `optuna_linas.samplers.observed_space`). A
generator that forgot it would answer with networks that cannot exist. Kept is what rows are folded
by; what only further trials would need is left out.

Shapes: `d` variables, rows are `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optuna_linas.arrays import BoolArray, IntArray, row_bytes
from optuna_linas.samplers.known_range import KnownRange
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.space import SearchSpace
from optuna_linas.stored_json import explained, string, whole_number

__all__ = ["known_to_json", "space_with_known"]

_MOST = 2**25
"""The most options that all known ranges of a file may have together, 256 MB of them."""


def known_to_json(space: SearchSpace) -> dict[str, Any]:
    """Return what a space knows of absences and ranges, nothing of one that was declared.

    Example:
        >>> plain = SearchSpace.from_choices({"a": [0, 1], "b": [0, 1, 2]})
        >>> space = ObservedSpace(plain.variables).knowing([0, 0], present=[True, False])
        >>> known = known_to_json(space)
        >>> known
        {'absences': [{'names': ['a'], 'options': [[0]]}], 'ranges': []}
        >>> space_with_known(plain, known).canonical([[0, 2], [1, 2]])
        array([[0, 0],
               [1, 2]])
    """
    if not isinstance(space, ObservedSpace):
        return {"absences": [], "ranges": []}
    absences = []
    for has, rows in space.absences():
        names = [name for name, is_there in zip(space.names, has, strict=True) if is_there]
        absences.append({"names": names, "options": rows[:, has].tolist()})
    ranges = []
    for j, known_range in space.ranges():  # a range may decide the next one's
        for decided_by, known in known_range.decided():
            moving = [
                (option, told) for option, told in known if (told != np.arange(len(told))).any()
            ]
            if moving:
                ranges.append(
                    {
                        "variable": space.names[j],
                        "names": [space.names[other] for other in decided_by],
                        "options": [options for options, _ in moving],
                        "become": [_shortened(told) for _, told in moving],
                    }
                )
    return {"absences": absences, "ranges": ranges}


def space_with_known(space: SearchSpace, known: Any) -> SearchSpace:
    """Return the space that knows what `known_to_json` has told.

    Args:
        space: Of the same variables.
        known: What was told.

    Raises:
        ValueError: It is something else, or of another space.
    """
    exact: dict[int, dict[bytes, dict[bytes, bytes | None]]] = {}
    with explained("What is known of the search space"):
        absences = [_rows(space, each) for each in known["absences"]]
        position = {name: j for j, name in enumerate(space.names)}
        n_told, told_before = 0, dict[tuple[int, ...], bytes]()
        for each in known["ranges"]:
            j = position[string(each["variable"])]
            decisive, rows = _rows(space, each)
            told = []
            for short in map(tuple, each["become"]):
                key = (j, *short)
                if key not in told_before:
                    n_told += space.variables[j].n_options
                    if n_told > _MOST:
                        raise ValueError("there are too many ranges")
                    told_before[key] = _lengthened(short, space.variables[j].n_options).tobytes()
                told.append(told_before[key])
            exact.setdefault(j, {}).setdefault(decisive.tobytes(), {}).update(
                zip(row_bytes(rows[:, decisive]), told, strict=True)
            )
    ranges = {
        j: KnownRange(space.variables[j].n_options, told_of, parents={})
        for j, told_of in exact.items()
    }
    return ObservedSpace.remembering(space.variables, absences, ranges)


def _shortened(told: IntArray) -> list[int]:
    """What options become: of a plain range, only its first and last option."""
    first, last = int(told[0]), int(told[-1])
    is_plain = first <= last and np.array_equal(told, np.arange(len(told)).clip(first, last))
    return [first, last] if is_plain else told.tolist()


def _lengthened(short: Sequence[Any], n_options: int) -> IntArray:
    """What each option becomes, `int[n_options]`."""
    told = np.array([whole_number(option) for option in short], dtype=np.int64)
    if len(told) not in (2, n_options) or (told >= n_options).any():
        raise ValueError("a range is none")
    return np.arange(n_options).clip(*told) if len(told) == 2 else told


def _rows(space: SearchSpace, told: Mapping[str, Any]) -> tuple[BoolArray, IntArray]:
    """Which variables something is told of, `bool[d]`, and rows with others at 0, `int[n, d]`."""
    position = {name: j for j, name in enumerate(space.names)}
    at = [position[string(name)] for name in told["names"]]
    options = np.array(
        [[whole_number(o) for o in each] for each in told["options"]], dtype=np.int64
    )
    if len(set(at)) < len(at) or options.ndim != 2 or options.shape[1] != len(at):
        raise ValueError("variables and options do not match")
    mask = np.zeros(len(space), dtype=bool)
    mask[at] = True
    rows = np.zeros((len(options), len(space)), dtype=np.int64)
    rows[:, at] = options
    if (rows >= space.n_options).any():
        raise ValueError("an option is outside of the space")
    return mask, rows
