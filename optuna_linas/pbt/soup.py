"""Model soups: weights of trained members averaged.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy
without increasing inference time", ICML 2022 (recipe 1, the greedy soup), as PBT-NAS uses them for
the members that share the best architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["average", "greedy_soup"]


def average(states: Sequence[Mapping[str, Any]], module: str = "") -> dict[str, Any]:
    """Return the element-wise mean of state dicts.

    Integer tensors and whatever is no tensor are the first one's.

    Args:
        states: State dicts with the same names and shapes, the first one counts for all that is
            not averaged.
        module: Average only what lies under this module path; empty for everything.

    Example:
        >>> average([{"a.w": torch.zeros(1), "b.w": torch.zeros(1)},
        ...          {"a.w": torch.ones(1), "b.w": torch.ones(1)}], module="a")
        {'a.w': tensor([0.5000]), 'b.w': tensor([0.])}
    """
    mean: dict[str, Any] = {}
    for name, first in states[0].items():
        is_averaged = (
            isinstance(first, Tensor)
            and (first.is_floating_point() or first.is_complex())
            and (module == "" or name == module or name.startswith(f"{module}."))
        )
        mean[name] = _mean([state[name] for state in states]) if is_averaged else first
    return mean


def greedy_soup(
    states: Sequence[Mapping[str, Any]],
    evaluate: Callable[[Mapping[str, Any]], float],
    module: str = "",
) -> tuple[dict[str, Any], list[int], float]:
    """Return the soup, which states are in it, and its loss.

    Starts with the first state and adds each next one if the average does not become worse.

    Args:
        states: State dicts, best first.
        evaluate: The loss of a state dict, minimised.
        module: Average only what lies under this module path.

    Example:
        >>> states = [{"w": torch.tensor(v)} for v in (1.0, 5.0, -1.0)]
        >>> soup, used, loss = greedy_soup(states, lambda state: abs(float(state["w"])))
        >>> used, loss
        ([0, 2], 0.0)
    """
    used, soup = [0], dict(states[0])
    best = evaluate(soup)
    for i in range(1, len(states)):
        candidate = average([states[j] for j in [*used, i]], module)
        loss = evaluate(candidate)
        if loss <= best:
            used, soup, best = [*used, i], candidate, loss
    return soup, used, best


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    # In double precision: the mean of equal tensors is then exactly that tensor.
    wide = torch.complex128 if tensors[0].is_complex() else torch.float64
    return torch.stack([tensor.to(wide) for tensor in tensors]).mean(dim=0).to(tensors[0].dtype)
