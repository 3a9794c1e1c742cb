from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.supernets import (
    ElasticCNN,
    MobileUnit,
    OFAMobileNetV3,
    Sandwich,
    Uniform,
    load_weights,
    save_weights,
    train_supernet,
)


def make(**changes: Any) -> OFAMobileNetV3:
    """With dropout, whose random numbers a resumed training must repeat."""
    torch.manual_seed(0)
    sizes = {"units": (MobileUnit(8, 1, "relu"),), "head_widths": (8, 8), "dropout": 0.5}
    return OFAMobileNetV3(
        **{"n_classes": 2, "image_size": 8, "depths": (1, 2), "kernels": (3,), **sizes, **changes}
    )


def loader() -> DataLoader[Any]:
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(24, 3, 8, 8, generator=rng)
    data = TensorDataset(x, torch.arange(24) % 2)
    return DataLoader(data, 8, shuffle=True, generator=torch.Generator().manual_seed(2))


def train(net: Any, data: Any, **changes: Any) -> Any:
    return train_supernet(net, data, **{"epochs": 4, "seed": 0, "progress": False, **changes})


def tensors(net: nn.Module) -> list[Tensor]:
    return list(net.state_dict().values())


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))


class Killed(Exception):
    pass


class DiesIn:
    """The loader, until its n-th epoch."""

    def __init__(self, epoch: int) -> None:
        self.inner = loader()
        self.generator = self.inner.generator
        self.left = epoch

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Any:
        for k, batch in enumerate(self.inner):
            if self.left == 0 and k == 1:
                raise Killed
            yield batch
        self.left -= 1


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_a_resumed_training_is_that_which_was_not_interrupted(tmp_path: Path, epoch: int) -> None:
    whole, resumed = make(), make()
    log = train(whole, loader())
    path = tmp_path / "new folder" / "training.pt"
    with pytest.raises(Killed):
        train(resumed, DiesIn(epoch), checkpoint=path)
    again = make()
    assert train(again, loader(), checkpoint=path) == log
    assert same(again, whole)
    assert not same(make(), whole)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "training.pt"
    net = make()
    log = train(net, loader(), checkpoint=path)
    again = make()
    assert train(again, [], checkpoint=path) == log  # an empty loader would fail an epoch
    assert same(again, net)


def test_it_survives_kill_9(tmp_path: Path) -> None:
    program = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        import torch
        torch.set_num_threads(1)
        from tests.supernets.test_training_checkpoints import *

        class Kills(DiesIn):
            def __iter__(self):
                try:
                    yield from super().__iter__()
                except Killed:
                    os.kill(os.getpid(), signal.SIGKILL)

        train(make(), Kills(2), checkpoint=sys.argv[1])
    """
    path = tmp_path / "training.pt"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == -signal.SIGKILL
    whole, resumed = make(), make()
    log = train(whole, loader())
    assert train(resumed, loader(), checkpoint=path) == log
    assert same(resumed, whole)


def test_nan_stops_and_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    class Poisoned(DiesIn):
        def __iter__(self) -> Any:
            try:
                yield from super().__iter__()
            except Killed:
                yield torch.full((8, 3, 8, 8), torch.nan), torch.zeros(8, dtype=torch.int64)

    path = tmp_path / "training.pt"
    with pytest.raises(FloatingPointError, match=r"epoch 3, batch 2.*training.pt keeps .* epoch 2"):
        train(make(), Poisoned(2), checkpoint=path)
    net = make()
    load_weights(net, path)
    assert all(torch.isfinite(t).all() for t in tensors(net))
    whole, resumed = make(), make()
    train(whole, loader())
    train(resumed, loader(), checkpoint=path)  # with sound data it goes on
    assert same(resumed, whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 5}, "of a training with epochs=4, this one has 5"),
        ({"lr": 0.1}, "with lr=0.005, this one has 0.1"),
        ({"strategy": Uniform()}, "with strategy='Sandwich.*this one has 'Uniform"),
        ({"weight_decay": 0.5}, "with weight_decay=0.01"),
    ],
)
def test_a_training_with_other_settings_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "training.pt"
    train(make(), loader(), checkpoint=path)
    with pytest.raises(ValueError, match=message):
        train(make(), loader(), checkpoint=path, **changes)


def test_a_checkpoint_of_another_space_names_the_first_variable(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    net = make()
    save_weights(net, path)
    other = make(depths=(1, 2, 3))
    with pytest.raises(
        SpaceMismatchError, match=r"variable 0 is 'depth_0' with options \[1, 2\] there.*1, 2, 3"
    ):
        load_weights(other, path)
    with pytest.raises(SpaceMismatchError, match="variable 0 is 'depth_0'"):
        train(other, loader(), checkpoint=path)
    with pytest.raises(
        SpaceMismatchError, match=r"'network.classifier.linear.weight' is \(2, 8\) there, \(3, 8\)"
    ):
        load_weights(make(n_classes=3), path)
    again = make()
    torch.manual_seed(5)
    for p in again.parameters():
        nn.init.normal_(p)
    load_weights(again, path)
    assert same(again, net)
    assert not again.training


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    torch.save(make().state_dict(), path)
    with pytest.raises(ValueError, match="no checkpoint of optuna-linas"):
        load_weights(make(), path)
    with pytest.raises(FileNotFoundError):
        load_weights(make(), tmp_path / "missing.pt")


def test_mixed_precision_through_accelerate(tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate", reason="pip install 'optuna-linas[accelerate]'")
    accelerator = accelerate.Accelerator(cpu=True, mixed_precision="bf16")
    net = ElasticCNN(n_classes=2, image_size=8, widths=((4, 8),), depths=(1, 2))
    seen: set[torch.dtype] = set()
    net.blocks[0].widen.register_forward_hook(lambda *args: seen.add(args[2].dtype))
    path = tmp_path / "training.pt"
    log = train(net, loader(), accelerator=accelerator, checkpoint=path, strategy=Sandwich(1))
    assert seen == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in net.parameters())
    assert log.losses[-1] < log.losses[0]
    again = ElasticCNN(n_classes=2, image_size=8, widths=((4, 8),), depths=(1, 2))
    load_weights(again, path)
    x = torch.rand(2, 3, 8, 8)
    arch = net.space.n_options - 1
    assert torch.equal(net(x, arch), again(x, arch))
