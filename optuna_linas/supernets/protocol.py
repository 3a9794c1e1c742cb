"""What a super-network is to the rest of the package, and the two forms of an architecture.

A super-network (one-shot network) holds the shared weights of every architecture of its space; an
architecture is an argument of `forward`, never a mode set beforehand, because the threads of a
search share one super-network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from optuna_linas.arrays import IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.space import SearchSpace

__all__ = ["Arch", "Supernet", "as_row", "largest_arch", "smallest_arch"]

Arch = NDArray[np.integer[Any]] | Sequence[int] | Mapping[str, Any]
"""A row `int[d]` of option indices, or the params dict of its active variables."""


@runtime_checkable
class Supernet(Protocol):
    """An `nn.Module` whose weights are shared by every architecture of `space`.

    The law of every super-network: in eval mode `supernet(x, arch)` equals
    `supernet.extract(arch)(x)`.

    Write your own by giving an `nn.Module` these four members; `train_supernet`, the objectives and
    the samplers ask for nothing else.
    """

    @property
    def space(self) -> SearchSpace:
        """The architectures; the options of a variable go from the smallest to the largest."""
        ...

    def __call__(self, x: Any, arch: Arch) -> Tensor:
        """Return the outputs of one architecture with shared weights.

        `x` is what its extracted network takes as its one argument: a tensor, or a tuple of
        tensors. The outputs of an image network are logits `float[batch, n_classes]`.
        """
        ...

    def extract(self, arch: Arch) -> nn.Module:
        """Return the architecture alone: own copies of its weights and none besides, eval mode.

        Its batch norms, if any, have the statistics of all the networks that were trained. Call
        `recalibrate_batch_norm(network, loader)` before you use it, as `SupernetObjective` does.
        """
        ...

    def example_input(self, batch_size: int = 1) -> Any:
        """Return an input of the right shape, on the super-network's device, e.g. to time it."""
        ...


def as_row(space: SearchSpace, arch: Arch) -> IntArray:
    """Return the canonical row `int[d]` of an architecture given in either form.

    Args:
        space: The space that the architecture belongs to.
        arch: One row of option indices, or the params dict (as `trial.params`: values of inactive
            variables and names that the space does not have are ignored).

    Raises:
        SpaceMismatchError: The row has the wrong shape, type or range, or the dict lacks an active
            variable or gives it a value that is not an option.

    Example:
        >>> space = SearchSpace.from_choices({"depth": [1, 2], "kernel": [3, 5]})
        >>> as_row(space, {"depth": 2, "kernel": 3})
        array([1, 0])
        >>> as_row(space, [1, 0])
        array([1, 0])
    """
    if isinstance(arch, Mapping):
        return space.encode(arch)
    one = arch[0] if isinstance(arch, list) and arch else arch
    if hasattr(one, "params"):
        raise SpaceMismatchError(
            f"Expected an architecture's params dict, got {'a' if one is arch else 'a list of'} "
            f"{type(one).__name__}. Pass the `.params` of one."
        )
    row = np.asarray(arch)
    if row.ndim != 1:
        raise SpaceMismatchError(
            f"Expected one architecture, a row of {len(space)} indices or a params dict, got an "
            f"array of shape {row.shape}. Pass the rows of a batch one at a time."
        )
    canonical: IntArray = space.canonical(row[None])[0]
    return canonical


def smallest_arch(space: SearchSpace) -> IntArray:
    """Return the row `int[d]` that takes the first option of every variable.

    Example:
        >>> smallest_arch(SearchSpace.from_choices({"depth": [1, 2], "kernel": [3, 5, 7]}))
        array([0, 0])
    """
    return np.zeros(len(space), dtype=np.int64)


def largest_arch(space: SearchSpace) -> IntArray:
    """Return the row `int[d]` that takes the last option of every variable.

    Example:
        >>> largest_arch(SearchSpace.from_choices({"depth": [1, 2], "kernel": [3, 5, 7]}))
        array([1, 2])
    """
    # Canonical because a condition may make a variable exist only under a parent's small option.
    return as_row(space, space.n_options - 1)
