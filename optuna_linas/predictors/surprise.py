"""What a Gaussian process foretells of its own examples, and how surprised it is of them.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.2: what each
example is foretold to be from all others follows from the inverse covariance, without another fit.

Shapes: `n` examples, `d` variables, `f` one-hot features.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray, row_bytes

__all__ = ["from_those_before", "never_shown", "repeated_rows", "surprise"]


def surprise(inverse_root: FloatArray, target: FloatArray, repeated: list[IntArray]) -> float:
    """Return how many deviations examples are off if foretold from the others, 1 at most.

    It is the root mean square over networks (equations 5.10 to 5.12). One that was measured several
    times is foretold from the others alone: its twin would tell it. (It counts once with all that
    its results are off by, also from one another: where they are noisy, deviations shrink less.)
    Also 1 where all examples are the same: nothing is known then of what others may be.

    Args:
        inverse_root: Of the examples' covariance, `float[n, n]`.
        target: Of the examples, `float[n]`.
        repeated: Positions of examples that are the same network, for each such network.

    Example:
        >>> surprise(np.eye(4), np.array([0.5, -0.5, 0.5, -0.5]), [])
        0.5
        >>> surprise(np.eye(4), np.array([0.5, 0.5, 0.1, -0.1]), [np.array([0, 1])]).__round__(3)
        0.416
    """
    pull = inverse_root.T @ (inverse_root @ target)
    squares = pull**2 / (inverse_root**2).sum(axis=0)
    alone = np.ones(len(target), dtype=bool)
    groups = []
    for at in repeated:
        alone[at] = False
        precision = inverse_root[:, at].T @ inverse_root[:, at]
        groups.append(float(pull[at] @ np.linalg.solve(precision, pull[at])))
    mean = np.mean([*squares[alone], *groups])
    return min(1.0, float(np.sqrt(mean))) or 1.0


def from_those_before(inverse_root: FloatArray, target: FloatArray) -> FloatArray:
    """Return what each example is foretold to be from those before it, `float[n]`.

    A Cholesky factor is a list of such forecasts: the inverse one times the targets are their
    errors, in deviations.

    Args:
        inverse_root: Of the examples' covariance, lower triangular, `float[n, n]`.
        target: Of the examples, `float[n]`.

    Example:
        >>> root = np.linalg.cholesky(np.array([[1.0, 0.5], [0.5, 1.0]]))
        >>> from_those_before(np.linalg.inv(root), np.array([1.0, 3.0])).round(6).tolist()
        [0.0, 0.5]
    """
    errors: FloatArray = (inverse_root @ target) / np.diag(inverse_root)
    return target - errors


def repeated_rows(archs: IntArray) -> list[IntArray]:
    """Return the positions of each row that is there more than once.

    Example:
        >>> repeated_rows(np.array([[1, 2], [0, 0], [1, 2]]))
        [array([0, 2])]
    """
    positions: dict[bytes, list[int]] = {}
    for i, key in enumerate(row_bytes(archs)):
        positions.setdefault(key, []).append(i)
    return [np.array(at) for at in positions.values() if len(at) > 1]


def never_shown(one_hot: FloatArray, variables: IntArray, is_ordered: BoolArray) -> IntArray:
    """Return the features that no example has, and that no other feature's worth tells.

    Between sizes that examples have others can be foretold, if there are two at least.

    Args:
        one_hot: Of the examples, `float[n, f]`.
        variables: The variable of each feature, `int[f]`.
        is_ordered: Of each variable, whether its options have an order, `bool[d]`.

    Example:
        >>> never_shown(np.array([[1.0, 0.0, 0.0, 1.0]]), np.array([0, 0, 1, 1]), np.ones(2, bool))
        array([1, 2])
    """
    is_shown = one_hot.any(axis=0)
    n_shown = np.bincount(variables, is_shown, minlength=len(is_ordered))
    can_be_told = (is_ordered & (n_shown > 1))[variables]
    never: IntArray = np.flatnonzero(~is_shown & ~can_be_told)
    return never
