"""An elastic network for spoken words: convolutions along time over log-mel features.

After Choi, Seo, Shin, Byun, Kersner, Kim, Kim, Ha: "Temporal Convolution for Real-Time Keyword
Spotting on Mobile Devices", Interspeech 2019: the mel bands are the channels of a one-dimensional
residual network. Where we knowingly depart from it: blocks are inverted residuals with a depthwise
convolution, so that kernels are long at little cost; and everything is elastic.

Notation: stage `u` has at most `n` layers; layer `j` of stage `u` is layer `i = u * n + j`, and
exists only where `depth_u > j`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.example_batch import example_batch
from optuna_linas.supernets.options import ascending, check_positive_integer
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["ElasticAudioCNN"]


class ElasticAudioCNN(SharedWeights):
    """A super-network of one-dimensional residual networks.

    - `depth_u`: how many layers stage `u` has; `width_u`: their channels;
    - `kernel_i`: frames that layer `i` looks at, where it exists;
    - `expand_i`: its hidden channels, as a multiple of its input's, where it exists.

    Each stage halves the frames. A smaller kernel is the centre of the largest. Weights are
    initialised from torch's global generator.

    Args:
        n_classes: How many logits.
        n_frames: Frames of an example.
        n_mels: Features of a frame.
        stem_width: Channels of the first convolution.
        widths: For each stage, the options of `width_u`.
        depths: The options of every `depth_u`.
        kernels: The options of every `kernel_i`, odd.
        expands: The options of every `expand_i`.

    Raises:
        TypeError: A size or an option is not an integer.
        ValueError: A size below 1, an empty or repeated list of options, an even kernel, or too few
            frames for the stages.

    Example:
        >>> supernet = ElasticAudioCNN(n_classes=10).eval()
        >>> supernet(supernet.example_input(2), supernet.space.n_options - 1).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        n_classes: int,
        *,
        n_frames: int = 64,
        n_mels: int = 32,
        stem_width: int = 16,
        widths: Sequence[Sequence[int]] = ((16, 24, 32), (24, 32, 48), (32, 48, 64)),
        depths: Sequence[int] = (1, 2, 3),
        kernels: Sequence[int] = (3, 5, 9),
        expands: Sequence[int] = (1, 2, 3),
    ) -> None:
        for name, size in {
            "n_classes": n_classes,
            "n_frames": n_frames,
            "n_mels": n_mels,
            "stem_width": stem_width,
        }.items():
            check_positive_integer(name, size)
        if len(widths) == 0:
            raise ValueError("widths lists no stage; give the channel options of each stage.")
        if n_frames < 2 ** len(widths):
            raise ValueError(
                f"n_frames={n_frames} is too small: {len(widths)} stages halve it "
                f"{len(widths)} times."
            )
        stages = [ascending(f"widths[{u}]", options) for u, options in enumerate(widths)]
        depths, kernels = ascending("depths", depths), ascending("kernels", kernels)
        expands = ascending("expands", expands)
        if even := [kernel for kernel in kernels if kernel % 2 == 0]:
            raise ValueError(f"kernels must be odd to have a centre, got {even}.")
        self.n_classes = n_classes
        self.n_frames = n_frames
        self.n_mels = n_mels
        self.stem_width = stem_width
        self.n_stages = len(stages)
        self.max_depth = depths[-1]
        choices: dict[str, Sequence[int]] = {}
        conditions = {}
        for u, options in enumerate(stages):
            choices |= {f"depth_{u}": depths, f"width_{u}": options}
            for j in range(self.max_depth):
                i = u * self.max_depth + j
                choices |= {f"kernel_{i}": kernels, f"expand_{i}": expands}
                if j >= depths[0]:
                    deep_enough = {f"depth_{u}": [depth for depth in depths if depth > j]}
                    conditions[f"kernel_{i}"] = conditions[f"expand_{i}"] = deep_enough
        space = SearchSpace.from_choices(choices, conditions)
        super().__init__(space, self.build({v.name: v.options[-1] for v in space.variables}))

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture; see `SharedWeights.build`."""
        n = self.stem_width
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        modules["stem"] = nn.Sequential(
            nn.Conv1d(self.n_mels, n, 3, padding=1, bias=False), nn.BatchNorm1d(n), nn.ReLU()
        )
        for u in range(self.n_stages):
            width = params[f"width_{u}"]
            for j in range(params[f"depth_{u}"]):
                i = u * self.max_depth + j
                hidden = params[f"expand_{i}"] * n
                modules[f"block_{i}"] = _TemporalBlock(
                    n, hidden, width, kernel=params[f"kernel_{i}"], first=j == 0
                )
                n = width
        modules["head"] = nn.Sequential(
            nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(n, self.n_classes)
        )
        return nn.Sequential(modules)

    def reduce(self, name: str, shared: Tensor, shape: torch.Size) -> Tensor:
        """Return the leading slice; of a kernel, its centre."""
        if name.endswith("depthwise.weight"):
            start = (shared.shape[-1] - shape[-1]) // 2
            shared = shared[..., start : start + shape[-1]]
        return super().reduce(name, shared, shape)

    def example_input(self, batch_size: int = 1) -> Tensor:
        """Return zeros `float[batch_size, n_mels, n_frames]` on its device.

        Raises:
            TypeError: `batch_size` is not an integer.
            ValueError: `batch_size` below 1.
        """
        return example_batch(self, batch_size, self.n_mels, self.n_frames)


class _TemporalBlock(nn.Module):
    """Widen, a depthwise convolution along time, project; a stage's first one halves the frames."""

    def __init__(self, n_in: int, hidden: int, n_out: int, *, kernel: int, first: bool) -> None:
        super().__init__()
        self.residual = not first
        self.body = nn.Sequential(
            OrderedDict(
                widen=nn.Conv1d(n_in, hidden, 1, bias=False),
                widen_norm=nn.BatchNorm1d(hidden),
                widen_act=nn.ReLU(),
                depthwise=nn.Conv1d(
                    hidden,
                    hidden,
                    kernel,
                    stride=2 if first else 1,
                    padding=kernel // 2,
                    groups=hidden,
                    bias=False,
                ),
                depthwise_norm=nn.BatchNorm1d(hidden),
                depthwise_act=nn.ReLU(),
                project=nn.Conv1d(hidden, n_out, 1, bias=False),
                project_norm=nn.BatchNorm1d(n_out),
            )
        )

    def extra_repr(self) -> str:
        """Return what the sub-modules do not show."""
        return f"residual={self.residual}"

    def forward(self, x: Tensor) -> Tensor:
        """Return `float[batch, n_out, frames]`, half of the frames in a stage's first block."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y
