"""OFA's ResNet-50: elastic depth and width of stem and stages, elastic expansion of 18 blocks.

Cai, Gan, Wang, Zhang, Han: "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020, in the ResNet-D form of the authors' code (He et al.: "Bag of Tricks for
Image Classification with Convolutional Neural Networks", CVPR 2019). The published checkpoint
(`ofa_resnet50_d=0+1+2_e=0.2+0.25+0.35_w=0.65+0.8+1.0`) loads into the default configuration.

Notation: stage `s` has `base_depths[s] + depth_{s+1}` blocks; the blocks of all stages are counted
through, at their largest depth. Where we knowingly depart from the authors' code: `depth_0`,
whether the stem has its residual layer, has two options instead of three of which two are the
same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.example_batch import example_batch
from optuna_linas.supernets.mobile_blocks import ConvLayer
from optuna_linas.supernets.ofa_checkpoint import load_published, read_published
from optuna_linas.supernets.options import (
    ascending,
    check_positive_integer,
    check_share,
    round_channels,
)
from optuna_linas.supernets.resnet_blocks import BottleneckBlock, ResidualConv
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["OFAResNet50"]


class OFAResNet50(SharedWeights):
    """The ResNet-50 super-network of OFA: 29 variables.

    - `depth_0`: 0 for a stem without its residual layer, the largest option for one with it;
      `depth_1`, ...: how many blocks the stage has beyond its base depth;
    - `expand_i`: the hidden channels of block `i` as a share of its output's, where it exists;
    - `width_0`, `width_1`: the stem's hidden and output width, `width_2`, ...: those of the stages,
      as a share of the largest.

    `OFAResNet50()` is the published network; `stem_width`, `stage_widths` and `image_size` make one
    that trains on a CPU. Weights are initialised from torch's global generator.

    Args:
        n_classes: How many logits.
        in_channels: Channels of the images.
        image_size: Height and width of the images, in pixels.
        stem_width: The stem's output channels at most.
        stage_widths: Each stage's output channels at most.
        base_depths: Each stage's blocks at least.
        stem_stride: The stride of the first convolution and of the pooling after the stem.
        depths: The options of every `depth_s`; the smallest is 0.
        expands: The options of every `expand_i`.
        widths: The options of every `width_s`.
        dropout: Before the classifier.

    Raises:
        TypeError: A size is not an integer.
        ValueError: A size below 1, an empty or repeated list of options, or `stage_widths` and
            `base_depths` of different lengths.

    Example:
        >>> supernet = OFAResNet50(
        ...     n_classes=10, image_size=32, stem_width=16, stage_widths=(32, 64),
        ...     base_depths=(1, 1), depths=(0, 1), stem_stride=1
        ... )
        >>> supernet.space.names[:4]
        ('depth_0', 'depth_1', 'depth_2', 'expand_0')
    """

    def __init__(
        self,
        n_classes: int = 1000,
        *,
        in_channels: int = 3,
        image_size: int = 224,
        stem_width: int = 64,
        stage_widths: Sequence[int] = (256, 512, 1024, 2048),
        base_depths: Sequence[int] = (2, 2, 4, 2),
        stem_stride: int = 2,
        depths: Sequence[int] = (0, 1, 2),
        expands: Sequence[float] = (0.2, 0.25, 0.35),
        widths: Sequence[float] = (0.65, 0.8, 1.0),
        dropout: float = 0.0,
    ) -> None:
        if len(stage_widths) != len(base_depths) or len(stage_widths) == 0:
            raise ValueError(
                f"stage_widths has {len(stage_widths)} stages, base_depths has "
                f"{len(base_depths)}; give both for each stage, of which there is at least one."
            )
        sizes = {
            "n_classes": n_classes,
            "in_channels": in_channels,
            "image_size": image_size,
            "stem_width": stem_width,
            "stem_stride": stem_stride,
            **{f"stage_widths[{s}]": width for s, width in enumerate(stage_widths)},
            **{f"base_depths[{s}]": depth for s, depth in enumerate(base_depths)},
        }
        for name, size in sizes.items():
            check_positive_integer(name, size)
        check_share("dropout", dropout)
        if 0 not in depths or min(depths) < 0:
            raise ValueError(f"depths counts blocks beyond the base, 0 among them, got {depths}.")
        depths = [0, *ascending("depths", [d for d in depths if d != 0])]
        self.n_classes = n_classes
        self.in_channels = in_channels
        self.image_size = image_size
        self.stem_width = stem_width
        self.stage_widths = tuple(stage_widths)
        self.base_depths = tuple(base_depths)
        self.stem_stride = stem_stride
        self.dropout = dropout
        self.max_depth = depths[-1]
        space = _build_space(
            self.base_depths,
            depths,
            ascending("expands", expands, integer=False),
            ascending("widths", widths, integer=False),
        )
        super().__init__(space, self.build({v.name: v.options[-1] for v in space.variables}))

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture; see `SharedWeights.build`."""
        hidden = round_channels(round_channels(self.stem_width * params["width_0"]) // 2)
        n = round_channels(self.stem_width * params["width_1"])
        stem: OrderedDict[str, nn.Module] = OrderedDict()
        stem["0"] = ConvLayer(
            self.in_channels, hidden, 3, stride=self.stem_stride, activation="relu"
        )
        if params["depth_0"]:
            stem["1"] = ResidualConv(hidden)
        stem["2"] = ConvLayer(hidden, n, 3, activation="relu")
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for s, j, i in _blocks(self.base_depths, self.max_depth):
            if j >= self.base_depths[s] + params[f"depth_{s + 1}"]:
                continue
            width = round_channels(self.stage_widths[s] * params[f"width_{s + 2}"])
            blocks[str(i)] = BottleneckBlock(
                n,
                round_channels(round(width * params[f"expand_{i}"])),
                width,
                stride=2 if j == 0 and s > 0 else 1,
                downsample=j == 0,
            )
            n = width
        return nn.Sequential(
            OrderedDict(
                input_stem=nn.Sequential(stem),
                max_pooling=nn.MaxPool2d(3, self.stem_stride, padding=1),
                blocks=nn.Sequential(blocks),
                pooling=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                classifier=nn.Sequential(
                    OrderedDict(
                        dropout=nn.Dropout(self.dropout), linear=nn.Linear(n, self.n_classes)
                    )
                ),
            )
        )

    def example_input(self, batch_size: int = 1) -> Tensor:
        """Return zeros `float[batch_size, in_channels, image_size, image_size]` on its device.

        Raises:
            TypeError: `batch_size` is not an integer.
            ValueError: `batch_size` below 1.
        """
        shape = (self.in_channels, self.image_size, self.image_size)
        return example_batch(self, batch_size, *shape)

    def load_ofa_state_dict(self, source: str | Path | Mapping[str, Any]) -> None:
        """Load a checkpoint of the OFA authors, shared batch norms included.

        Args:
            source: The file, or the state dict of the reference package's super-network.

        Raises:
            FileNotFoundError: There is no such file.
            SpaceMismatchError: The checkpoint is of another space; the message names the first
                tensor that differs. The super-network is unchanged.
        """
        load_published(self, read_published(source), lambda name: f"network.{name}")


def _blocks(base_depths: Sequence[int], max_depth: int) -> Iterator[tuple[int, int, int]]:
    """Stage, block within the stage, and block of the network, at the largest depth."""
    i = 0
    for s, base in enumerate(base_depths):
        for j in range(base + max_depth):
            yield s, j, i
            i += 1


def _build_space(
    base_depths: Sequence[int],
    depths: Sequence[int],
    expands: Sequence[float],
    widths: Sequence[float],
) -> SearchSpace:
    n_stages = len(base_depths)
    blocks = list(_blocks(base_depths, depths[-1]))
    choices: dict[str, Sequence[float]] = {"depth_0": [0, depths[-1]]}
    choices |= {f"depth_{s + 1}": depths for s in range(n_stages)}
    choices |= {f"expand_{i}": expands for _, _, i in blocks}
    choices |= {f"width_{s}": widths for s in range(n_stages + 2)}
    conditions = {
        f"expand_{i}": {f"depth_{s + 1}": [d for d in depths if base_depths[s] + d > j]}
        for s, j, i in blocks
        if j >= base_depths[s]
    }
    return SearchSpace.from_choices(choices, conditions)
