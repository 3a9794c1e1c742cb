"""A residual block that is elastic in its kernel, its hidden width and its channels.

The block is the fused inverted residual of Tan & Le: "EfficientNetV2: Smaller Models and Faster
Training", ICML 2021, figure 2: a k x k convolution widens, a 1 x 1 convolution projects back
without an activation. On a CPU and on small images one dense convolution is faster than a 1 x 1
and a depthwise one, and its kernel and width show in the latency.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from optuna_linas.supernets.elastic_layers import ElasticBatchNorm2d, ElasticConv2d

__all__ = ["ElasticBlock", "FusedBlock"]


class FusedBlock(nn.Module):
    """The plain block that `ElasticBlock.extract` returns.

    Args:
        body: What the block computes.
        residual: Add the input to it.
    """

    def __init__(self, body: nn.Sequential, *, residual: bool) -> None:
        super().__init__()
        self.body = body
        self.residual = residual

    def extra_repr(self) -> str:
        """Return what the sub-modules do not show."""
        return f"residual={self.residual}"

    def forward(self, x: Tensor) -> Tensor:
        """Return `float[batch, n_out, ceil(h / stride), ceil(w / stride)]`."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y


class ElasticBlock(nn.Module):
    """A fused inverted residual block, elastic in kernel, hidden width and channels.

    Args:
        max_in: Input channels at most.
        max_out: Output channels at most.
        max_hidden: Hidden channels at most.
        max_kernel: The largest kernel size, odd.
        stride: The stride.
        residual: Add the input to the output; every size then has as many outputs as inputs.

    Raises:
        ValueError: A size below 1, an even kernel, or a residual block with a stride.

    Example:
        >>> import torch
        >>> block = ElasticBlock(8, 8, max_hidden=32, max_kernel=5, stride=1, residual=True)
        >>> block(torch.zeros(2, 6, 8, 8), n_out=6, hidden=12, kernel=3).shape
        torch.Size([2, 6, 8, 8])
    """

    def __init__(
        self,
        max_in: int,
        max_out: int,
        *,
        max_hidden: int,
        max_kernel: int,
        stride: int,
        residual: bool,
    ) -> None:
        super().__init__()
        if residual and stride != 1:
            raise ValueError(f"A residual block needs stride 1, got {stride}.")
        self.residual = residual
        self.widen = ElasticConv2d(max_in, max_hidden, max_kernel=max_kernel, stride=stride)
        self.widen_norm = ElasticBatchNorm2d(max_hidden)
        self.project = ElasticConv2d(max_hidden, max_out, max_kernel=1)
        self.project_norm = ElasticBatchNorm2d(max_out)

    def forward(self, x: Tensor, n_out: int, hidden: int, kernel: int) -> Tensor:
        """Return `float[batch, n_out, ceil(h / stride), ceil(w / stride)]`.

        Args:
            x: `float[batch, n_in, h, w]`.
            n_out: Output channels.
            hidden: Hidden channels.
            kernel: Kernel size, odd.

        Raises:
            ValueError: A size that the block does not have.
        """
        y = functional.relu(self.widen_norm(self.widen(x, hidden, kernel)))
        y = self.project_norm(self.project(y, n_out, kernel=1))
        out: Tensor = x + y if self.residual else y
        return out

    def extract(self, n_in: int, n_out: int, hidden: int, kernel: int) -> FusedBlock:
        """Return the plain block of these sizes with its own copy of the weights.

        Raises:
            ValueError: A size that the block does not have.
        """
        body = nn.Sequential(
            self.widen.extract(n_in, hidden, kernel),
            self.widen_norm.extract(hidden),
            nn.ReLU(),
            self.project.extract(hidden, n_out, kernel=1),
            self.project_norm.extract(n_out),
        )
        return FusedBlock(body, residual=self.residual)
