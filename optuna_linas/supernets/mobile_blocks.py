"""The plain blocks of MobileNetV3, with the names of OFA's networks.

Howard et al.: "Searching for MobileNetV3", ICCV 2019, figure 4: an inverted residual block with
squeeze-and-excitation and h-swish.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from optuna_linas.supernets.options import round_channels

__all__ = ["Activation", "ConvLayer", "MobileBlock", "SqueezeExcitation"]

Activation = Literal["relu", "h_swish"]

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "h_swish": nn.Hardswish}


class ConvLayer(nn.Sequential):
    """A convolution, batch norm and an activation.

    Args:
        n_in: Input channels.
        n_out: Output channels.
        kernel: Kernel size, odd.
        stride: The stride.
        groups: Groups of channels.
        norm: Whether there is batch norm.
        activation: "relu", "h_swish" or None.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        norm: bool = True,
        activation: Activation | None = None,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv"] = nn.Conv2d(
            n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        if norm:
            layers["bn"] = nn.BatchNorm2d(n_out)
        if activation is not None:
            layers["act"] = _ACTIVATIONS[activation]()
        super().__init__(layers)


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all channels say of it.

    Args:
        n: Channels; a quarter of them, rounded, lies between the two layers.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        hidden = round_channels(n // 4)
        self.fc = nn.Sequential(
            OrderedDict(
                reduce=nn.Conv2d(n, hidden, 1),
                relu=nn.ReLU(),
                expand=nn.Conv2d(hidden, n, 1),
                h_sigmoid=nn.Hardsigmoid(),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled channels, of the shape of `x`."""
        scale: Tensor = self.fc(x.mean(dim=(2, 3), keepdim=True))
        return x * scale


class MobileBlock(nn.Module):
    """An inverted bottleneck: widen, depthwise convolution, project.

    Args:
        n_in: Input channels.
        hidden: Hidden channels; `None` for a block that does not widen.
        n_out: Output channels.
        kernel: Kernel size of the depthwise convolution.
        stride: Its stride.
        activation: "relu" or "h_swish".
        squeeze: Whether it has squeeze-and-excitation.
        residual: Add the input to the output.
    """

    def __init__(
        self,
        n_in: int,
        hidden: int | None,
        n_out: int,
        *,
        kernel: int,
        stride: int,
        activation: Activation,
        squeeze: bool,
        residual: bool,
    ) -> None:
        super().__init__()
        n = n_in if hidden is None else hidden
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if hidden is not None:
            parts["inverted_bottleneck"] = ConvLayer(n_in, n, activation=activation)
        depth_conv = ConvLayer(n, n, kernel, stride=stride, groups=n, activation=activation)
        if squeeze:
            depth_conv.add_module("se", SqueezeExcitation(n))
        parts["depth_conv"] = depth_conv
        parts["point_linear"] = ConvLayer(n, n_out)
        self.conv = nn.Sequential(parts)
        self.residual = residual

    def extra_repr(self) -> str:
        """Return what the sub-modules do not show."""
        return f"residual={self.residual}"

    def forward(self, x: Tensor) -> Tensor:
        """Return `float[batch, n_out, ceil(h / stride), ceil(w / stride)]`."""
        y: Tensor = self.conv(x)
        return x + y if self.residual else y
