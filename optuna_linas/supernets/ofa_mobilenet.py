"""OFA's MobileNetV3: elastic depth of five units, elastic kernel and expansion of twenty layers.

Cai, Gan, Wang, Zhang, Han: "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020. The published checkpoints (`ofa_mbv3_d234_e346_k357_w1.0`, ..._w1.2) load
into the default configuration.

Notation: unit `u` has at most `n` layers; layer `j` of unit `u` is layer `i = u * n + j`, and
exists only where `depth_u > j`. OFA counts blocks from the one that is never elastic: layer `i` is
its `blocks.{i + 1}`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.example_batch import example_batch
from optuna_linas.supernets.kernel_transform import KernelTransform
from optuna_linas.supernets.mobile_blocks import Activation, ConvLayer, MobileBlock
from optuna_linas.supernets.ofa_checkpoint import load_published, read_published
from optuna_linas.supernets.options import (
    ascending,
    check_positive_integer,
    check_share,
    round_channels,
)
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["OFA_UNITS", "MobileUnit", "OFAMobileNetV3"]


@dataclass(frozen=True)
class MobileUnit:
    """The fixed part of a unit of `OFAMobileNetV3`.

    Attributes:
        width: Output channels, before the width multiplier.
        stride: The stride of its first layer.
        activation: "relu" or "h_swish".
        squeeze: Whether its layers have squeeze-and-excitation.

    Example:
        >>> units = (MobileUnit(16, 1), MobileUnit(24, 2, squeeze=True))
        >>> OFAMobileNetV3(n_classes=10, image_size=32, units=units).space.names[0]
        'depth_0'
    """

    width: int
    stride: int
    activation: Activation = "h_swish"
    squeeze: bool = False


OFA_UNITS = (
    MobileUnit(24, 2, "relu"),
    MobileUnit(40, 2, "relu", squeeze=True),
    MobileUnit(80, 2),
    MobileUnit(112, 1, squeeze=True),
    MobileUnit(160, 2, squeeze=True),
)
"""The five units of the published super-network."""


class OFAMobileNetV3(SharedWeights):
    """The super-network of OFA with 45 variables and 2.2 x 10^19 different networks.

    For every unit `u` and layer `i`, in this order:

    - `depth_u`: how many layers the unit has;
    - `kernel_i`: the kernel size of the layer, where it exists;
    - `expand_i`: its hidden channels, as a multiple of its input channels, where it exists.

    The published network is `OFAMobileNetV3()`, or with `width_mult=1.2`. Fewer and narrower
    `units` with smaller strides make one that trains on small images on a CPU. Weights are
    initialised from torch's global generator, as those of any torch layer.

    Args:
        n_classes: How many logits.
        in_channels: Channels of the images.
        image_size: Height and width of the images, in pixels.
        width_mult: Multiplies all channels.
        units: The fixed part of each unit.
        stem_width: Channels of the first convolution and the first block.
        stem_stride: The stride of the first convolution.
        head_widths: Channels of the two layers before the classifier.
        depths: The options of every `depth_u`.
        kernels: The options of every `kernel_i`, odd.
        expands: The options of every `expand_i`.
        dropout: Before the classifier.

    Raises:
        TypeError: A size or an option is not an integer.
        ValueError: A size below 1, an empty or repeated list of options, an even kernel, or an
            image too small for the strides.

    Example:
        >>> supernet = OFAMobileNetV3(
        ...     n_classes=10,
        ...     image_size=16,
        ...     units=(MobileUnit(16, 1), MobileUnit(24, 2, squeeze=True)),
        ...     head_widths=(32, 64),
        ... )
        >>> len(supernet.space)
        18
        >>> arch = supernet.space.n_options - 1
        >>> supernet.eval()(supernet.example_input(2), arch).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int = 1000,
        *,
        in_channels: int = 3,
        image_size: int = 224,
        width_mult: float = 1.0,
        units: Sequence[MobileUnit] = OFA_UNITS,
        stem_width: int = 16,
        stem_stride: int = 2,
        head_widths: tuple[int, int] = (960, 1280),
        depths: Sequence[int] = (2, 3, 4),
        kernels: Sequence[int] = (3, 5, 7),
        expands: Sequence[int] = (3, 4, 6),
        dropout: float = 0.1,
    ) -> None:
        if len(units) == 0:
            raise ValueError("units lists no unit; give the fixed part of each.")
        sizes = {
            "n_classes": n_classes,
            "in_channels": in_channels,
            "image_size": image_size,
            "stem_width": stem_width,
            "stem_stride": stem_stride,
        }
        for name, size in sizes.items():
            check_positive_integer(name, size)
        if not width_mult > 0:
            raise ValueError(f"width_mult must be positive, got {width_mult}.")
        check_share("dropout", dropout)
        depths, kernels = ascending("depths", depths), ascending("kernels", kernels)
        expands = ascending("expands", expands)
        if even := [kernel for kernel in kernels if kernel % 2 == 0]:
            raise ValueError(f"kernels must be odd to have a centre, got {even}.")
        self.n_classes = n_classes
        self.in_channels = in_channels
        self.image_size = image_size
        self.stem_stride = stem_stride
        self.dropout = dropout
        self.max_depth = depths[-1]
        self.units = tuple(replace(unit, width=_scaled(unit.width, width_mult)) for unit in units)
        self.stem_width = _scaled(stem_width, width_mult)
        self.head_widths = [_scaled(width, width_mult) for width in head_widths]
        space = _build_space(len(units), depths, kernels, expands)
        largest = {v.name: v.options[-1] for v in space.variables}
        super().__init__(space, self.build(largest))
        self.kernel_transforms = nn.ModuleDict(
            {str(i + 1): KernelTransform(kernels) for i in range(len(units) * self.max_depth)}
        )

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture; see `SharedWeights.build`."""
        n = self.stem_width
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        blocks["0"] = MobileBlock(
            n, None, n, kernel=3, stride=1, activation="relu", squeeze=False, residual=True
        )
        for u, unit in enumerate(self.units):
            for j in range(params[f"depth_{u}"]):
                i = u * self.max_depth + j
                stride = unit.stride if j == 0 else 1
                blocks[str(i + 1)] = MobileBlock(
                    n,
                    round_channels(n * params[f"expand_{i}"]),
                    unit.width,
                    kernel=params[f"kernel_{i}"],
                    stride=stride,
                    activation=unit.activation,
                    squeeze=unit.squeeze,
                    residual=stride == 1 and n == unit.width,
                )
                n = unit.width
        expanded, mixed = self.head_widths
        return nn.Sequential(
            OrderedDict(
                first_conv=ConvLayer(
                    self.in_channels,
                    self.stem_width,
                    3,
                    stride=self.stem_stride,
                    activation="h_swish",
                ),
                blocks=nn.Sequential(blocks),
                final_expand_layer=ConvLayer(n, expanded, activation="h_swish"),
                pooling=nn.AdaptiveAvgPool2d(1),
                feature_mix_layer=ConvLayer(expanded, mixed, norm=False, activation="h_swish"),
                flatten=nn.Flatten(),
                classifier=nn.Sequential(
                    OrderedDict(
                        dropout=nn.Dropout(self.dropout), linear=nn.Linear(mixed, self.n_classes)
                    )
                ),
            )
        )

    def reduce(self, name: str, shared: Tensor, shape: torch.Size) -> Tensor:
        """Return the leading slice; of a depthwise kernel, transformed to its size."""
        if not name.endswith("depth_conv.conv.weight") or name.startswith("blocks.0."):
            return super().reduce(name, shared, shape)
        block = name.split(".")[1]
        transformed: Tensor = self.kernel_transforms[block](shared[: shape[0]], shape[-1])
        return transformed

    def example_input(self, batch_size: int = 1) -> Tensor:
        """Return zeros `float[batch_size, in_channels, image_size, image_size]` on its device.

        Raises:
            TypeError: `batch_size` is not an integer.
            ValueError: `batch_size` below 1.
        """
        shape = (self.in_channels, self.image_size, self.image_size)
        return example_batch(self, batch_size, *shape)

    def load_ofa_state_dict(self, source: str | Path | Mapping[str, Any]) -> None:
        """Load a checkpoint of the OFA authors, shared batch norms and kernel matrices included.

        Args:
            source: The file, or the state dict of the reference package's super-network.

        Raises:
            FileNotFoundError: There is no such file.
            SpaceMismatchError: The checkpoint is of another space or width; the message names the
                first tensor that differs. The super-network is unchanged.
        """
        load_published(self, read_published(source), _homes)


def _homes(name: str) -> str:
    """Where a tensor of a published checkpoint lives in the super-network."""
    if name.endswith("_matrix"):
        _, block, *_, matrix = name.split(".")
        return f"kernel_transforms.{block}.{matrix}"
    return f"network.{name}"


def _scaled(width: int, width_mult: float) -> int:
    check_positive_integer("a width", width)
    return round_channels(width * width_mult)


def _build_space(
    n_units: int, depths: Sequence[int], kernels: Sequence[int], expands: Sequence[int]
) -> SearchSpace:
    layers = range(n_units * depths[-1])
    choices: dict[str, Sequence[int]] = {f"depth_{u}": depths for u in range(n_units)}
    choices |= {f"kernel_{i}": kernels for i in layers}
    choices |= {f"expand_{i}": expands for i in layers}
    conditions = {}
    for i in layers:
        u, j = divmod(i, depths[-1])
        if j >= depths[0]:
            deep_enough = {f"depth_{u}": [depth for depth in depths if depth > j]}
            conditions[f"kernel_{i}"] = conditions[f"expand_{i}"] = deep_enough
    return SearchSpace.from_choices(choices, conditions)
