"""The plain blocks of ResNet-D, with the names of OFA's networks.

He et al.: "Deep Residual Learning for Image Recognition", CVPR 2016, figure 5 (bottleneck); He et
al.: "Bag of Tricks for Image Classification with Convolutional Neural Networks", CVPR 2019, figure
2c (the shortcut that pools before it projects).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from optuna_linas.supernets.mobile_blocks import ConvLayer

__all__ = ["BottleneckBlock", "ResidualConv"]


class ResidualConv(nn.Module):
    """A 3 x 3 convolution layer with a residual connection.

    Args:
        n: Channels.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv = ConvLayer(n, n, 3, activation="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of `x`."""
        y: Tensor = self.conv(x)
        return x + y


class BottleneckBlock(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions around a residual connection.

    Args:
        n_in: Input channels.
        hidden: Channels of the 3 x 3 convolution.
        n_out: Output channels.
        stride: The stride of the 3 x 3 convolution.
        downsample: Whether the shortcut pools and projects, which a change of size needs.
    """

    def __init__(
        self, n_in: int, hidden: int, n_out: int, *, stride: int, downsample: bool
    ) -> None:
        super().__init__()
        self.conv1 = ConvLayer(n_in, hidden, activation="relu")
        self.conv2 = ConvLayer(hidden, hidden, 3, stride=stride, activation="relu")
        self.conv3 = ConvLayer(hidden, n_out)
        self.downsample: nn.Module = (
            nn.Sequential(
                OrderedDict(
                    avg_pool=nn.AvgPool2d(stride, stride, ceil_mode=True),
                    conv=nn.Conv2d(n_in, n_out, 1, bias=False),
                    bn=nn.BatchNorm2d(n_out),
                )
            )
            if downsample
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return `float[batch, n_out, ceil(h / stride), ceil(w / stride)]`."""
        y = self.conv3(self.conv2(self.conv1(x)))
        return functional.relu(y + self.downsample(x))
