"""Optimiser moments by parameter name.

`torch.optim` numbers its parameters; when a layer is exchanged for one with more or fewer tensors
the numbers shift, and the moments of one tensor would go on with another. So the state is stored by
parameter name: what a child has from its base keeps its moments, whatever is donated or new starts
without.

Group options (learning rate, weight decay, ...) are never stored: they are what the user just
passed to the optimiser, which may be what the trial suggests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["load_by_name", "state_by_name"]


def state_by_name(optimizer: Optimizer, model: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the optimiser's state, keyed by the parameters' names in `model`.

    A parameter outside of the model (a temperature that is learnt beside it) is keyed by its place,
    `"#group.position"`.

    Args:
        optimizer: The optimiser.
        model: Whose parameters it changes.

    Example:
        >>> import torch
        >>> model = nn.Linear(1, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        >>> _ = model(torch.ones(1, 1)).sum().backward()
        >>> optimizer.step()
        >>> sorted(state_by_name(optimizer, model))
        ['bias', 'weight']
    """
    names = _names(optimizer, model)
    state = optimizer.state_dict()["state"]
    return {names[index]: dict(entry) for index, entry in state.items()}


def load_by_name(
    optimizer: Optimizer,
    model: nn.Module,
    state: Mapping[str, Mapping[str, Any]],
    keep: Callable[[str], bool] = lambda name: True,
) -> list[str]:
    """Load the state of the parameters that `keep` accepts, and return their names.

    A parameter that is unknown to `state`, or whose moments have another shape, starts without.

    Args:
        optimizer: A new optimiser of the model's parameters.
        model: The model, its weights loaded.
        state: What `state_by_name` returned.
        keep: Whether a parameter goes on with its moments.

    Example:
        >>> import torch
        >>> model = nn.Linear(1, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        >>> state = {"weight": {"momentum_buffer": torch.ones(1, 1)}}
        >>> load_by_name(optimizer, model, state)
        ['weight']
    """
    names = _names(optimizer, model)
    groups = optimizer.state_dict()["param_groups"]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    shapes = {name: parameters[i].shape for i, name in names.items()}
    loaded = {
        index: dict(state[name])
        for index, name in names.items()
        if name in state and keep(name) and _fits(state[name], shapes[name])
    }
    optimizer.load_state_dict({"state": loaded, "param_groups": groups})
    return [names[index] for index in loaded]


def _names(optimizer: Optimizer, model: nn.Module) -> dict[int, str]:
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    names: dict[int, str] = {}
    for i, group in enumerate(optimizer.param_groups):
        for j, parameter in enumerate(group["params"]):
            names[len(names)] = known.get(id(parameter), f"#{i}.{j}")
    return names


def _fits(entry: Mapping[str, Any], shape: Any) -> bool:
    # Scalars count steps; everything else is as large as the parameter.
    return all(v.shape == shape for v in entry.values() if isinstance(v, Tensor) and v.ndim > 0)
