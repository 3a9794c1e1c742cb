"""A population of networks on real images: train, mix the winners, weights included.

Twelve small CNNs with interchangeable layers train on scikit-learn's digits; after each generation
the worst are replaced by mixes of the best (PBT-NAS). Run it again to resume; start it several
times at once for several workers. Pictures go to population/*.html.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from rich.console import Console
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from optuna_linas import PBTMember, PBTNASSampler, best_member, make_soup
from optuna_linas.checkpoints import collect_checkpoints
from optuna_linas.visualization import plot_lineage, plot_option_shares, plot_population

WIDTH, N_CELLS = 12, 4
console = Console()


def layer(name: str) -> nn.Module:
    if name == "identity":
        return nn.Identity()
    if name == "separable":
        depthwise = nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH)
        return nn.Sequential(depthwise, nn.Conv2d(WIDTH, WIDTH, 1))
    size = int(name.removeprefix("conv"))
    return nn.Conv2d(WIDTH, WIDTH, size, padding=size // 2)


def build(params: dict[str, str]) -> nn.Module:
    """The network of some parameters; its cells have equal shapes, so layers can be exchanged."""
    cells = [
        nn.Sequential(layer(params[f"op_{i}"]), nn.BatchNorm2d(WIDTH), nn.ReLU())
        for i in range(N_CELLS)
    ]
    body = nn.Sequential(*cells[:2], nn.MaxPool2d(2), *cells[2:])
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 10))
    return nn.Sequential(nn.Conv2d(1, WIDTH, 3, padding=1), body, head)


# Where the layer of each variable is in the network.
LAYERS = {"op_0": "1.0.0", "op_1": "1.1.0", "op_2": "1.3.0", "op_3": "1.4.0"}


def digits() -> dict[str, tuple[Tensor, Tensor]]:
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    images = torch.tensor(x / 8 - 1, dtype=torch.float32).view(-1, 1, 8, 8)[order]
    labels = torch.tensor(y)[order]
    parts = {"train": slice(0, 900), "validation": slice(900, 1300), "test": slice(1300, None)}
    return {name: (images[part], labels[part]) for name, part in parts.items()}


@torch.no_grad()
def accuracy(network: nn.Module, part: tuple[Tensor, Tensor]) -> float:
    network.eval()
    return float((network(part[0]).argmax(1) == part[1]).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--population", type=int, default=12)
    parser.add_argument("--generations", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a generation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("population"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    data, started = digits(), time.monotonic()

    (args.out / "checkpoints").mkdir(exist_ok=True)
    store = FileSystemArtifactStore(args.out / "checkpoints")
    sampler = PBTNASSampler(
        args.population, args.generations, args.epochs, hyperparameters=["lr"], seed=args.seed
    )
    study = optuna.create_study(
        study_name="digits",
        storage=JournalStorage(JournalFileBackend(str(args.out / "journal.log"))),
        load_if_exists=True,
        direction="maximize",
        sampler=sampler,
    )

    def objective(trial: optuna.Trial) -> float:
        member = PBTMember(trial, store, LAYERS)
        ops = ["identity", "conv3", "conv5", "separable"]
        params = {name: trial.suggest_categorical(name, ops) for name in LAYERS}
        lr = trial.suggest_float("lr", 1e-3, 3e-2, log=True)
        with member.seeded():
            network = build(params)
        optimizer = torch.optim.AdamW(network.parameters(), lr=lr)
        member.restore(network, optimizer)
        x, y = data["train"]
        order = torch.Generator().manual_seed(member.seed)
        for _ in range(member.n_epochs):
            network.train()
            for batch in torch.randperm(len(x), generator=order).split(64):
                optimizer.zero_grad()
                functional.cross_entropy(network(x[batch]), y[batch]).backward()
                optimizer.step()
        score = accuracy(network, data["validation"])
        member.save(network, optimizer)
        return score

    def report(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if trial.user_attrs.get("pbt_slot") == args.population - 1:
            best = best_member(study)
            generation = trial.user_attrs["pbt_generation"]
            console.print(f"generation {generation}: best of now {best.trial.value:.2%}")

    study.optimize(objective, callbacks=[report])

    winner = best_member(study)
    soup = make_soup(study, store, build, lambda network: accuracy(network, data["validation"]))
    console.print(f"Winner: trial {winner.number}, {winner.params}")
    console.print(
        f"Soup of {len(soup.members)} of {len(soup.candidates)} that share its architecture: "
        f"validation {soup.score:.2%} (alone {soup.best_score:.2%}), "
        f"test {accuracy(soup.model, data['test']):.2%}"
    )
    collect_checkpoints(study, store)
    for plot in (plot_lineage, plot_population, plot_option_shares):
        path = args.out / f"{plot.__name__}.html"
        plot(study).write_html(path)
        console.print(f"Picture: {path}")
    console.print(f"Took {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
