"""Where a tensor carries the channels of a group, and what reshapes them.

A convolution's channels are dimension 1 of (batch, channels, height, width), a linear layer's the
last one of whatever it gets. Flattening makes several features of a channel; they can be cut with
it only where they are neighbours, which they are if the channels come first of what is flattened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Channels", "flattened", "reduced", "with_dimensions"]


@dataclass(frozen=True)
class Channels:
    """The channels of a group as one dimension of a tensor.

    Attributes:
        group: The group's number.
        axis: The dimension, counted from the first one.
        per_channel: The features that a channel has become by flattening, next to each other.
    """

    group: int
    axis: int
    per_channel: int = 1


def flattened(
    channels: Channels, shape: Sequence[int], start: object, end: object
) -> Channels | None:
    """The channels after the dimensions from `start` to `end` have become one.

    None where they are not the first of these: their features are then no neighbours.

    Example:
        >>> flattened(Channels(0, axis=1), (2, 8, 4, 4), 1, -1)
        Channels(group=0, axis=1, per_channel=16)
        >>> flattened(Channels(0, axis=2), (2, 5, 16), 1, -1) is None
        True
    """
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    first, last = start % len(shape), end % len(shape)
    if channels.axis < first:
        return channels
    if channels.axis > last:
        return replace(channels, axis=channels.axis - (last - first))
    if channels.axis > first:
        return None
    more = math.prod(shape[first + 1 : last + 1])
    return replace(channels, per_channel=channels.per_channel * more)


def reduced(channels: Channels, n_dims: int, dims: object, keepdim: object) -> Channels | None:
    """The channels after a mean over the dimensions `dims`; None where they are among these.

    Example:
        >>> reduced(Channels(0, axis=2), 3, 1, False)
        Channels(group=0, axis=1, per_channel=1)
    """
    over = dims if isinstance(dims, (tuple, list)) else (dims,)
    if not over or not all(isinstance(dim, int) for dim in over):
        return None  # over all, or over what only a run tells
    gone = {dim % n_dims for dim in over}
    if channels.axis in gone:
        return None
    return (
        channels
        if keepdim
        else replace(channels, axis=channels.axis - sum(dim < channels.axis for dim in gone))
    )


def with_dimensions(channels: Channels, n_dims: int, wanted: int) -> Channels:
    """The channels after a broadcast to as many dimensions, which come first."""
    return replace(channels, axis=channels.axis + wanted - n_dims)
