from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.supernets import MobileUnit, OFAMobileNetV3, OFAResNet50
from tests.supernets.ofa_reference import fill, reference_module


@pytest.fixture(scope="module")
def mobilenet() -> OFAMobileNetV3:
    """The published network, all but its classes and images; one for all tests: it is large."""
    net = OFAMobileNetV3(n_classes=10, image_size=32)
    fill(net, 0)
    return net.eval()


UNITS = (MobileUnit(16, 1, "relu"), MobileUnit(24, 2, squeeze=True))


def tiny_mobilenet(**changes: Any) -> OFAMobileNetV3:
    return OFAMobileNetV3(
        **{"n_classes": 4, "image_size": 8, "units": UNITS, "head_widths": (16, 24), **changes}
    )


def tiny_resnet(**changes: Any) -> OFAResNet50:
    sizes = {"stem_width": 32, "stage_widths": (48, 64), "base_depths": (1, 2), "depths": (0, 1)}
    return OFAResNet50(**{"n_classes": 4, "image_size": 16, **sizes, **changes})


def test_the_mobilenet_space_is_that_of_the_paper(mobilenet: OFAMobileNetV3) -> None:
    space = mobilenet.space
    assert len(space) == 45
    assert space.names == tuple(
        [f"depth_{u}" for u in range(5)]
        + [f"kernel_{i}" for i in range(20)]
        + [f"expand_{i}" for i in range(20)]
    )
    assert space["depth_0"].options == (2, 3, 4)
    assert space["kernel_7"].options == (3, 5, 7)
    assert space["expand_19"].options == (3, 4, 6)
    assert space.size() == 3**45
    # A unit of 2, 3 or 4 layers, each with 9 options; of the order of 2.2 x 10^19.
    assert space.size(effective=True) == (9**2 + 9**3 + 9**4) ** 5
    assert f"{space.size(effective=True):.1e}" == "2.2e+19"


def test_a_layer_exists_where_its_unit_is_deep_enough(mobilenet: OFAMobileNetV3) -> None:
    space = mobilenet.space
    params = {v.name: v.options[0] for v in space.variables}
    shallow = space.decode(space.encode(params))
    assert "kernel_6" not in shallow
    deep = space.decode(space.encode({**params, "depth_1": 3}))
    assert deep.keys() - shallow.keys() == {"kernel_6", "expand_6"}


def test_the_resnet_space_is_that_of_the_paper() -> None:
    with torch.device("meta"):
        space = OFAResNet50().space
    assert len(space) == 29
    assert space.names == tuple(
        [f"depth_{s}" for s in range(5)]
        + [f"expand_{i}" for i in range(18)]
        + [f"width_{s}" for s in range(6)]
    )
    assert space["depth_0"].options == (0, 2)
    assert space["depth_4"].options == (0, 1, 2)
    assert space["expand_0"].options == (0.2, 0.25, 0.35)
    assert space["width_5"].options == (0.65, 0.8, 1.0)
    stages = [sum(3 ** (base + depth) for depth in range(3)) for base in (2, 2, 4, 2)]
    assert space.size(effective=True) == 2 * np.prod(stages, dtype=object) * 3**6
    # Block 2 of stage 0 (base depth 2) exists at a depth of 1 or 2, block 3 at 2 only.
    assert space["expand_2"].conditions[0].options == (1, 2)
    assert space["expand_3"].conditions[0].options == (2,)


def test_the_published_widths() -> None:
    with torch.device("meta"):
        wide = OFAMobileNetV3(width_mult=1.2)
        resnet = OFAResNet50()
    state = wide.state_dict()
    assert state["network.first_conv.conv.weight"].shape == (24, 3, 3, 3)
    assert state["network.final_expand_layer.conv.weight"].shape == (1152, 192, 1, 1)
    assert state["network.blocks.20.conv.depth_conv.conv.weight"].shape == (1152, 1, 7, 7)
    assert state["kernel_transforms.1.7to5_matrix"].shape == (25, 25)
    shapes = {name: tuple(t.shape) for name, t in resnet.state_dict().items()}
    assert shapes["network.input_stem.1.conv.conv.weight"] == (32, 32, 3, 3)
    assert shapes["network.blocks.17.conv2.conv.weight"] == (720, 720, 3, 3)
    assert shapes["network.blocks.4.downsample.conv.weight"] == (512, 256, 1, 1)


def mobilenet_config(params: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {
        "ks": [params.get(f"kernel_{i}", 3) for i in range(20)],
        "e": [params.get(f"expand_{i}", 3) for i in range(20)],
        "d": [params[f"depth_{u}"] for u in range(5)],
    }


def test_mobilenet_equals_the_reference_package(mobilenet: OFAMobileNetV3) -> None:
    package = reference_module("ofa.imagenet_classification.elastic_nn.networks.ofa_mbv3")
    reference = package.OFAMobileNetV3(
        n_classes=10, ks_list=[3, 5, 7], expand_ratio_list=[3, 4, 6], depth_list=[2, 3, 4]
    )
    fill(reference, 1)
    reference.eval()
    mobilenet.load_ofa_state_dict(reference.state_dict())
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for arch in mobilenet.space.sample(20, np.random.default_rng(0)):
        reference.set_active_subnet(**mobilenet_config(mobilenet.space.decode(arch)))
        with torch.inference_mode():
            assert_same(reference(x), mobilenet(x, arch), mobilenet.extract(arch)(x))


def test_resnet_equals_the_reference_package() -> None:
    package = reference_module("ofa.imagenet_classification.elastic_nn.networks.ofa_resnets")
    widths = [0.65, 0.8, 1.0]
    reference = package.OFAResNets(
        n_classes=10,
        depth_list=[0, 1, 2],
        expand_ratio_list=[0.2, 0.25, 0.35],
        width_mult_list=widths,
    )
    fill(reference, 1)
    reference.eval()
    net = OFAResNet50(n_classes=10, image_size=32).eval()
    net.load_ofa_state_dict(reference.state_dict())
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for arch in net.space.sample(20, np.random.default_rng(0)):
        params = net.space.decode(arch)
        reference.set_active_subnet(
            d=[params[f"depth_{s}"] for s in range(5)],
            e=[params.get(f"expand_{i}", 0.2) for i in range(18)],
            w=[widths.index(params[f"width_{s}"]) for s in range(6)],
        )
        with torch.inference_mode():
            assert_same(reference(x), net(x, arch), net.extract(arch)(x))


def assert_same(theirs: Tensor, *ours: Tensor) -> None:
    assert theirs.std() > 0.1  # a network that gives zeros would prove nothing
    for logits in ours:
        torch.testing.assert_close(logits, theirs, atol=1e-4, rtol=1e-4)


def published(net: nn.Module) -> dict[str, Tensor]:
    """The network's tensors under the names of the reference package's super-network.

    Written from the layout of the published files, so that it can be tested without the package.
    """
    state = {}
    for name, tensor in net.state_dict().items():
        if name.startswith("kernel_transforms."):
            _, block, matrix = name.split(".")
            name = f"blocks.{block}.mobile_inverted_conv.depth_conv.conv.{matrix}"
        else:
            name = name.removeprefix("network.")
            elastic = name.startswith("blocks.") and not name.startswith("blocks.0.")
            if elastic and ".se." not in name:
                name = name.replace(".bn.", ".bn.bn.").replace(".conv.weight", ".conv.conv.weight")
            name = name.replace(".conv.", ".mobile_inverted_conv.", 1) if elastic else name
        state[f"module.{name}"] = 2 * tensor
    return state


def test_a_published_checkpoint_is_read_from_a_file(tmp_path: Path) -> None:
    net = tiny_mobilenet()
    fill(net, 3)
    path = tmp_path / "ofa.pth"
    torch.save({"state_dict": published(net)}, path)
    other = tiny_mobilenet()
    other.load_ofa_state_dict(path)
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, 2 * net.state_dict()[name]), name
    assert "blocks.1.mobile_inverted_conv.depth_conv.conv.7to5_matrix" in "".join(published(net))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_classes": 5}, r"'classifier.linear.weight' has shape \(4, 24\).*is \(5, 24\)"),
        ({"kernels": (3, 5)}, r"'blocks.1.conv.depth_conv.conv.weight' has shape \(96, 1, 7, 7\)"),
        ({"depths": (2, 4, 5)}, r"'blocks.5.conv.point_linear.conv.weight' has shape \(24, 96"),
        ({"units": (*UNITS, MobileUnit(24, 1))}, r"no tensor for 'network.blocks.9.conv.inverted"),
        ({"units": (MobileUnit(16, 1, "relu"), MobileUnit(24, 2))}, r"'blocks.5.*se.fc.*no place"),
    ],
)
def test_a_checkpoint_of_another_space_names_the_first_difference(
    changes: dict[str, Any], message: str
) -> None:
    net = tiny_mobilenet(**changes)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(SpaceMismatchError, match=r"of another space: .*Make the super-network"):
        net.load_ofa_state_dict(published(tiny_mobilenet()))
    with pytest.raises(SpaceMismatchError, match=message):
        net.load_ofa_state_dict(published(tiny_mobilenet()))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_a_smaller_kernel_is_the_transformed_centre() -> None:
    net = tiny_mobilenet()
    fill(net, 0)
    params = {v.name: v.options[0] for v in net.space.variables}
    large = net.state_dict()["network.blocks.1.conv.depth_conv.conv.weight"]
    to5 = net.state_dict()["kernel_transforms.1.7to5_matrix"]
    to3 = net.state_dict()["kernel_transforms.1.5to3_matrix"]
    for channel in (0, 5):
        k5 = (to5 @ large[channel, 0, 1:6, 1:6].flatten()).reshape(5, 5)
        k3 = (to3 @ k5[1:4, 1:4].flatten()).reshape(3, 3)
        for kernel, expected in ((3, k3), (5, k5), (7, large[channel, 0])):
            own = net.extract({**params, "kernel_0": kernel}).state_dict()
            weight = own["blocks.1.conv.depth_conv.conv.weight"]
            assert weight.shape == (48, 1, kernel, kernel)
            torch.testing.assert_close(weight[channel, 0], expected)


def test_the_stem_of_the_resnet_loses_its_residual_layer_at_depth_0() -> None:
    net = tiny_resnet()
    small = net.extract({v.name: v.options[0] for v in net.space.variables})
    large = net.extract({v.name: v.options[-1] for v in net.space.variables})
    assert list(dict(small.input_stem.named_children())) == ["0", "2"]
    assert list(dict(large.input_stem.named_children())) == ["0", "1", "2"]
    assert list(dict(small.blocks.named_children())) == ["0", "2", "3"]
    assert list(dict(large.blocks.named_children())) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (tiny_mobilenet, {"units": ()}, "units lists no unit"),
        (tiny_mobilenet, {"kernels": (3, 4)}, r"kernels must be odd to have a centre, got \[4\]"),
        (tiny_mobilenet, {"width_mult": 0.0}, "width_mult must be positive"),
        (tiny_mobilenet, {"dropout": 1.0}, r"dropout must lie in \[0, 1\)"),
        (tiny_mobilenet, {"depths": ()}, "depths is empty"),
        (tiny_resnet, {"depths": (1, 2)}, "counts blocks beyond the base, 0 among them"),
        (tiny_resnet, {"base_depths": (1,)}, "stage_widths has 2 stages, base_depths has 1"),
        (tiny_resnet, {"expands": (0.0, 0.5)}, "option of expands must be positive, got 0.0"),
        (tiny_resnet, {"stage_widths": (0, 8)}, r"stage_widths\[0\] must be at least 1"),
    ],
)
def test_impossible_networks_are_refused(make: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)
