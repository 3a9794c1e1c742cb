from __future__ import annotations

from typing import Any

import pytest
import torch

from optuna_linas.supernets import ElasticCNN, smallest_arch


def test_layers_beyond_the_depth_do_not_exist() -> None:
    space = ElasticCNN(n_classes=2, image_size=8, widths=((4,), (4, 8)), depths=(1, 3)).space
    smallest = space.decode(smallest_arch(space))
    assert sorted(smallest) == sorted(
        ["depth_0", "width_0", "kernel_0", "expand_0", "depth_1", "width_1", "kernel_3", "expand_3"]
    )
    deep = space.decode(space.encode({**dict.fromkeys(space.names, 0), **_all(space, depth_1=3)}))
    assert {"kernel_4", "kernel_5"} <= set(deep)
    assert "kernel_1" not in deep


def _all(space: Any, **changes: int) -> dict[str, Any]:
    params = {variable.name: variable.options[0] for variable in space.variables}
    return {**params, **changes}


def test_the_default_space_is_worth_searching() -> None:
    space = ElasticCNN(n_classes=10, in_channels=1, image_size=8).space
    assert space.size(effective=True) > 10**5


def test_options_ascend_however_they_are_given() -> None:
    space = ElasticCNN(n_classes=2, depths=(3, 1), kernels=(5, 3), widths=((8, 4),)).space
    assert space["depth_0"].options == (1, 3)
    assert space["kernel_0"].options == (3, 5)
    assert space["width_0"].options == (4, 8)


def test_the_extracted_network_says_what_it_is() -> None:
    supernet = ElasticCNN(n_classes=2, image_size=8, widths=((4,), (4, 8)), depths=(1, 2))
    network = supernet.extract(_all(supernet.space, depth_1=2, width_1=8))
    assert list(dict(network.named_children())) == ["stem", "block_0", "block_2", "block_3", "head"]
    with torch.inference_mode():
        assert network(torch.zeros(5, 3, 8, 8)).shape == (5, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_classes": 0}, "n_classes must be at least 1, got 0"),
        ({"in_channels": -1}, "in_channels must be at least 1, got -1"),
        ({"image_size": 3}, "image_size=3 is too small: the strides .* divide it by 4"),
        ({"widths": ()}, "widths lists no stage"),
        ({"widths": ((8,), ())}, r"widths\[1\] is empty"),
        ({"depths": ()}, "depths is empty; give at least one option"),
        ({"depths": (0, 1)}, "an option of depths must be at least 1, got 0"),
        ({"kernels": (3, 4)}, r"kernels must be odd to have a centre, got \[4\]"),
        ({"expands": (2, 2)}, r"expands has repeated options: \[2, 2\]"),
        ({"strides": (1,)}, "strides has 1 entries for 3 stages"),
        ({"strides": (1, 0, 1)}, "a stride must be at least 1, got 0"),
    ],
)
def test_impossible_networks_are_refused(arguments: dict[str, Any], message: str) -> None:
    widths = ((4, 8), (4, 8), (4, 8))
    with pytest.raises(ValueError, match=message):
        ElasticCNN(**{"n_classes": 2, "widths": widths, **arguments})


@pytest.mark.parametrize("size", [2.0, "2", True])
def test_sizes_are_integers(size: Any) -> None:
    with pytest.raises(TypeError, match="must be an integer"):
        ElasticCNN(n_classes=size)
