from __future__ import annotations

import pytest
import torch
from torch import nn

from optuna_linas.supernets import ElasticBatchNorm2d, ElasticConv2d, ElasticLinear
from optuna_linas.supernets.elastic_block import ElasticBlock


def test_a_convolution_takes_leading_channels_and_the_centre_of_the_kernel() -> None:
    conv = ElasticConv2d(2, 3, max_kernel=5, stride=2)
    x = torch.randn(2, 1, 7, 7)
    expected = nn.functional.conv2d(x, conv.weight[:2, :1, 1:4, 1:4], stride=2, padding=1)
    assert torch.equal(conv(x, n_out=2, kernel=3), expected)
    assert expected.shape == (2, 2, 4, 4)
    assert torch.equal(conv.extract(1, n_out=2, kernel=3)(x), expected)


def test_batch_norm_in_training_changes_only_the_leading_statistics() -> None:
    norm = ElasticBatchNorm2d(3, momentum=0.5)
    x = torch.randn(8, 2, 4, 4) + 3
    plain = nn.BatchNorm2d(2, momentum=0.5)
    torch.testing.assert_close(norm(x), plain(x))
    assert plain.running_mean is not None
    torch.testing.assert_close(norm.running_mean, torch.tensor([*plain.running_mean, 0.0]))
    norm.eval()
    torch.testing.assert_close(norm(x), norm.extract(2).eval()(x))


def test_a_linear_layer_takes_leading_features() -> None:
    linear = ElasticLinear(4, 3)
    x = torch.randn(5, 2)
    expected = x @ linear.weight[:2, :2].T + linear.bias[:2]
    torch.testing.assert_close(linear(x, n_out=2), expected)
    torch.testing.assert_close(linear.extract(2, n_out=2)(x), expected)


def test_sizes_beyond_the_largest_are_refused_instead_of_cut() -> None:
    conv = ElasticConv2d(2, 3, max_kernel=3)
    with pytest.raises(ValueError, match="1 to 3 output channels, asked for 4"):
        conv(torch.zeros(1, 2, 4, 4), n_out=4, kernel=3)
    with pytest.raises(ValueError, match="1 to 2 input channels, asked for 3"):
        conv.extract(3, n_out=1, kernel=3)
    with pytest.raises(ValueError, match="1 to 3 kernel size, asked for 5"):
        conv.extract(1, n_out=1, kernel=5)
    with pytest.raises(ValueError, match="odd to have a centre, got 2"):
        conv.extract(1, n_out=1, kernel=2)
    with pytest.raises(ValueError, match="1 to 2 channels, asked for 3"):
        ElasticBatchNorm2d(2).extract(3)
    with pytest.raises(ValueError, match="1 to 2 output features, asked for 0"):
        ElasticLinear(2, 2).extract(1, n_out=0)


def test_impossible_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="max_in must be at least 1, got 0"):
        ElasticConv2d(0, 1, max_kernel=3)
    with pytest.raises(ValueError, match="max_kernel must be odd to have a centre, got 4"):
        ElasticConv2d(1, 1, max_kernel=4)
    with pytest.raises(ValueError, match="residual block needs stride 1, got 2"):
        ElasticBlock(1, 1, max_hidden=1, max_kernel=1, stride=2, residual=True)
