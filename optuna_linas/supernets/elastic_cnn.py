"""A small elastic convolutional network for images from 8 x 8 pixels on.

After Cai, Gan, Wang, Zhang, Han: "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020: elastic depth per stage, elastic kernel and expansion per layer. Where we
knowingly depart from it: the output channels of each stage are elastic too, and the blocks are
fused inverted residuals (see `elastic_block`).

Notation: stage `u` has at most `n` layers; layer `j` of stage `u` is layer `i = u * n + j` of the
network, and exists only where `depth_u > j`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.elastic_block import ElasticBlock
from optuna_linas.supernets.elastic_layers import (
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
)
from optuna_linas.supernets.example_batch import example_batch
from optuna_linas.supernets.input_check import check_input
from optuna_linas.supernets.options import ascending, check_positive_integer
from optuna_linas.supernets.protocol import Arch, as_row

__all__ = ["ElasticCNN"]

_Options = Sequence[int]


class _Layer(NamedTuple):
    """The sizes of one block of an architecture."""

    i: int
    n_out: int
    hidden: int
    kernel: int


class ElasticCNN(nn.Module):
    """A super-network of residual convolutional networks: depth, width, kernels and expansions.

    An architecture is a 3 x 3 stem, stages of blocks, global average pooling and a linear
    classifier. Its variables, for every stage `u` and layer `i`:

    - `depth_u`: how many layers the stage has;
    - `width_u`: how many channels they give;
    - `kernel_i`: the kernel size of the layer, where it exists;
    - `expand_i`: its hidden channels, as a multiple of the stage's width, where it exists.

    Weights are initialised from torch's global generator, as those of any torch layer:
    `torch.manual_seed` makes them reproducible.

    The defaults suit handwritten digits: 2 x 10^7 architectures, whose latencies on a CPU lie a
    factor of 10 apart. Photographs of 32 x 32 pixels deserve a third stage and more channels, as
    `widths=((8, 16, 24), (16, 32, 48), (32, 64, 96))`.

    Args:
        n_classes: How many logits.
        in_channels: Channels of the images.
        image_size: Height and width of the images, in pixels.
        stem_width: Channels of the stem.
        widths: For each stage, the options of `width_u`.
        strides: The stride of each stage's first layer; `None` is 1 for the first stage and 2 for
            the others.
        depths: The options of every `depth_u`.
        kernels: The options of every `kernel_i`, odd.
        expands: The options of every `expand_i`.

    Raises:
        ValueError: A size below 1, an empty or repeated list of options, an even kernel, a number
            of strides other than that of stages, or an image too small for the strides.
        TypeError: A size or an option is not an integer.

    Example:
        >>> supernet = ElasticCNN(n_classes=10, in_channels=1, image_size=8)
        >>> arch = supernet.space.n_options - 1  # the last option of every variable: the largest
        >>> supernet(supernet.example_input(2), arch).shape
        torch.Size([2, 10])
        >>> network = supernet.extract(supernet.space.decode(arch))
        >>> network(supernet.example_input(2)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        n_classes: int,
        in_channels: int = 3,
        image_size: int = 32,
        stem_width: int = 8,
        widths: Sequence[_Options] = ((4, 8, 16), (8, 16, 32)),
        strides: Sequence[int] | None = None,
        depths: _Options = (1, 2, 3, 4),
        kernels: _Options = (3, 5),
        expands: _Options = (1, 2, 4),
    ) -> None:
        super().__init__()
        for name, size in {
            "n_classes": n_classes,
            "in_channels": in_channels,
            "image_size": image_size,
            "stem_width": stem_width,
        }.items():
            check_positive_integer(name, size)
        if len(widths) == 0:
            raise ValueError("widths lists no stage; give the channel options of each stage.")
        stages = [ascending(f"widths[{u}]", options) for u, options in enumerate(widths)]
        depths = ascending("depths", depths)
        kernels = ascending("kernels", kernels)
        expands = ascending("expands", expands)
        even = [kernel for kernel in kernels if kernel % 2 == 0]
        if even:
            raise ValueError(f"kernels must be odd to have a centre, got {even}.")
        strides = _checked_strides(strides, len(stages), image_size)

        self.n_classes = n_classes
        self.in_channels = in_channels
        self.image_size = image_size
        self.stem_width = stem_width
        self.n_stages = len(stages)
        self.max_depth = depths[-1]
        self._space = _build_space(stages, depths, kernels, expands)

        self.stem = ElasticConv2d(in_channels, stem_width, max_kernel=3)
        self.stem_norm = ElasticBatchNorm2d(stem_width)
        self.blocks = nn.ModuleList()
        n_in = stem_width
        for options, stride in zip(stages, strides, strict=True):
            width = options[-1]
            for j in range(self.max_depth):
                self.blocks.append(
                    ElasticBlock(
                        n_in if j == 0 else width,
                        width,
                        max_hidden=expands[-1] * width,
                        max_kernel=kernels[-1],
                        stride=stride if j == 0 else 1,
                        residual=j > 0,
                    )
                )
            n_in = width
        self.classifier = ElasticLinear(n_in, n_classes)

    @property
    def space(self) -> SearchSpace:
        """The architectures; options ascend, so that the last ones make the largest network."""
        return self._space

    def forward(self, x: Tensor, arch: Arch) -> Tensor:
        """Return the logits `float[batch, n_classes]` of `arch` on the images `x`.

        Args:
            x: `float[batch, in_channels, image_size, image_size]`.
            arch: A row `int[d]` or a params dict.

        Raises:
            SpaceMismatchError: `arch` is not of the space.
            TypeError: `x` is no tensor of floats.
            ValueError: `x` has another number of dimensions or channels.
        """
        check_input(x, self.example_input(1))
        x = torch.relu(self.stem_norm(self.stem(x, self.stem_width, kernel=3)))
        for layer in self._layers(arch):
            x = self.blocks[layer.i](x, layer.n_out, layer.hidden, layer.kernel)
        logits: Tensor = self.classifier(torch.relu(x).mean(dim=(2, 3)), self.n_classes)
        return logits

    def extract(self, arch: Arch) -> nn.Sequential:
        """Return `arch` as a plain network with its own copy of its weights, in eval mode.

        Its batch norms have the statistics of all the networks that were trained. Call
        `recalibrate_batch_norm(network, loader)` before you use it, as `SupernetObjective` does.

        Args:
            arch: A row `int[d]` or a params dict.

        Returns:
            An `nn.Sequential` that maps `float[batch, in_channels, h, w]` to
            `float[batch, n_classes]`.

        Raises:
            SpaceMismatchError: `arch` is not of the space.
        """
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        modules["stem"] = nn.Sequential(
            self.stem.extract(self.in_channels, self.stem_width, kernel=3),
            self.stem_norm.extract(self.stem_width),
            nn.ReLU(),
        )
        n_in = self.stem_width
        for layer in self._layers(arch):
            block = self.blocks[layer.i]
            assert isinstance(block, ElasticBlock)
            name = f"block_{layer.i}"
            modules[name] = block.extract(n_in, layer.n_out, layer.hidden, layer.kernel)
            n_in = layer.n_out
        modules["head"] = nn.Sequential(
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            self.classifier.extract(n_in, self.n_classes),
        )
        return nn.Sequential(modules).eval()

    def example_input(self, batch_size: int = 1) -> Tensor:
        """Return zeros `float[batch_size, in_channels, image_size, image_size]` on its device.

        Raises:
            ValueError: `batch_size` below 1.
            TypeError: `batch_size` is not an integer.
        """
        shape = (self.in_channels, self.image_size, self.image_size)
        return example_batch(self, batch_size, *shape)

    def _layers(self, arch: Arch) -> Iterator[_Layer]:
        sizes: Mapping[str, Any] = self.space.decode(as_row(self.space, arch))
        for u in range(self.n_stages):
            width = sizes[f"width_{u}"]
            for j in range(sizes[f"depth_{u}"]):
                i = u * self.max_depth + j
                yield _Layer(i, width, sizes[f"expand_{i}"] * width, sizes[f"kernel_{i}"])


def _build_space(
    stages: Sequence[_Options], depths: _Options, kernels: _Options, expands: _Options
) -> SearchSpace:
    choices: dict[str, _Options] = {}
    conditions: dict[str, dict[str, list[int]]] = {}
    for u, widths in enumerate(stages):
        choices[f"depth_{u}"] = depths
        choices[f"width_{u}"] = widths
        for j in range(depths[-1]):
            i = u * depths[-1] + j
            choices[f"kernel_{i}"] = kernels
            choices[f"expand_{i}"] = expands
            if j >= depths[0]:
                deep_enough = {f"depth_{u}": [depth for depth in depths if depth > j]}
                conditions[f"kernel_{i}"] = conditions[f"expand_{i}"] = deep_enough
    return SearchSpace.from_choices(choices, conditions)


def _checked_strides(strides: Sequence[int] | None, n_stages: int, image_size: int) -> list[int]:
    strides = [1] + [2] * (n_stages - 1) if strides is None else list(strides)
    if len(strides) != n_stages:
        raise ValueError(
            f"strides has {len(strides)} entries for {n_stages} stages; give one each."
        )
    reduction = 1
    for stride in strides:
        check_positive_integer("a stride", stride)
        reduction *= stride
    if image_size < reduction:
        raise ValueError(
            f"image_size={image_size} is too small: the strides {strides} divide it by "
            f"{reduction}. Use images of at least {reduction} pixels, fewer stages or strides of 1."
        )
    return strides
