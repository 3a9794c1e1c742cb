"""Layers whose weights are shared by all their sizes: a smaller size uses a slice of the largest.

Cai, Gan, Wang, Zhang, Han: "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020, section 3.2 (elastic kernel size and width).

Every layer has two methods that take the same sizes: `forward(x, ...)` computes with a slice of the
shared weights, and `extract(...)` returns the plain torch layer with its own copy of that slice.
The number of input channels of `forward` is that of `x`.

Where we knowingly depart from the paper: a smaller kernel is the centre of the largest one, without
the learned transformation matrices; and channels are taken in order, without sorting them by
importance, because the sandwich rule trains all widths from the start.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ElasticBatchNorm2d", "ElasticConv2d", "ElasticLinear"]


class ElasticConv2d(nn.Module):
    """A convolution without bias, elastic in its channels and its kernel size.

    Args:
        max_in: Input channels at most.
        max_out: Output channels at most.
        max_kernel: The largest kernel size, odd.
        stride: The stride.

    Raises:
        ValueError: A size below 1, or an even kernel.

    Example:
        >>> conv = ElasticConv2d(8, 16, max_kernel=5)
        >>> conv(torch.zeros(2, 4, 8, 8), n_out=12, kernel=3).shape
        torch.Size([2, 12, 8, 8])
        >>> conv.extract(4, n_out=12, kernel=3)
        Conv2d(4, 12, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
    """

    def __init__(self, max_in: int, max_out: int, *, max_kernel: int, stride: int = 1) -> None:
        super().__init__()
        _check_positive(max_in=max_in, max_out=max_out, max_kernel=max_kernel, stride=stride)
        if max_kernel % 2 == 0:
            raise ValueError(f"max_kernel must be odd to have a centre, got {max_kernel}.")
        self.max_kernel = max_kernel
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(max_out, max_in, max_kernel, max_kernel))
        # He et al. 2015, the initialisation for layers followed by ReLU.
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, n_out: int, kernel: int) -> Tensor:
        """Return `float[batch, n_out, ceil(h / stride), ceil(w / stride)]`.

        Args:
            x: `float[batch, n_in, h, w]`.
            n_out: Output channels.
            kernel: Kernel size, odd.

        Raises:
            ValueError: A size that the layer does not have.
        """
        weight = self._slice(x.shape[1], n_out, kernel)
        return functional.conv2d(x, weight, stride=self.stride, padding=kernel // 2)

    def extract(self, n_in: int, n_out: int, kernel: int) -> nn.Conv2d:
        """Return the convolution of these sizes with its own copy of the weights.

        Args:
            n_in: Input channels.
            n_out: Output channels.
            kernel: Its size, in pixels.

        Raises:
            ValueError: A size that the layer does not have.
        """
        weight = self._slice(n_in, n_out, kernel)
        # Made on the meta device: torch's initialisation would advance the global generator.
        conv = nn.Conv2d(
            n_in, n_out, kernel, self.stride, padding=kernel // 2, bias=False, device="meta"
        )
        conv.weight = _own(weight)
        return conv

    def _slice(self, n_in: int, n_out: int, kernel: int) -> Tensor:
        max_out, max_in = self.weight.shape[:2]
        _check_size("input channels", n_in, max_in)
        _check_size("output channels", n_out, max_out)
        _check_size("kernel size", kernel, self.max_kernel)
        if kernel % 2 == 0:
            raise ValueError(f"A kernel size must be odd to have a centre, got {kernel}.")
        start = (self.max_kernel - kernel) // 2
        crop = slice(start, start + kernel)
        return self.weight[:n_out, :n_in, crop, crop]


class ElasticBatchNorm2d(nn.Module):
    """Batch norm whose leading channels are shared by all widths, running statistics included.

    The shared statistics mix those of all architectures trained, so they fit none: give an
    extracted network its own with `recalibrate_batch_norm`.

    Args:
        max_channels: Channels at most.
        momentum: The weight of a new batch in the running statistics.
        eps: Added to the variance.

    Raises:
        ValueError: `max_channels` below 1.

    Example:
        >>> norm = ElasticBatchNorm2d(16)
        >>> norm(torch.zeros(2, 12, 8, 8)).shape
        torch.Size([2, 12, 8, 8])
        >>> norm.extract(12).num_features
        12
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, max_channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        _check_positive(max_channels=max_channels)
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(max_channels))
        self.bias = nn.Parameter(torch.zeros(max_channels))
        self.register_buffer("running_mean", torch.zeros(max_channels))
        self.register_buffer("running_var", torch.ones(max_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, `float[batch, n, h, w]`, normalised; n channels at most `max_channels`.

        Raises:
            ValueError: More channels than the layer has.
        """
        n = x.shape[1]
        _check_size("channels", n, len(self.weight))
        return functional.batch_norm(
            x,
            self.running_mean[:n],
            self.running_var[:n],
            self.weight[:n],
            self.bias[:n],
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )

    def extract(self, n: int) -> nn.BatchNorm2d:
        """Return the batch norm of the `n` leading channels with its own copy of everything.

        Raises:
            ValueError: More channels than the layer has.
        """
        _check_size("channels", n, len(self.weight))
        norm = nn.BatchNorm2d(n, self.eps, self.momentum)
        norm.weight = _own(self.weight[:n])
        norm.bias = _own(self.bias[:n])
        norm.running_mean = self.running_mean[:n].clone()
        norm.running_var = self.running_var[:n].clone()
        return norm.to(self.weight.device)


class ElasticLinear(nn.Module):
    """A fully connected layer, elastic in its inputs and outputs.

    Args:
        max_in: Input features at most.
        max_out: Output features at most.

    Raises:
        ValueError: A size below 1.

    Example:
        >>> linear = ElasticLinear(16, 10)
        >>> linear(torch.zeros(2, 12), n_out=10).shape
        torch.Size([2, 10])
        >>> linear.extract(12, n_out=10)
        Linear(in_features=12, out_features=10, bias=True)
    """

    def __init__(self, max_in: int, max_out: int) -> None:
        super().__init__()
        _check_positive(max_in=max_in, max_out=max_out)
        self.weight = nn.Parameter(torch.empty(max_out, max_in))
        self.bias = nn.Parameter(torch.zeros(max_out))
        bound = 1 / math.sqrt(max_in)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor, n_out: int) -> Tensor:
        """Return `float[batch, n_out]` of `x`, `float[batch, n_in]`.

        Raises:
            ValueError: A size that the layer does not have.
        """
        return functional.linear(x, self._slice(x.shape[1], n_out), self.bias[:n_out])

    def extract(self, n_in: int, n_out: int) -> nn.Linear:
        """Return the layer of these sizes with its own copy of the weights.

        Args:
            n_in: Input features.
            n_out: Output features.

        Raises:
            ValueError: A size that the layer does not have.
        """
        weight = self._slice(n_in, n_out)
        linear = nn.Linear(n_in, n_out, device="meta")
        linear.weight = _own(weight)
        linear.bias = _own(self.bias[:n_out])
        return linear

    def _slice(self, n_in: int, n_out: int) -> Tensor:
        max_out, max_in = self.weight.shape
        _check_size("input features", n_in, max_in)
        _check_size("output features", n_out, max_out)
        return self.weight[:n_out, :n_in]


def _own(weight: Tensor) -> nn.Parameter:
    """A parameter that shares no memory with the super-network, packed tightly."""
    return nn.Parameter(weight.detach().clone(memory_format=torch.contiguous_format))


def _check_positive(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}.")


def _check_size(what: str, given: int, maximum: int) -> None:
    # A slice beyond the end would silently be shorter.
    if not 1 <= given <= maximum:
        raise ValueError(f"The layer has 1 to {maximum} {what}, asked for {given}.")
