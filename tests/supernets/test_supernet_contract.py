"""What every super-network must do; add a new one to `SUPERNETS` and it is covered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.supernets import (
    ElasticAudioCNN,
    ElasticCNN,
    ElasticNCF,
    HATTransformer,
    MobileUnit,
    OFAMobileNetV3,
    OFAResNet50,
    Supernet,
    as_row,
    largest_arch,
    smallest_arch,
)


class Case(NamedTuple):
    """A super-network under test.

    Attributes:
        make: Makes it.
        high: Integer inputs lie below these numbers, one for all or one for each column; None for
            images.
        free: Prefixes of variables whose options all have the same number of parameters.
    """

    make: Callable[[], nn.Module]
    high: tuple[int, ...] | None = None
    free: tuple[str, ...] = ()


SUPERNETS: dict[str, Case] = {
    "cnn-8": Case(lambda: ElasticCNN(n_classes=10, in_channels=1, image_size=8)),
    "cnn-32-rgb": Case(lambda: ElasticCNN(n_classes=4, image_size=32)),
    "cnn-four-narrow-stages": Case(
        lambda: ElasticCNN(
            n_classes=3,
            in_channels=2,
            image_size=9,
            stem_width=5,
            widths=((6, 9), (8,), (7, 12), (10,)),
            strides=(1, 2, 3, 1),
            depths=(2, 4),
            kernels=(1, 3, 7),
            expands=(1, 3),
        )
    ),
    "ofa-mobilenet": Case(
        lambda: OFAMobileNetV3(
            n_classes=4,
            image_size=8,
            units=(MobileUnit(16, 1, "relu"), MobileUnit(24, 2, squeeze=True)),
            head_widths=(16, 24),
        )
    ),
    "ofa-mobilenet-one-unit": Case(
        lambda: OFAMobileNetV3(
            n_classes=3,
            in_channels=1,
            image_size=9,
            width_mult=0.5,
            units=(MobileUnit(32, 1),),
            stem_stride=1,
            head_widths=(48, 32),
            kernels=(1, 5),
            depths=(1, 2, 4),
            expands=(2, 3),
        )
    ),
    "ofa-resnet": Case(
        lambda: OFAResNet50(
            n_classes=4,
            image_size=16,
            stem_width=64,
            stage_widths=(160, 240),
            base_depths=(1, 2),
            depths=(0, 1),
            widths=(0.5, 1.0),
            expands=(0.2, 0.4),
        )
    ),
}


def _hat(**changes: Any) -> HATTransformer:
    sizes: dict[str, Any] = {
        "encoder_embeds": (8, 12),
        "decoder_embeds": (8, 16),
        "encoder_ffns": (8, 16),
        "decoder_ffns": (12, 20),
        "encoder_depths": (3,),
        "decoder_depths": (1, 2, 3),
        "heads": (1, 2),
        "cross_spans": (1, 2, 3),
        "qkv_features": 8,
        "example_length": 5,
    }
    return HATTransformer(11, 13, **{**sizes, **changes})


SUPERNETS |= {
    "hat": Case(_hat, (11,), ("encoder_heads", "decoder_heads", "cross_")),
    "hat-norm-first-elastic-encoder": Case(
        lambda: _hat(norm_first=True, encoder_depths=(2, 3), cross_spans=(1, 2)),
        (11,),
        ("encoder_heads", "decoder_heads", "cross_"),
    ),
    "ncf": Case(lambda: ElasticNCF(7, 9, embeds=(2, 4), depths=(1, 2, 3), hiddens=(4, 8)), (7, 9)),
    "audio": Case(
        lambda: ElasticAudioCNN(
            n_classes=3,
            n_frames=9,
            n_mels=4,
            stem_width=4,
            widths=((4, 6), (6, 8)),
            depths=(1, 2),
            kernels=(1, 3),
        )
    ),
}


@pytest.fixture(params=SUPERNETS, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def supernet(name: str) -> Supernet:
    torch.manual_seed(0)
    net = SUPERNETS[name].make()
    # As after training: statistics and scales that differ from channel to channel.
    for _, tensor in [*net.named_parameters(), *net.named_buffers()]:
        if tensor.ndim == 1 and tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 1.5)
    assert isinstance(net, Supernet)
    net.eval()
    return net


@pytest.fixture(scope="module")
def inputs(name: str, supernet: Supernet) -> Callable[[int], Any]:
    """Makes a batch of random inputs."""
    high = SUPERNETS[name].high

    def make(n: int) -> Any:
        return _random_like(supernet.example_input(n), high)

    return make


def _random_like(example: Any, high: tuple[int, ...] | None) -> Any:
    rng = torch.Generator().manual_seed(1)
    if isinstance(example, tuple):
        return tuple(_random_like(part, high) for part in example)
    if example.is_floating_point():
        return torch.randn(example.shape, generator=rng)
    assert high is not None
    if len(high) == 1:
        return torch.randint(1, high[0], example.shape, generator=rng)
    columns = [torch.randint(1, n, example.shape[:-1], generator=rng) for n in high]
    return torch.stack(columns, dim=-1)


def archs(supernet: Supernet, n: int) -> list[np.ndarray]:
    space = supernet.space
    random = space.sample(n, np.random.default_rng(0))
    return [smallest_arch(space), largest_arch(space), *random]


def n_params(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_shared_and_extracted_give_the_same_logits(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    x = inputs(2)
    with torch.inference_mode():
        for arch in archs(supernet, 20):
            shared, own = supernet(x, arch), supernet.extract(arch)(x)
            assert shared.abs().max() > 1e-3
            torch.testing.assert_close(shared, own, atol=1e-5, rtol=1e-5)


def test_rows_params_and_non_canonical_rows_are_one_architecture(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    x = inputs(2)
    with torch.inference_mode():
        for arch in archs(supernet, 5):
            params = supernet.space.decode(arch)
            row = as_row(supernet.space, arch)
            expected = supernet(x, arch)
            assert torch.equal(supernet(x, params), expected)
            assert torch.equal(supernet(x, row), expected)
            assert torch.equal(supernet(x, row.tolist()), expected)
            for form in (params, row):
                torch.testing.assert_close(supernet.extract(form)(x), expected)


def test_an_extracted_network_is_in_eval_mode_and_trainable(supernet: Supernet) -> None:
    network = supernet.extract(largest_arch(supernet.space))
    assert not any(module.training for module in network.modules())
    assert all(p.requires_grad and p.is_leaf and p.is_contiguous() for p in network.parameters())
    network.load_state_dict(network.state_dict())


def test_an_extracted_network_is_on_the_device_and_of_the_dtype_of_the_supernet(name: str) -> None:
    # The meta device stands for any that is not the CPU.
    net = SUPERNETS[name].make().to("meta", torch.float64)
    assert isinstance(net, Supernet)
    network = net.extract(smallest_arch(net.space))
    example = net.example_input()
    examples = example if isinstance(example, tuple) else (example,)
    tensors = [*network.parameters(), *network.buffers(), *examples]
    assert all(tensor.is_meta for tensor in tensors)
    assert all(p.dtype == torch.float64 for p in network.parameters())


def test_an_extracted_network_has_no_dead_weights(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    for arch in archs(supernet, 3):
        network = supernet.extract(arch).train()
        network(inputs(4)).square().sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_each_option_upwards_adds_parameters(supernet: Supernet, name: str) -> None:
    space = supernet.space
    small = smallest_arch(space)
    for j in np.flatnonzero(space.active(small[None])[0] & (space.n_options > 1)):
        if space.names[j].startswith(SUPERNETS[name].free):
            continue
        larger = small.copy()
        larger[j] += 1
        assert n_params(supernet.extract(larger)) > n_params(supernet.extract(small))
    sizes = [n_params(supernet.extract(arch)) for arch in archs(supernet, 10)]
    assert min(sizes) == sizes[0]
    assert max(sizes) == sizes[1]


def test_an_extracted_network_shares_no_memory(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    arch = largest_arch(supernet.space)
    x = inputs(2)
    before = supernet(x, arch)
    network = supernet.extract(arch)
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            tensor.fill_(7)
    assert torch.equal(supernet(x, arch), before)


def test_gradients_reach_exactly_the_weights_of_the_architecture(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    assert isinstance(supernet, nn.Module)
    x = inputs(8)
    for arch in archs(supernet, 3):
        network = supernet.extract(arch)
        totals = []
        for module, logits in ((supernet, supernet(x, arch)), (network, network(x))):
            module.zero_grad()
            logits.square().sum().backward()
            grads = [
                p.grad.abs().sum()
                for path, p in module.named_parameters()
                # An extracted kernel has its matrices' effect in itself.
                if p.grad is not None and not path.startswith("kernel_transforms")
            ]
            totals.append(torch.stack(grads).sum())
        # A gradient on any weight outside the architecture would make the first one larger.
        assert totals[1] > 0
        torch.testing.assert_close(totals[0], totals[1], rtol=1e-4, atol=0)
    supernet.zero_grad()


def test_neither_forward_nor_extract_touches_the_global_generator(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    before = torch.get_rng_state()
    for arch in archs(supernet, 2):
        supernet(inputs(2), arch)
        supernet.extract(arch)
    assert torch.equal(torch.get_rng_state(), before)


def test_threads_can_share_it(supernet: Supernet, inputs: Callable[[int], Any]) -> None:
    x = inputs(2)
    rows = archs(supernet, 8)

    def logits(arch: np.ndarray) -> Tensor:
        with torch.inference_mode():
            return supernet(x, arch)

    alone = [logits(arch) for arch in rows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(logits, rows))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_an_extracted_network_can_be_exported(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    x = inputs(2)
    for arch in (smallest_arch(supernet.space), largest_arch(supernet.space)):
        network = supernet.extract(arch)
        program = torch.export.export(network, (x,))
        torch.testing.assert_close(program.module()(x), network(x))


def test_an_arch_of_another_space_is_refused(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    x = inputs(1)
    for arch in ([0], {"depth": 1}, largest_arch(supernet.space) + 1):
        with pytest.raises(SpaceMismatchError):
            supernet(x, arch)
        with pytest.raises(SpaceMismatchError):
            supernet.extract(arch)


def test_example_input_fits(supernet: Supernet, inputs: Callable[[int], Any]) -> None:
    network = supernet.extract(smallest_arch(supernet.space))
    assert network(supernet.example_input(3)).shape == network(inputs(3)).shape
    with pytest.raises(ValueError, match="at least 1, got 0"):
        supernet.example_input(0)


def test_an_input_of_another_form_is_explained(
    supernet: Supernet, inputs: Callable[[int], Any]
) -> None:
    arch = smallest_arch(supernet.space)
    x = inputs(2)
    if isinstance(x, tuple):
        wrong, kind = x[0], (*x[:-1], x[-1].float())
    elif x.is_floating_point():
        wrong, kind = x[:, :1].repeat(1, x.shape[1] + 1, *[1] * (x.ndim - 2)), x.long()
    else:
        wrong, kind = x[:, :1], x.float()
    with pytest.raises(
        (TypeError, ValueError), match=r"Expected (an input of shape \(batch|2 tens)"
    ):
        supernet(wrong, arch)
    with pytest.raises(TypeError, match=r"Expected (floats|indices \(integers\)), got torch\."):
        supernet(kind, arch)
    with pytest.raises(TypeError, match="got str"):
        supernet("x", arch)
