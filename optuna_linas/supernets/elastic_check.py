"""Whether an elastic network is what the ordinary one was: calls of both, on one input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optuna_linas.hardware.examples import tensors_in
from optuna_linas.supernets.channel_flow import KNOWN
from optuna_linas.supernets.dry_run import dry_run
from optuna_linas.supernets.protocol import Arch, as_row
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["check_elastic", "probe"]


def probe(example_input: Tensor) -> Tensor:
    """Return the example, or noise in [0, 1) of its form if it is constant, for that shows little.

    The noise is always the same, and no number of a global generator is drawn.
    """
    flat = example_input.flatten()
    if not example_input.is_floating_point() or not len(flat) or bool((flat != flat[0]).any()):
        return example_input
    noise = torch.rand(example_input.shape, generator=torch.Generator().manual_seed(0))
    return noise.to(example_input)


def check_elastic(supernet: SharedWeights, x: Tensor, expected: Any) -> None:
    """Check that an elastic network works, and that the largest architecture is the network it was.

    The largest architecture has to return the same tensors up to rounding, the others tensors of
    the same shapes. These are the smallest one and those that are narrow in some widths only: any
    two widths differ in one of them, so that what they tie is seen. Nothing of the super-network
    is changed by it.

    Args:
        supernet: Its last options make the network.
        x: What it is called with.
        expected: What the network returned for `x`, in a dry run.

    Raises:
        ValueError: It is not what the network was.
    """
    wanted = list(tensors_in(expected))
    largest, *others = _architectures(supernet)
    for ours, theirs in zip(_called(supernet, x, largest, wanted), wanted, strict=True):
        _compare(supernet, ours, theirs)
    for arch in others:
        _called(supernet, x, arch, wanted)


def _architectures(supernet: SharedWeights) -> list[list[int]]:
    """The largest architecture, the smallest one, and such as are narrow in some widths only."""
    counts = [len(options) for options in supernet.space.choices]
    largest = [n - 1 for n in counts]
    widths = [i for i, name in enumerate(supernet.space.names) if name.startswith("width_")]
    found = [largest, [0] * len(counts)]
    for bit in range(len(widths).bit_length()):
        narrow = {i for place, i in enumerate(widths, start=1) if place >> bit & 1}
        found.append([0 if i in narrow else last for i, last in enumerate(largest)])
    return found


def _called(supernet: SharedWeights, x: Tensor, arch: Arch, wanted: list[Tensor]) -> list[Tensor]:
    """What an architecture returns, whose shapes are the wanted ones."""
    try:
        with dry_run(supernet, x.device):
            got = list(tensors_in(supernet(x, arch)))
    except Exception as error:  # whatever the network's own code raises
        raise _failure(supernet, f"{_named(supernet, arch)} cannot be called: {error}") from error
    ours, theirs = ([tuple(tensor.shape) for tensor in each] for each in (got, wanted))
    if ours != theirs:
        what = f"{_named(supernet, arch)} returns tensors of shapes {ours} instead of {theirs}"
        raise _failure(supernet, what)
    return got


def _compare(supernet: SharedWeights, got: Tensor, wanted: Tensor) -> None:
    """Sums in another order differ by rounding, more so in a deep network; channels by far more."""
    if not wanted.is_floating_point() or not wanted.numel():
        return
    share = max(1e-3, torch.finfo(wanted.dtype).eps ** 0.5)
    got, wanted = got.double(), wanted.double()
    scale = max(1e-2, float(wanted.abs().nan_to_num(posinf=0.0).max()))
    if not torch.allclose(got, wanted, rtol=0.0, atol=share * scale, equal_nan=True):
        most = float((got - wanted).abs().nan_to_num().max())
        raise _failure(
            supernet,
            "the largest architecture does not compute what the network did, its outputs differ "
            f"by up to {most:.3g}",
        )


def _named(supernet: SharedWeights, arch: Arch) -> str:
    params = supernet.space.decode(as_row(supernet.space, arch))
    return f"the architecture {dict(params)}"


def _failure(supernet: SharedWeights, what: str) -> ValueError:
    return ValueError(
        f"{type(supernet.network).__name__} cannot be made elastic as it is: {what}. Something in "
        "it depends on the number or the order of its channels, and could not be seen. Write that "
        f"part with layers that are known ({KNOWN}), or the super-network with SharedWeights."
    )
