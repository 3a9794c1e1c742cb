"""A child's weights: the base's, with the donated layers of the donor shrink-perturbed.

Algorithm 2 of PBT-NAS: every tensor of a donated layer becomes `shrink * W_donor + perturb *
W_fresh`, where `W_fresh` comes from a newly built network, so that the noise follows each layer's
own initialiser. Layers are named by exact module path (`"cell1.c1"` is not `"cell1.c10"`).

State dicts map tensor names to tensors; whatever in them is not a tensor is copied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

__all__ = [
    "BUFFER_POLICIES",
    "MISMATCH_POLICIES",
    "Buffers",
    "Mismatch",
    "Mixture",
    "Origin",
    "mix_copy",
    "mix_weights",
    "origin_of",
    "owner_of",
]

Origin = Literal["base", "donor", "fresh"]
Buffers = Literal["perturb", "copy", "reset"]
Mismatch = Literal["error", "crop", "fresh"]

BUFFER_POLICIES = ("perturb", "copy", "reset")
MISMATCH_POLICIES = ("error", "crop", "fresh")


@dataclass(frozen=True)
class Mixture:
    """How the weights of a child are put together.

    Attributes:
        origins: For module paths, where their tensors come from. Of nested paths the longest that
            fits decides; what lies under none is the base's.
        shrink: Factor of the donor's tensors.
        perturb: Factor of the fresh tensors that are added to them.
        buffers: What becomes of floating-point buffers (batch-norm statistics, spectral-norm
            vectors) of a donated layer: "perturb" as the weights, which is what the authors' code
            does, "copy" the donor's, or "reset" to the fresh network's.
        mismatch: What to do with a tensor that the parent has not, or has in another shape: raise
            an "error", "crop" it to the common part and pad with fresh values, or leave it "fresh".

    Example:
        >>> Mixture({"encoder": "donor"}).shrink  # the rest is the base's
        0.4
    """

    origins: Mapping[str, Origin]
    shrink: float = 0.4
    perturb: float = 0.1
    buffers: Buffers = "perturb"
    mismatch: Mismatch = "error"


def owner_of(name: str, paths: Collection[str]) -> str | None:
    """Return the longest module path that a tensor's name lies under; `None` if it lies under none.

    Args:
        name: The tensor's name in the model.
        paths: Module paths.

    Example:
        >>> owner_of("cell1.c10.weight", ["cell1.c1", "cell1.c10", "cell1"])
        'cell1.c10'
    """
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        prefix = ".".join(parts[:n])
        if prefix in paths:
            return prefix
    return None


def origin_of(name: str, mixture: Mixture) -> Origin:
    """Return where a tensor comes from.

    Args:
        name: The tensor's name in the model.
        mixture: What the child is a mix of.

    Example:
        >>> origin_of("encoder.0.weight", Mixture({"encoder": "donor"}))
        'donor'
        >>> origin_of("head.weight", Mixture({"encoder": "donor"}))
        'base'
    """
    path = owner_of(name, mixture.origins)
    return "base" if path is None else mixture.origins[path]


def mix_weights(
    fresh: Mapping[str, Any],
    base: Mapping[str, Any],
    donor: Mapping[str, Any] | None,
    mixture: Mixture,
    *,
    buffers: Collection[str] = (),
) -> dict[str, Any]:
    """Return the child's state dict, with the names and shapes of the fresh network.

    With `shrink=1, perturb=0` donated tensors are bit-exact copies. Integer buffers (how many
    batches a batch norm has seen) are copied.

    Args:
        fresh: State dict of the newly built child.
        base: State dict of the base.
        donor: State dict of the donor; may be `None` where no layer is the donor's.
        mixture: What comes from where.
        buffers: Which names are buffers.

    Raises:
        ValueError: A tensor is missing or has another shape, and `mixture.mismatch` is "error".

    Example:
        >>> import torch
        >>> one = torch.ones(2)
        >>> mix_weights(
        ...     fresh={"a.weight": one, "b.weight": one},
        ...     base={"a.weight": 2 * one, "b.weight": 2 * one},
        ...     donor={"a.weight": 3 * one, "b.weight": 3 * one},
        ...     mixture=Mixture({"b": "donor"}, shrink=0.5, perturb=0.25),
        ... )
        {'a.weight': tensor([2., 2.]), 'b.weight': tensor([1.7500, 1.7500])}
    """
    child: dict[str, Any] = {}
    for name, new in fresh.items():
        origin = origin_of(name, mixture)
        if origin == "fresh":
            child[name] = _clone(new)
            continue
        parent = base if origin == "base" else donor
        assert parent is not None
        if not isinstance(new, Tensor):
            child[name] = parent.get(name, new)
            continue
        old = parent.get(name)
        if not isinstance(old, Tensor) or old.shape != new.shape:
            if mixture.mismatch == "error":
                raise ValueError(_mismatch(name, origin, old, new, parent))
            if mixture.mismatch == "fresh" or not isinstance(old, Tensor):
                child[name] = new.clone()
                continue
        old = old.to(new.device)
        part = tuple(slice(0, min(a, b)) for a, b in zip(old.shape, new.shape, strict=False))
        if old.ndim != new.ndim:  # nothing in common
            child[name] = new.clone()
            continue
        value = old[part].to(new.dtype)
        if origin == "donor":
            value = _donated(value, new[part], name in buffers, mixture)
        child[name] = new.clone()
        child[name][part] = value
    return child


def mix_copy(
    weights: Mapping[str, Any],
    base: Mapping[str, Any],
    donor: Mapping[str, Any],
    mixture: Mixture,
    *,
    part: str = "",
) -> dict[str, Any]:
    """Return the child's copy of a model, such as an average of its weights: never perturbed.

    Donated layers are the donor's copy, as it is; new ones start as the child's own weights.

    Args:
        weights: The child's state dict, as `mix_weights` returned it.
        base: The base's copy: a state dict of the model, of its module `part`, or of a wrapper
            around it that adds a leading "module." (`torch.optim.swa_utils.AveragedModel`).
        donor: The donor's.
        mixture: What comes from where.
        part: The module that it is a copy of; empty for the whole model.

    Example:
        >>> import torch
        >>> own = {name: torch.zeros(1) for name in ("a.w", "b.w")}
        >>> base = {"n_averaged": torch.tensor(7), "module.a.w": torch.ones(1),
        ...         "module.b.w": torch.ones(1)}
        >>> donor = {name: 2 * tensor for name, tensor in base.items()}
        >>> mix_copy(own, base, donor, Mixture({"b": "donor"}))
        {'n_averaged': tensor(7), 'module.a.w': tensor([1.]), 'module.b.w': tensor([2.])}
    """
    inside = f"{part}." if part else ""
    own = {name: tensor for name, tensor in weights.items() if name.startswith(inside)}
    is_wrapped = not any(name.startswith(f"{inside}module.") for name in own)
    wrap = "module." if is_wrapped and any(name.startswith("module.") for name in base) else ""

    def in_model(copy: Mapping[str, Any]) -> dict[str, Any]:
        return {inside + name.removeprefix(wrap): tensor for name, tensor in copy.items()}

    unchanged = replace(mixture, shrink=1.0, perturb=0.0, buffers="copy", mismatch="fresh")
    mixed = mix_weights(own, in_model(base), in_model(donor), unchanged)
    beside = {name: value for name, value in base.items() if wrap and not name.startswith(wrap)}
    return beside | {wrap + name.removeprefix(inside): value for name, value in mixed.items()}


def _donated(old: Tensor, new: Tensor, is_buffer: bool, mixture: Mixture) -> Tensor:
    if not old.is_floating_point() and not old.is_complex():
        return old
    if is_buffer and mixture.buffers != "perturb":
        return old if mixture.buffers == "copy" else new
    # Not by way of 1 * x + 0 * y, which turns -0 to 0 and infinity to NaN.
    shrunk = old if mixture.shrink == 1 else mixture.shrink * old
    return shrunk if mixture.perturb == 0 else shrunk + mixture.perturb * new


def _clone(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _mismatch(name: str, origin: Origin, old: Any, new: Tensor, parent: Mapping[str, Any]) -> str:
    shape = tuple(new.shape)
    if isinstance(old, Tensor):
        what = f"has shape {tuple(old.shape)} in the {origin} and {shape} in the new network"
    else:
        near = [key for key in parent if key.rsplit(".", 1)[0] == name.rsplit(".", 1)[0]]
        what = (
            f"(shape {shape}) is not in the {origin}, which has {near or 'nothing'} in that place"
        )
    return (
        f"The tensor {name!r} {what}. If a variable decides what is there, name its module in "
        "`layers`, so that the weights come from where the variable's value does. If its shape "
        "depends on several variables, pass mismatch='crop' (keep the common part, pad with fresh "
        "values) or mismatch='fresh' (start such tensors anew)."
    )
