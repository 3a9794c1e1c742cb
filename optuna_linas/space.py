"""The search space: ordered variables, encoded as rows of option indices.

An architecture is a row `arch` of `d` integers, the index of each variable's option; `params` is
the decoded dict, which holds the active variables only. A variable whose conditions do not hold is
inactive: its index has no meaning, and `canonical` folds it to 0 so that equal rows are equal
networks.

Shapes: `d` variables, `n` architectures, `archs` is `int[n, d]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optuna_linas.activity import Activity
from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.effective_size import effective_size
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.one_hot import OneHot
from optuna_linas.variable import Condition, Option, Variable

__all__ = ["SearchSpace"]


class SearchSpace:
    """An ordered collection of variables, some of which exist only under conditions.

    Args:
        variables: The variables, in order. A condition names an earlier or later variable of the
            same space; conditions must not run in a circle.

    Raises:
        ValueError: Two variables share a name, a condition names an unknown variable or option
            (a number between two points of its grid is none), or conditions run in a circle.

    Example:
        >>> space = SearchSpace.from_choices(
        ...     {"depth": [1, 2], "kernel_0": [3, 5], "kernel_1": [3, 5]},
        ...     conditions={"kernel_1": {"depth": [2]}},
        ... )
        >>> space.encode({"depth": 1, "kernel_0": 5})
        array([0, 1, 0])
        >>> space.decode([1, 1, 0])
        {'depth': 2, 'kernel_0': 5, 'kernel_1': 3}
        >>> space.size(), space.size(effective=True)
        (8, 6)
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        self.variables: tuple[Variable, ...] = tuple(variables)
        self._position: dict[str, int] = {}
        for i, variable in enumerate(self.variables):
            if variable.name in self._position:
                raise ValueError(f"Two variables are named {variable.name!r}; names are unique.")
            self._position[variable.name] = i
        self._conditions = [self._resolve(variable) for variable in self.variables]
        self._order = self._topological_order()

    @staticmethod
    def from_choices(
        choices: Mapping[str, Sequence[Option]],
        conditions: Mapping[str, Mapping[str, Sequence[Option]]] | None = None,
    ) -> SearchSpace:
        """Return a space of categorical variables.

        Args:
            choices: Each variable's options, in order.
            conditions: For a conditional variable, the options that each parent must take:
                `{"kernel_1": {"depth": [2]}}`.

        Raises:
            TypeError: One value is given where a list of options is wanted, or a set of them.
            ValueError: As the constructor, or `conditions` names a variable not in `choices`.
        """
        conditions = conditions or {}
        unknown = [name for name in conditions if name not in choices]
        if unknown:
            raise ValueError(f"conditions name {unknown}, which are not among the choices.")
        return SearchSpace(
            [
                Variable.categorical(
                    name,
                    options,
                    [
                        Condition(parent, allowed)
                        for parent, allowed in conditions.get(name, {}).items()
                    ],
                )
                for name, options in choices.items()
            ]
        )

    def with_variables(self, variables: Sequence[Variable]) -> SearchSpace:
        """Return the space with other variables in place of its own.

        Args:
            variables: As many, with as many options and under the same conditions: a row is the
                same network in either space.
        """
        return SearchSpace(variables)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables' names, in order."""
        return tuple(variable.name for variable in self.variables)

    @cached_property
    def choices(self) -> tuple[tuple[Option, ...], ...]:
        """Each variable's options, in order; for a number, its grid."""
        return tuple(variable.options for variable in self.variables)

    @cached_property
    def n_options(self) -> IntArray:
        """How many options each variable has, `int[d]`."""
        n_options = np.array([variable.n_options for variable in self.variables], dtype=np.int64)
        n_options.flags.writeable = False  # it is handed out to everyone
        return n_options

    @property
    def parents_first(self) -> tuple[int, ...]:
        """The variables' positions, each after the variables that it depends on."""
        return tuple(self._order)

    def requirements(self, position: int) -> list[tuple[int, BoolArray]]:
        """Return what a variable needs in order to exist: each parent and its allowed options.

        Args:
            position: The variable's.

        Returns:
            Pairs of a parent's position and `bool[n_options]` of that parent; all must hold.
        """
        return list(self._conditions[position])

    def __len__(self) -> int:
        return len(self.variables)

    def __contains__(self, name: object) -> bool:
        return name in self._position

    def __getitem__(self, name: str) -> Variable:
        return self.variables[self._position[name]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self.variables == other.variables

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        n_conditional = sum(bool(variable.conditions) for variable in self.variables)
        return f"SearchSpace({len(self)} variables, {n_conditional} of them conditional)"

    def encode(self, params: Mapping[str, object]) -> IntArray:
        """Return the canonical row `int[d]` of `params`.

        Values of variables that are inactive, and names that the space does not have, are ignored.

        Raises:
            SpaceMismatchError: An active variable is missing, or its value is not in the space.
        """
        # Lists, as this is done several times per trial and arrays are slow one by one.
        arch, active = [0] * len(self), [True] * len(self)
        for j in self._order:
            for parent, allowed in self._conditions[j]:
                if not (active[parent] and allowed[arch[parent]]):
                    active[j] = False
                    break
            if not active[j]:
                continue
            variable = self.variables[j]
            if variable.name not in params:
                raise SpaceMismatchError(
                    f"The parameters lack {variable.name!r}, which the space says is active here; "
                    f"given were {sorted(map(str, params))}. If it exists only under a "
                    "condition, declare the condition."
                )
            arch[j] = variable.index(params[variable.name])
        return np.array(arch, dtype=np.int64)

    def decode(self, arch: ArrayLike, rng: np.random.Generator | None = None) -> dict[str, Option]:
        """Return the values of the variables that the network of one row has.

        Args:
            arch: A row `int[d]`.
            rng: With a generator, a number whose grid is coarser than its range is drawn from its
                cell instead of being the grid point.

        Raises:
            SpaceMismatchError: The row has another length, or an index is out of range.
        """
        row = self._check(np.asarray(arch)[None])[0]
        on = self.present(row[None])[0]
        return {
            v.name: v.options[row[j]] if rng is None else v.refine(int(row[j]), rng)
            for j, v in enumerate(self.variables)
            if on[j]
        }

    def active(self, archs: ArrayLike) -> BoolArray:
        """Return which variables exist in each architecture, `bool[n, d]`."""
        rows = self._check(archs)
        return self._activity(rows)

    def present(self, archs: ArrayLike) -> BoolArray:
        """Return which variables the network of each row has, `bool[n, d]`: those that exist.

        Of a space that was inferred from trials, without those that these networks turned out to
        lack under no condition that a space can say.
        """
        return self.active(archs)

    def canonical(self, archs: ArrayLike) -> IntArray:
        """Return the rows with inactive variables folded to index 0: equal rows, equal networks."""
        rows = self._check(archs)
        if not self._is_conditional:
            return rows.copy()
        folded: IntArray = np.where(self._activity(rows), rows, 0)
        return folded

    def features(self, archs: ArrayLike, *, masked: bool = True) -> FloatArray:
        """Return the one-hot features, `float[n, n_features]`.

        A categorical variable has one column per option. A number of at most 9 levels too; a
        longer grid has 9 columns, between which a value is shared linearly, so that
        a linear model on them is a piecewise-linear one.

        Args:
            archs: The rows, `int[n, d]`.
            masked: All columns of an inactive variable are zero. `False` gives the plain one-hot
                of the paper, in which it looks as if it mattered.
        """
        rows = self._check(archs)
        active = self._activity(rows) if masked else np.ones(rows.shape, dtype=bool)
        return self._one_hot(rows, active)

    @property
    def feature_variables(self) -> IntArray:
        """Return the position of the variable that each feature column belongs to, `int[f]`."""
        return self._one_hot.variable_of

    def size(self, *, effective: bool = False) -> int:
        """Return how many architectures there are.

        Args:
            effective: Count networks instead of rows: those that differ only in inactive variables
                are one.

        Raises:
            ValueError: `effective`, and variables with several parents depend on one another in
                more than 2^16 ways at a time.
        """
        if not effective:
            return math.prod(self.n_options.tolist())
        return effective_size(self.names, self.n_options, self._conditions, self._order)

    def sample(self, n: int, rng: np.random.Generator) -> IntArray:
        """Return `n` rows, uniform over the options of every variable, `int[n, d]` (not unique).

        Args:
            n: How many.
            rng: The source of all randomness.
        """
        return rng.integers(0, self.n_options, size=(n, len(self)), dtype=np.int64)

    @cached_property
    def _hash(self) -> int:
        return hash(self.variables)

    @cached_property
    def _unsigned_n_options(self) -> NDArray[np.uint64]:
        return self.n_options.astype(np.uint64)

    @cached_property
    def _is_conditional(self) -> bool:
        return any(self._conditions)

    @cached_property
    def _activity(self) -> Activity:
        return Activity(self._conditions, self._order)

    @cached_property
    def _one_hot(self) -> OneHot:
        return OneHot(self.variables)

    def _check(self, archs: ArrayLike) -> IntArray:
        rows = np.asarray(archs)
        if rows.ndim != 2 or rows.shape[1] != len(self):
            raise SpaceMismatchError(
                f"Expected architectures of shape (n, {len(self)}), got {rows.shape}."
            )
        if rows.size and not np.issubdtype(rows.dtype, np.integer):
            raise SpaceMismatchError(f"Architectures are integers, got {rows.dtype}.")
        rows = rows.astype(np.int64, copy=False)
        # As an unsigned number a negative one is larger than any option: one comparison for both.
        if (rows.view(np.uint64) >= self._unsigned_n_options).any():
            i, j = np.argwhere((rows < 0) | (rows >= self.n_options))[0]
            raise SpaceMismatchError(
                f"Row {i} has index {rows[i, j]} for {self.names[j]!r}, which has "
                f"{self.n_options[j]} options."
            )
        return rows

    def _resolve(self, variable: Variable) -> list[tuple[int, BoolArray]]:
        """Conditions as (parent position, allowed[option index])."""
        resolved = []
        for condition in variable.conditions:
            if condition.parent not in self._position:
                raise ValueError(
                    f"{variable.name!r} depends on {condition.parent!r}, which is not in the space."
                )
            parent = self[condition.parent]
            allowed = np.zeros(parent.n_options, dtype=bool)
            for option in condition.options:
                allowed[parent.option_index(option)] = True
            resolved.append((self._position[condition.parent], allowed))
        return resolved

    def _topological_order(self) -> list[int]:
        order: list[int] = []
        waiting = list(range(len(self.variables)))
        placed: set[int] = set()
        while waiting:
            ready = [j for j in waiting if all(p in placed for p, _ in self._conditions[j])]
            if not ready:
                names = [self.variables[j].name for j in waiting]
                raise ValueError(f"The conditions of {names} run in a circle.")
            order += ready
            placed.update(ready)
            waiting = [j for j in waiting if j not in placed]
        return order
