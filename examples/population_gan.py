"""A population of GANs: generator cells, or also discriminator and projections, are searched.

The spaces of the PBT-NAS paper in a size that trains on two cores. Every generator cell chooses its
layers, norm, activation, upsampling and shortcut; `--space extended` adds the discriminator's cells
and both networks' projections. The score is the Fréchet distance between real and generated images
on features of a classifier that is trained here first: on few images while searching, on many at
the end. Run it again to resume.

    python examples/population_gan.py                            # digits, minutes on two cores
    python examples/population_gan.py --data FOLDER --width 64 --population 24 --generations 30 \
        --epochs 10 --device cuda                                # the CIFAR-10 subset
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from rich.console import Console
from scipy.linalg import sqrtm
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from optuna_linas import PBTMember, PBTNASSampler, best_member
from optuna_linas.checkpoints import load_checkpoint
from optuna_linas.visualization import plot_lineage, plot_option_shares, plot_population

LATENT = 32
OPS = ["identity", "conv3", "conv5", "separable", "residual"]
ACTIVATIONS = {"relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(0.2), "silu": nn.SiLU}
console = Console()


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def layer(op: str, width: int, wrap: Callable[[nn.Module], nn.Module] = lambda m: m) -> nn.Module:
    def conv(size: int, groups: int = 1) -> nn.Module:
        return wrap(nn.Conv2d(width, width, size, padding=size // 2, groups=groups))

    return {
        "identity": nn.Identity,
        "conv3": lambda: conv(3),
        "conv5": lambda: conv(5),
        "separable": lambda: nn.Sequential(conv(5, width), conv(1)),
        "residual": lambda: Residual(nn.Sequential(conv(3), nn.ReLU(), conv(3))),
    }[op]()


def norm(name: str, width: int) -> nn.Module:
    return {
        "batch": lambda: nn.BatchNorm2d(width),
        "instance": lambda: nn.InstanceNorm2d(width, affine=True),
        "none": nn.Identity,
    }[name]()


class Cell(nn.Module):
    """Two interchangeable layers with norms, between a change of resolution and a shortcut."""

    def __init__(
        self, p: dict[str, str], i: str, width: int, resize: nn.Module, spectral: bool
    ) -> None:
        super().__init__()
        wrap = spectral_norm if spectral else (lambda module: module)
        self.resize = resize
        self.first = layer(p[f"{i}_op1"], width, wrap)
        self.second = layer(p[f"{i}_op2"], width, wrap)
        kind = "none" if spectral else p[f"{i}_norm"]
        self.norm1, self.norm2 = norm(kind, width), norm(kind, width)
        self.act = ACTIVATIONS[p[f"{i}_act"]]()
        self.has_shortcut = p[f"{i}_shortcut"] == "yes"

    def forward(self, x: Tensor) -> Tensor:
        x = self.resize(x)
        out = self.act(self.norm1(self.first(x)))
        out = self.norm2(self.second(out))
        return self.act(out + x if self.has_shortcut else out)


class Generator(nn.Module):
    def __init__(self, p: dict[str, str], width: int, channels: int, n_cells: int) -> None:
        super().__init__()
        self.project: nn.Module = nn.Linear(LATENT, width * 4)
        if p.get("g_project") == "deep":
            hidden = nn.Linear(LATENT, width)
            self.project = nn.Sequential(hidden, nn.ReLU(), nn.Linear(width, width * 4))
        self.cells = nn.ModuleList()
        for i in range(n_cells):
            mode = p[f"g{i}_up"]
            up = nn.ConvTranspose2d(width, width, 2, 2) if mode == "deconv" else None
            resize = up or nn.Upsample(scale_factor=2, mode=mode)
            self.cells.append(Cell(p, f"g{i}", width, resize, spectral=False))
        size = int(p.get("g_image", "3"))
        self.image = nn.Conv2d(width, channels, size, padding=size // 2)

    def forward(self, z: Tensor) -> Tensor:
        x = self.project(z).view(len(z), -1, 2, 2)
        for cell in self.cells:
            x = cell(x)
        return self.image(x).tanh()


class Discriminator(nn.Module):
    def __init__(self, p: dict[str, str], width: int, channels: int, n_cells: int) -> None:
        super().__init__()
        size = int(p.get("d_image", "3"))
        self.image = spectral_norm(nn.Conv2d(channels, width, size, padding=size // 2))
        self.cells = nn.ModuleList()
        for i in range(n_cells):
            kind = p[f"d{i}_down"]
            down = nn.AvgPool2d(2) if kind == "average" else nn.MaxPool2d(2)
            self.cells.append(Cell(p, f"d{i}", width, down, spectral=True))
        self.pool = p.get("d_head", "flat")
        self.head = spectral_norm(nn.Linear(width * (4 if self.pool == "flat" else 1), 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.image(x)
        for cell in self.cells:
            x = cell(x)
        x = x.flatten(1) if self.pool == "flat" else x.sum(dim=(2, 3))
        return self.head(x).squeeze(1)


def variables(space: str, n_cells: int) -> tuple[dict[str, list[str]], dict[str, object]]:
    """The options of every variable, and where its weights are."""
    options: dict[str, list[str]] = {}
    layers: dict[str, object] = {}
    for side, path in (("g", "generator"), ("d", "discriminator")):
        for i in range(n_cells):
            cell, at = f"{side}{i}", f"{path}.cells.{i}"
            options |= {f"{cell}_op1": OPS, f"{cell}_op2": OPS, f"{cell}_act": [*ACTIVATIONS]}
            options[f"{cell}_shortcut"] = ["yes", "no"]
            layers |= {f"{cell}_op1": f"{at}.first", f"{cell}_op2": f"{at}.second"}
            if side == "g":
                options[f"{cell}_norm"] = ["batch", "instance", "none"]
                options[f"{cell}_up"] = ["nearest", "bilinear", "deconv"]
                layers[f"{cell}_norm"] = [f"{at}.norm1", f"{at}.norm2"]
                layers[f"{cell}_up"] = f"{at}.resize"
            else:
                options[f"{cell}_down"] = ["average", "max"]
    options |= {"g_project": ["linear", "deep"], "g_image": ["1", "3", "5"]}
    options |= {"d_image": ["1", "3", "5"], "d_head": ["flat", "sum"]}
    layers |= {"g_project": "generator.project", "g_image": "generator.image"}
    layers |= {"d_image": "discriminator.image", "d_head": "discriminator.head"}
    if space == "generator":
        cells = [f"g{i}_" for i in range(n_cells)]
        options = {n: o for n, o in options.items() if any(n.startswith(c) for c in cells)}
    return options, {name: path for name, path in layers.items() if name in options}


FIXED = {"op1": "conv3", "op2": "conv3", "act": "leaky", "shortcut": "yes", "down": "average"}


def build(p: dict[str, str], width: int, channels: int, n_cells: int) -> nn.ModuleDict:
    """Both networks; a discriminator that is not searched has conv3 layers with shortcuts."""
    fixed = {f"d{i}_{name}": value for i in range(n_cells) for name, value in FIXED.items()}
    p = fixed | p
    shape = (width, channels, n_cells)
    return nn.ModuleDict(
        {"generator": Generator(p, *shape), "discriminator": Discriminator(p, *shape)}
    )


def images(folder: Path | None, device: torch.device) -> tuple[Tensor, Tensor]:
    """The digits, or the CIFAR-10 subset, in [-1, 1]."""
    if folder is None:
        x, y = load_digits(return_X_y=True)
        pixels = torch.tensor(x / 8 - 1, dtype=torch.float32).view(-1, 1, 8, 8)
        return pixels.to(device), torch.tensor(y).to(device)
    with np.load(folder / "cifar10_small_train.npz") as data:
        pixels = torch.tensor(data["x"]).permute(0, 3, 1, 2).float() / 127.5 - 1
        return pixels.to(device), torch.tensor(data["y"].astype(np.int64)).to(device)


def classifier(x: Tensor, y: Tensor, epochs: int) -> Callable[[Tensor], Tensor]:
    """Train a small CNN and return the function to its penultimate features, float[n, 64]."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features = nn.Sequential(
            nn.Conv2d(x.shape[1], 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
            nn.Linear(256, 64), nn.ReLU(),
        ).to(x.device)  # fmt: skip
        head = nn.Linear(64, 10).to(x.device)
    optimizer = torch.optim.AdamW([*features.parameters(), *head.parameters()], lr=2e-3)
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=order).to(x.device).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(head(features(x[batch])), y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        right = (head(features(x)).argmax(1) == y).float().mean()
    console.print(f"Features from a classifier that knows {right:.1%} of its training images")
    return torch.no_grad()(lambda part: torch.cat([features(p) for p in part.split(500)]))


def frechet(first: Tensor, second: Tensor) -> float:
    """The Fréchet distance of two sets of features, float[n, f], as of two Gaussians."""
    a, b = first.double().cpu().numpy(), second.double().cpu().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    jitter = 1e-6 * np.eye(len(cov_a))
    root = np.real(sqrtm((cov_a + jitter) @ (cov_b + jitter)))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root))


def train(
    model: nn.ModuleDict, optimizers: dict, average: nn.Module, x: Tensor, member: PBTMember
) -> None:
    """The hinge loss, and an exponential average of the generator's weights."""
    generator, discriminator = model["generator"], model["discriminator"]
    random = torch.Generator().manual_seed(member.seed)
    model.train()
    for _ in range(member.n_epochs):
        for batch in torch.randperm(len(x), generator=random).split(64):
            real = x[batch.to(x.device)]
            z = torch.randn(2, len(real), LATENT, generator=random).to(x.device)
            optimizers["discriminator"].zero_grad()
            fake = generator(z[0]).detach()
            loss = (1 - discriminator(real)).relu() + (1 + discriminator(fake)).relu()
            loss.mean().backward()
            optimizers["discriminator"].step()
            optimizers["generator"].zero_grad()
            (-discriminator(generator(z[1])).mean()).backward()
            optimizers["generator"].step()
            average.update_parameters(generator)


@torch.no_grad()
def generated(average: nn.Module, n: int, seed: int, device: torch.device) -> Tensor:
    average.eval()
    z = torch.randn(n, LATENT, generator=torch.Generator().manual_seed(seed)).to(device)
    return torch.cat([average(part) for part in z.split(500)])


def averaged(generator: nn.Module) -> AveragedModel:
    return AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.99), use_buffers=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--space", choices=["generator", "extended"], default="generator")
    add("--data", type=Path, help="folder with cifar10_small_train.npz; default: the digits")
    add("--population", type=int, default=8)
    add("--generations", type=int, default=4)
    add("--epochs", type=int, default=2, help="epochs of a generation")
    add("--width", type=int, default=16, help="channels")
    add("--images", type=int, default=500, help="generated images while searching")
    add("--final-images", type=int, default=5000, help="generated images at the end")
    add("--variation", default="mix", help="see PBTNASSampler")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=Path("population-gan"))
    args = parser.parse_args()
    (args.out / "checkpoints").mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if args.device == "cpu":
        torch.set_num_threads(1)
    device, started = torch.device(args.device), time.monotonic()
    x, y = images(args.data, device)
    n_cells = {8: 2, 32: 4}[x.shape[-1]]
    options, layers = variables(args.space, n_cells)
    console.print(f"{len(options)} variables")
    features = classifier(x, y, epochs=10)
    real = features(x)
    store = FileSystemArtifactStore(args.out / "checkpoints")
    study = optuna.create_study(
        study_name=f"gan-{args.space}-{args.variation}",
        storage=JournalStorage(JournalFileBackend(str(args.out / "journal.log"))),
        load_if_exists=True,
        sampler=PBTNASSampler(
            args.population, args.generations, args.epochs, variation=args.variation, seed=args.seed
        ),
    )

    def objective(trial: optuna.Trial) -> float:
        # Shapes depend on the options of one variable each, but for the head's and the pooling's.
        member = PBTMember(trial, store, layers, buffers="copy", mismatch="fresh")
        p = {name: trial.suggest_categorical(name, each) for name, each in options.items()}
        with member.seeded():
            model = build(p, args.width, x.shape[1], n_cells).to(device)
        optimizers = {
            name: torch.optim.Adam(part.parameters(), lr=1e-3, betas=(0.0, 0.9))
            for name, part in model.items()
        }
        average = averaged(model["generator"])
        extra = member.restore(model, optimizers)
        if extra:
            average.load_state_dict(extra["generator"])
        train(model, optimizers, average, x, member)
        fake = generated(average, args.images, member.seed, device)
        distance = frechet(real, features(fake))
        member.save(model, optimizers, extra={"generator": average})
        return distance

    def report(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if trial.user_attrs.get("pbt_slot") == args.population - 1:
            generation, best = trial.user_attrs["pbt_generation"], best_member(study)
            console.print(f"generation {generation}: Fréchet distance {best.trial.value:.2f}")

    study.optimize(objective, callbacks=[report])
    winner = best_member(study)
    average = averaged(build(winner.params, args.width, x.shape[1], n_cells)["generator"])
    average.load_state_dict(load_checkpoint(store, winner.trial).copies["generator"])
    fake = generated(average.to(device), args.final_images, args.seed, device)
    distance = frechet(real, features(fake))
    console.print(f"Winner: trial {winner.number}, {winner.params}")
    console.print(f"Fréchet distance on {args.final_images} images: {distance:.2f}")
    for plot in (plot_lineage, plot_population, plot_option_shares):
        plot(study).write_html(args.out / f"{plot.__name__}.html")
    console.print(f"Pictures in {args.out}. Took {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
