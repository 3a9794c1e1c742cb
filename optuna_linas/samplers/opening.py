"""What a trial is while nobody knows the search space, so that no two are the same network.

Before the first trial is complete, a parameter shows only when the objective asks for it. Each
trial has claimed a number, its slot, and reads it as digits, one per parameter in the order of
being asked for, with as many values as the parameter has options: different slots differ in a
digit. What a digit stands for depends on the digits before it, at random, so that the values are as
different as random ones (the nested scrambling of Owen, "Randomly Permuted (t,m,s)-Nets and
(t,s)-Sequences", 1995, with a shift and a stride in place of a permutation). Where another study
has shown what is good, the shifts are such that slot 0 is that network.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.distributions import nearest, variable_of
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.option import same_option
from optuna_linas.seeding import derive_rng
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["agrees", "may_become", "opening_value"]

_GOLDEN = (math.sqrt(5) - 1) / 2


def opening_value(
    seed: int,
    slot: int,
    trial: FrozenTrial,
    name: str,
    distribution: BaseDistribution,
    first: Mapping[str, Any] = MappingProxyType({}),
    fixed: Container[str] = (),
) -> Option:
    """Return the value of the next parameter of a trial.

    Args:
        seed: The search's seed.
        slot: The trial's number among those that began before the space was known.
        trial: With the parameters that it has so far.
        name: The parameter.
        distribution: Its distribution.
        first: The parameters that slot 0 takes, as far as it is asked for them and they lie in
            their distributions.
        fixed: Parameters that somebody else decides: no digit of the slot tells them.

    Example:
        >>> import optuna
        >>> width = optuna.distributions.CategoricalDistribution([8, 16, 32])
        >>> started = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
        >>> [opening_value(0, k, started, "width", width, {"width": 16}) for k in range(3)]
        [16, 8, 32]
    """
    variable = variable_of(name, distribution)
    place = 1
    for before, seen in trial.distributions.items():
        if before not in fixed:
            place *= variable_of(before, seen).n_options
    n = variable.n_options
    path = sorted(f"{before}={value!r}" for before, value in trial.params.items())
    rng = derive_rng(seed, "opening", name, *path)
    shift, digit = int(rng.integers(n)), slot // place % n
    wanted: Option = None
    is_wanted = False
    if name in first and all(
        before in first and same_option(first[before], value)
        for before, value in trial.params.items()
    ):
        wanted = nearest(distribution, first[name])
        is_wanted = same_option(first[name], wanted)
    if is_wanted:
        if digit == 0:
            return wanted  # and not what its cell of the grid stands for
        shift = variable.index(wanted)
    index = (shift + digit * _stride(n)) % n
    return variable.refine(index, derive_rng(seed, "within", slot, name))


def may_become(space: SearchSpace, params: Mapping[str, Any], archs: IntArray) -> BoolArray:
    """Whether a running trial may turn out to be each of the architectures, `bool[n]`.

    A trial that began before the space was known looks at what others claim whenever another
    parameter is asked for. Only where one parameter is missing may it have looked too early: so
    it may become what differs from its parameters in one variable at most, and nothing else.

    Args:
        space: The space, known by now.
        params: The parameters that the trial has so far.
        archs: Canonical rows, `int[n, d]`.

    Example:
        >>> space = SearchSpace.from_choices({"a": [1, 2], "b": [1, 2], "c": [1, 2]})
        >>> archs = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]])
        >>> may_become(space, {"a": 1, "b": 1}, archs)
        array([ True,  True, False])
        >>> may_become(space, {"a": 1}, archs)
        array([False, False, False])
    """
    may = np.zeros(len(archs), dtype=bool)
    for i, arch in enumerate(archs):
        other = space.decode(arch)
        n_missing = sum(name not in params for name in other)
        may[i] = n_missing <= 1 and all(
            _is_at(space, name, value, arch) for name, value in params.items() if name in space
        )
    return may


def agrees(space: SearchSpace, params: Mapping[str, Any], archs: IntArray) -> BoolArray:
    """Whether each architecture has the parameters that a trial has so far, `bool[n]`.

    While the conditions of a space are being learned the trial may have no others, and then it is
    that network whatever else the architecture says.

    Args:
        space: The space as it is known by now.
        params: The parameters that the trial has so far.
        archs: Canonical rows, `int[n, d]`.

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2], "width_2": [8, 16]})
        >>> agrees(space, {"depth": 1}, np.array([[0, 0], [0, 1], [1, 0]]))
        array([ True,  True, False])
    """
    active = space.active(archs)
    same = np.ones(len(archs), dtype=bool)
    for j, variable in enumerate(space.variables):
        if variable.name in params:
            try:
                index = variable.index(params[variable.name])
            except SpaceMismatchError:
                return np.zeros(len(archs), dtype=bool)
            same &= active[:, j] & (archs[:, j] == index)
    return same


def _is_at(space: SearchSpace, name: str, value: object, arch: IntArray) -> bool:
    """Whether a value is the one of an architecture, `int[d]`."""
    j = space.names.index(name)
    try:
        return bool(space.active(arch[None])[0, j]) and space[name].index(value) == arch[j]
    except SpaceMismatchError:
        return False


def _stride(n: int) -> int:
    """A step that visits all of `n` options before it repeats one, and spreads the first few."""
    stride = max(1, round(n * _GOLDEN))
    while math.gcd(stride, n) != 1:
        stride += 1
    return stride
