"""An architecture for the eye: variables that differ only in a number stand together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna_linas.natural_order import natural_order

__all__ = ["Group", "architecture_line", "architecture_rows", "groups_of", "varying"]

_ABSENT = "·"


@dataclass(frozen=True)
class Group:
    """Variables whose names differ only in their numbers, in the order of these.

    Attributes:
        names: The variables, at least one.
    """

    names: tuple[str, ...]

    @property
    def stem(self) -> str:
        """The name without numbers that tell the variables apart."""
        return self.names[0] if len(self.names) == 1 else re.sub(r"[_.]?\d+", "", self.names[0])

    @property
    def label(self) -> str:
        """The name, or the first and the last."""
        return self.names[0] if len(self.names) == 1 else f"{self.names[0]} … {self.names[-1]}"


def groups_of(names: Iterable[str]) -> list[Group]:
    """Return variables in groups, layer_10 after layer_9.

    Example:
        >>> [group.label for group in groups_of(["k_10", "depth", "k_9", "k_9"])]
        ['depth', 'k_9 … k_10']
    """
    stems: dict[str, list[str]] = {}
    for name in sorted(set(names), key=natural_order):
        stems.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    return [Group(tuple(members)) for members in stems.values()]


def architecture_rows(
    params: Mapping[str, Any], names: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """Return an architecture as few rows of a label and the values.

    Args:
        params: The active parameters.
        names: All that there are; a dot stands for one that is not active.

    Example:
        >>> architecture_rows({"depth": 2, "kernel_0": 3, "kernel_2": 5}, ["kernel_1"])
        [('depth', '2'), ('kernel_0 … kernel_2', '3 · 5')]
    """
    return [
        (group.label, " ".join(_shown(params, name) for name in group.names))
        for group in groups_of([*params, *names])
        if any(name in params for name in group.names)
    ]


def varying(architectures: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the variables that are not the same in all of some architectures.

    Example:
        >>> sorted(varying([{"depth": 1, "width": 8}, {"depth": 1, "width": 9, "kernel": 3}]))
        ['kernel', 'width']
    """
    names = {name for params in architectures for name in params}
    return {name for name in names if len({str(p.get(name, _ABSENT)) for p in architectures}) > 1}


def architecture_line(
    params: Mapping[str, Any], names: Iterable[str] = (), first: Collection[str] = ()
) -> str:
    """Return an architecture in one line: what there is least of, such as depths, comes first.

    Of what comes together, floats are last: they are long, and often no part of the network.

    Args:
        params: The active parameters.
        names: All that there are; a dot stands for one that is not active.
        first: What comes before all others, as `varying` tells it: a line may be cut at its end.

    Example:
        >>> architecture_line({"depth": 2, "kernel_0": 3, "kernel_2": 5}, ["kernel_1"])
        'depth 2 | kernel 3 · 5'
        >>> architecture_line({"bn": True, "lr": 0.01, "width": 16}, first={"lr", "width"})
        'width 16 | lr 0.01 | bn True'
    """
    groups = sorted(
        groups_of([*params, *names]),
        key=lambda group: (
            not any(name in first for name in group.names),
            any(isinstance(params.get(name), float) for name in group.names),
            len(group.names),
        ),
    )
    return " | ".join(
        " ".join([group.stem or group.label, *(_shown(params, name) for name in group.names)])
        for group in groups
        if any(name in params for name in group.names)
    )


def _shown(params: Mapping[str, Any], name: str) -> str:
    if name not in params:
        return _ABSENT
    value = params[name]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
