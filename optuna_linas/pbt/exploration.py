"""Training hyper-parameters of a child, perturbed as in PBT.

Jaderberg et al., "Population Based Training of Neural Networks", 2017: a number is multiplied by
0.8 or 1.2, or, with some probability, drawn anew. Not in the paper: a categorical hyper-parameter
moves to a neighbouring option, and a number whose range is so coarse that the factor would change
nothing moves by one step.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.pbt.initial import value_at
from optuna_linas.variable import Option, Variable

__all__ = ["explore", "redraw"]


def explore(
    variable: Variable,
    value: Option,
    rng: np.random.Generator,
    *,
    factors: tuple[float, float] = (0.8, 1.2),
    resample_prob: float = 0.25,
) -> Option:
    """Return the child's value of a hyper-parameter, from the value of its base.

    Args:
        variable: Its range; the result lies within.
        value: The base's value.
        rng: The child's generator.
        factors: One of them is drawn, and a number multiplied by it.
        resample_prob: With this probability the value is drawn anew from the whole range.

    Example:
        >>> lr = Variable.floating("lr", 1e-4, 1e-1, log=True)
        >>> explore(lr, 0.01, np.random.default_rng(0), resample_prob=0.0)
        0.012
    """
    if variable.n_options == 1:
        return value
    is_drawn, goes_up = rng.random() < resample_prob, rng.random() < 0.5
    if is_drawn:
        return value_at(variable, rng.random(), rng)
    index = variable.index(value)
    if not variable.is_number:
        step = 1 if goes_up else -1
        return variable.options[int(np.clip(index + step, 0, variable.n_options - 1))]
    assert isinstance(value, int | float)
    # 0.1 * 0.8 is 0.08, not 0.08000000000000002.
    moved = float(f"{value * factors[int(goes_up)]:.12g}")
    moved = min(max(moved, variable.low), variable.high)
    if variable.step is None:
        return moved
    to = variable.index(moved)
    if to == index and variable.low <= value <= variable.high:
        to = int(np.clip(index + (1 if goes_up else -1), 0, variable.n_options - 1))
    return variable.options[to]


def redraw(variable: Variable, value: Option, rng: np.random.Generator) -> Option:
    """Return another value than `value`, uniformly; the same where there is only one option.

    Args:
        variable: Whose value it is.
        value: What it is now.
        rng: The source of all randomness.

    Example:
        >>> redraw(Variable.categorical("op", ["conv3", "identity"]), "conv3",
        ...        np.random.default_rng(0))
        'identity'
    """
    if variable.n_options == 1:
        return value
    others = [i for i in range(variable.n_options) if i != variable.index(value)]
    return variable.refine(int(rng.choice(others)), rng)
