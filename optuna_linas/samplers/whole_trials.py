"""The complete trials that a space is inferred from, parameter by parameter.

A code that asks for another range in each trial has its space inferred for each: what each trial
has, and where its values lie, is found out once for a range.

Shapes: `n` trials, `d` variables.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.variable import Variable

__all__ = ["WholeTrials"]


class WholeTrials:
    """What complete trials have, in the order in which they were added.

    Example:
        >>> import optuna
        >>> width = optuna.distributions.IntDistribution(8, 64)
        >>> trials = WholeTrials()
        >>> for params in ({"width": 9}, {}):
        ...     dists = {name: width for name in params}
        ...     trials.add(optuna.trial.create_trial(params=params, distributions=dists, value=1.0))
        >>> trials.present(["width"]).tolist()
        [[True], [False]]
        >>> trials.codes([Variable.integer("width", 8, 64)]).tolist()
        [[1], [0]]
    """

    def __init__(self) -> None:
        self._n = 0
        # By name: the numbers of the trials that have it, from 0, and its values in them; and the
        # indices of these values, in the variable that they were last asked for in.
        self._at: dict[str, list[int]] = {}
        self._values: dict[str, list[Any]] = {}
        self._indices: dict[str, tuple[Variable, list[int]]] = {}

    def add(self, trial: FrozenTrial) -> None:
        """Add one."""
        for name, value in trial.params.items():
            self._at.setdefault(name, []).append(self._n)
            self._values.setdefault(name, []).append(value)
        self._n += 1

    @property
    def names(self) -> Set[str]:
        """The parameters that some of them have."""
        return self._at.keys()

    def present(self, names: Sequence[str]) -> BoolArray:
        """Return which parameters each trial has, `bool[n, d]`."""
        has = np.zeros((self._n, len(names)), dtype=bool)
        for j, name in enumerate(names):
            has[self._at.get(name, []), j] = True
        return has

    def codes(self, variables: Sequence[Variable]) -> IntArray:
        """Return the trials' rows, variables that they lack at their first option, `int[n, d]`.

        Raises:
            SpaceMismatchError: A trial has a value that is no option.
        """
        codes = np.zeros((self._n, len(variables)), dtype=np.int64)
        for j, variable in enumerate(variables):
            codes[self._at.get(variable.name, []), j] = self._indices_of(variable)
        return codes

    def _indices_of(self, variable: Variable) -> list[int]:
        asked, indices = self._indices.get(variable.name, (None, []))
        if asked is not variable:
            indices = []
        values = self._values.get(variable.name, [])
        indices += [variable.index(value) for value in values[len(indices) :]]
        self._indices[variable.name] = variable, indices
        return indices
