"""The rows of the super-network benchmark: what is trained on which data, judged by what.

Sizes are small: each row takes minutes on two CPU cores. `--scale` and `--device` make more of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.data import MissingData
from benchmarks.supernet_data import Images, cifar10, digits, multi30k, spoken_digits
from optuna_linas.hardware import LatencyMeter, Measurement, TimingPlan
from optuna_linas.objectives import Metric, SupernetObjective
from optuna_linas.supernets import (
    Bleu,
    Cosine,
    ElasticAudioCNN,
    ElasticCNN,
    ElasticNCF,
    HATTransformer,
    ImplicitBatches,
    Int8,
    MobileUnit,
    OFAMobileNetV3,
    OFAResNet50,
    Ranking,
    Sandwich,
    Supernet,
    Translation,
    Uniform,
    Vocabulary,
    accuracy,
    evaluate,
    low_rank_interactions,
    translation_batches,
)

__all__ = ["ROWS", "Row", "Settings"]

PLAN = TimingPlan(n_repeats=50, max_warmup=40)


@dataclass(frozen=True)
class Settings:
    """What the flags decide.

    Attributes:
        folder: The data.
        scale: Multiplies epochs and evaluations.
        device: Where networks are trained and timed.
        seed: Of everything.
    """

    folder: Path | None
    scale: float = 1.0
    device: str = "cpu"
    seed: int = 0

    def epochs(self, n: int) -> int:
        """Return the scaled number of epochs."""
        return max(1, round(n * self.scale))

    def data(self) -> Path:
        """Return the data folder, or raise `MissingData`."""
        if self.folder is None:
            raise MissingData("No data folder: name it with --data or OPTUNA_LINAS_DATA.")
        return self.folder


@dataclass(frozen=True)
class Row:
    """A super-network with everything that a search in it needs.

    Attributes:
        supernet: Not trained yet.
        train: Arguments of `train_supernet` besides the super-network.
        objective: Made once it is trained.
        final: Judges a sub-network of the front on data that was never searched on.
        n_evaluations: Evaluations of each search, before scaling.
        units: The objectives' names with units.
    """

    supernet: Supernet
    train: Mapping[str, Any]
    objective: Callable[[], SupernetObjective]
    final: Callable[[nn.Module], dict[str, float]]
    n_evaluations: int = 60
    units: tuple[str, str] = ("accuracy", "latency (ms)")


def _images(
    supernet: Supernet,
    data: Images,
    settings: Settings,
    *,
    epochs: int,
    batch_size: int = 64,
    deploy: Callable[[nn.Module], nn.Module] | None = None,
    **changes: Any,
) -> Row:
    calibration = data.train.loader(batch_size * 2)
    test = data.test.loader(256)

    def objective() -> SupernetObjective:
        return SupernetObjective(
            supernet,
            data.val.loader(256),
            calibration=calibration,
            latency=LatencyMeter(plan=PLAN, device=settings.device),
            n_calibration_batches=4,
            deploy=deploy,
        )

    return Row(
        supernet,
        {
            "train_loader": data.train.loader(batch_size, seed=settings.seed),
            "epochs": settings.epochs(epochs),
            "strategy": Sandwich(n_random=1),
            "device": settings.device,
        },
        objective,
        lambda network: {"test_accuracy": accuracy(network, test)},
        **changes,
    )


def mobilenet_cifar(settings: Settings) -> Row:
    """OFA's MobileNetV3 with all its 45 variables, on 32 x 32 pixels."""
    units = (
        MobileUnit(24, 1, "relu"),
        MobileUnit(40, 2, "relu", squeeze=True),
        MobileUnit(80, 2),
        MobileUnit(112, 1, squeeze=True),
        MobileUnit(160, 2, squeeze=True),
    )
    supernet = OFAMobileNetV3(
        10, image_size=32, width_mult=0.4, units=units, head_widths=(480, 640), dropout=0.0
    )
    data = cifar10(settings.data(), 4000)
    return _images(supernet, data, settings, epochs=6, n_evaluations=40)


def mobilenet_digits(settings: Settings) -> Row:
    """OFA's MobileNetV3 with two units, on 8 x 8 pixels."""
    supernet = OFAMobileNetV3(
        10,
        in_channels=1,
        image_size=8,
        units=(MobileUnit(16, 1), MobileUnit(24, 2, squeeze=True)),
        stem_stride=1,
        head_widths=(64, 96),
        dropout=0.0,
    )
    return _images(supernet, digits(), settings, epochs=12)


def resnet_cifar(settings: Settings) -> Row:
    """OFA's ResNet-50 with all its 29 variables, narrow, on 32 x 32 pixels."""
    supernet = OFAResNet50(
        10, image_size=32, stem_width=16, stage_widths=(32, 64, 96, 128), stem_stride=1
    )
    data = cifar10(settings.data(), 3000)
    return _images(supernet, data, settings, epochs=4, n_evaluations=40)


def audio(settings: Settings) -> Row:
    """An elastic network for spoken digits."""
    return _images(ElasticAudioCNN(10), spoken_digits(settings.data()), settings, epochs=15)


def int8_digits(settings: Settings) -> Row:
    """A convolutional super-network whose sub-networks are deployed in INT8."""
    data = digits()
    supernet = ElasticCNN(n_classes=10, in_channels=1, image_size=8)
    deploy = Int8(data.train.loader(128), n_batches=4)
    row = _images(supernet, data, settings, epochs=15, deploy=deploy, n_evaluations=20)
    test = data.test.loader(256)

    def final(network: nn.Module) -> dict[str, float]:
        return {
            "test_accuracy": accuracy(network, test),
            "test_accuracy_int8": accuracy(deploy(network), test),
        }

    return Row(row.supernet, row.train, row.objective, final, row.n_evaluations)


def ncf(settings: Settings) -> Row:
    """NeuMF with all its 10 variables, on generated likings."""
    rng = np.random.default_rng(settings.seed)
    data = low_rank_interactions(400, 300, rng, n_per_user=20)
    supernet = ElasticNCF(data.n_users, data.n_items)
    generator = torch.Generator().manual_seed(settings.seed)
    ranking = data.ranking_batches()

    def objective() -> SupernetObjective:
        return SupernetObjective(
            supernet,
            ranking,
            calibration=None,
            objectives=("hit_rate_at_10", "latency_ms"),
            latency=LatencyMeter(batch_size=256, plan=PLAN, device=settings.device),
        )

    return Row(
        supernet,
        {
            "train_loader": ImplicitBatches(data, 256, generator),
            "epochs": settings.epochs(10),
            "lr": 2e-3,
            "task": Ranking(),
            "strategy": Sandwich(n_random=1),
            "device": settings.device,
        },
        objective,
        lambda network: evaluate(network, ranking, ["hit_rate_at_10"]),
        units=("HR@10", "latency (ms)"),
    )


def hat_multi30k(settings: Settings) -> Row:
    """HAT's Transformer, small: BLEU by greedy decoding, beam 5 for the front."""
    pairs = multi30k(settings.data())
    source = Vocabulary.of((a for a, _ in pairs["train"]), max_size=4000)
    target = Vocabulary.of((b for _, b in pairs["train"]), max_size=5000)
    supernet = HATTransformer(
        len(source),
        len(target),
        encoder_embeds=(64, 96),
        decoder_embeds=(64, 96),
        encoder_ffns=(64, 128, 192),
        decoder_ffns=(64, 128, 192),
        encoder_depths=(3,),
        decoder_depths=(1, 2, 3),
        heads=(2, 4),
        qkv_features=64,
        norm_first=True,
    )
    batches = translation_batches(pairs["train"], source, target, batch_size=128, max_length=32)
    generator = torch.Generator().manual_seed(settings.seed)
    greedy = Bleu(pairs["val"][:100], source, target, max_length=32, batch_size=100)
    beam = Bleu(pairs["test"], source, target, n_beams=5, length_penalty=0.6, max_length=32)
    meter = LatencyMeter(plan=PLAN, device=settings.device)

    def latency(network: nn.Module, example: Any) -> Measurement:
        return meter(_TranslateOne(network), example)

    def objective() -> SupernetObjective:
        return SupernetObjective(
            supernet,
            batches[:1],
            calibration=None,
            objectives=(Metric("bleu", "maximize", greedy), "latency_ms"),
            latency=latency,
        )

    loader = DataLoader(
        # A list is as good a data set to torch, but not to its types.
        cast(Dataset[tuple[tuple[Tensor, Tensor], Tensor]], batches),
        batch_size=None,
        shuffle=True,
        generator=generator,
    )
    return Row(
        supernet,
        {
            "train_loader": loader,
            "epochs": settings.epochs(3),
            "lr": 2e-3,
            "task": Translation(),
            "strategy": Uniform(1),
            "schedule": Cosine(warm_up=0.1),
            "max_grad_norm": 1.0,
            "device": settings.device,
        },
        objective,
        lambda network: {"test_bleu_beam_5": beam(network)},
        n_evaluations=30,
        units=("BLEU (100 sentences, greedy)", "latency (ms)"),
    )


class _TranslateOne(nn.Module):
    """Encodes a sentence and decodes 13 words, a sentence of average length."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Any) -> Any:
        source, previous = x
        # torch takes a module's attributes for tensors.
        state = self.network.encode(source)  # type: ignore[operator]
        words = previous[:, :1]
        for _ in range(13):
            words = self.network.decode(words, state)[:, -1].argmax(-1, keepdim=True)  # type: ignore[operator]
        return words


ROWS: Mapping[str, Callable[[Settings], Row]] = {
    "mobilenet-cifar10": mobilenet_cifar,
    "mobilenet-digits": mobilenet_digits,
    "resnet-cifar10": resnet_cifar,
    "hat-multi30k": hat_multi30k,
    "ncf-generated": ncf,
    "int8-digits": int8_digits,
    "audio-digits": audio,
}
"""Name to row; each makes its super-network when called."""
