"""Small kernels from large ones by learned matrices.

Cai, Gan, Wang, Zhang, Han: "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020, section 3.2, elastic kernel size: the centre of the next larger kernel times
a matrix that all channels of a layer share.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["KernelTransform", "centre"]


class KernelTransform(nn.Module):
    """The matrices of one depthwise layer; they start as identities.

    Their names are those of OFA's checkpoints: `7to5_matrix` is `float[25, 25]`.

    Args:
        kernels: The kernel sizes, ascending and odd.

    Example:
        >>> transform = KernelTransform([3, 5, 7])
        >>> [name for name, _ in transform.named_parameters()]
        ['7to5_matrix', '5to3_matrix']
        >>> transform(torch.zeros(16, 1, 7, 7), 3).shape
        torch.Size([16, 1, 3, 3])
    """

    def __init__(self, kernels: Sequence[int]) -> None:
        super().__init__()
        self.kernels = tuple(kernels)
        for large, small in self._steps():
            self.register_parameter(_name(large, small), nn.Parameter(torch.eye(small**2)))

    def forward(self, weight: Tensor, kernel: int) -> Tensor:
        """Return the weight of a smaller kernel, `float[channels, 1, kernel, kernel]`.

        Args:
            weight: That of the largest, `float[channels, 1, k, k]`.
            kernel: The size wanted, one of `kernels`.
        """
        for large, small in self._steps():
            if large <= kernel:
                break
            matrix = self.get_parameter(_name(large, small))
            flat = centre(weight, small).flatten(2) @ matrix.T
            weight = flat.reshape(*weight.shape[:2], small, small)
        return weight

    def _steps(self) -> list[tuple[int, int]]:
        return list(pairwise(reversed(self.kernels)))


def centre(weight: Tensor, kernel: int) -> Tensor:
    """Return the centre of a kernel, `float[..., kernel, kernel]`, without any matrix."""
    start = (weight.shape[-1] - kernel) // 2
    crop = slice(start, start + kernel)
    return weight[..., crop, crop]


def _name(large: int, small: int) -> str:
    return f"{large}to{small}_matrix"
