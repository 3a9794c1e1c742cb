"""From real images to a network to ship: train a super-network, search it, see the trade-off.

Trains an elastic CNN on scikit-learn's handwritten digits, searches its sub-networks with
LINASSampler for accuracy x measured CPU latency, does the same at random for comparison, and
writes an HTML picture. Run it again to resume. `make demo` is this script with its defaults.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.trial import TrialState
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from optuna_linas import LINASSampler, SupernetObjective
from optuna_linas.dashboard import publish
from optuna_linas.hardware import LatencyMeter
from optuna_linas.supernets import (
    ElasticCNN,
    accuracy,
    largest_arch,
    recalibrate_batch_norm,
    train_supernet,
)
from optuna_linas.visualization import (
    hypervolume_history,
    plot_hypervolume,
    plot_search_progress,
    shared_reference,
)

STUDY_NAME = "digits"
OBJECTIVES = ("accuracy", "latency_ms")
console = Console()


@dataclass(frozen=True)
class Digits:
    """The 1,797 images of 8 x 8 pixels in three parts; only the last is never searched on."""

    train: DataLoader
    calibration: DataLoader
    validation: DataLoader
    test: DataLoader


def load(seed: int) -> Digits:
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    x = torch.tensor(images[order] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    y = torch.tensor(labels[order])
    shuffle = torch.Generator().manual_seed(seed)
    training = TensorDataset(x[:1000], y[:1000])
    return Digits(
        DataLoader(training, 64, shuffle=True, generator=shuffle),
        # Unshuffled: a network has one accuracy, whenever it is measured.
        DataLoader(training, 64),
        DataLoader(TensorDataset(x[1000:1400], y[1000:1400]), 400),
        DataLoader(TensorDataset(x[1400:], y[1400:]), 400),
    )


def train(digits: Digits, *, epochs: int, seed: int, checkpoint: Path) -> ElasticCNN:
    """Train the super-network, or load it where an earlier run has left it."""
    torch.manual_seed(seed)
    supernet = ElasticCNN(n_classes=10, in_channels=1, image_size=8)
    settings = {"epochs": epochs, "seed": seed}
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["settings"] != settings:
            # Accuracies of two super-networks in one study would not compare.
            sys.exit(
                f"{checkpoint.parent} holds a search in a super-network of {saved['settings']}, "
                f"this one is of {settings}. Choose another --out."
            )
        console.print(f"Super-network: trained already, read from {checkpoint}")
        supernet.load_state_dict(saved["state_dict"])
        return supernet.eval()
    size = supernet.space.size(effective=True)
    console.print(f"Super-network: {len(supernet.space)} variables, {size:,} different networks")
    train_supernet(supernet, digits.train, epochs=epochs, seed=seed)
    partial = checkpoint.with_suffix(".partial")
    torch.save({"settings": settings, "state_dict": supernet.state_dict()}, partial)
    partial.replace(checkpoint)
    return supernet


def n_measured(study: optuna.Study) -> int:
    """How many trials are complete: an interrupted one has failed, or seems to run for ever."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def search(study: optuna.Study, objective: SupernetObjective, *, n_trials: int, name: str) -> None:
    """Run the study up to `n_trials` measured networks, with live progress."""
    measured = n_measured(study)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[front]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=n_trials, completed=measured, front="")

        def report(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            if trial.state != TrialState.COMPLETE:
                return
            front = [t.values for t in study.best_trials]
            best, quickest = max(v[0] for v in front), min(v[1] for v in front)
            text = f"front of {len(front)}: up to {best:.1%}, from {quickest:.3f} ms"
            progress.update(task, advance=1, front=text)
            done = int(progress.tasks[task].completed)
            if not console.is_terminal and done % 20 == 0:
                console.print(f"{name} {done}/{n_trials}: {text}", soft_wrap=True)

        study.optimize(objective, n_trials=max(0, n_trials - measured), callbacks=[report])


def show_front(study: optuna.Study, supernet: ElasticCNN, digits: Digits) -> None:
    table = Table(title=f"Pareto-optimal networks of {n_measured(study)} measured")
    for column in ("trial", "accuracy", "test", "latency [ms]", "MACs", "params"):
        table.add_column(column, justify="right")
    table.add_column("architecture")
    for trial in sorted(study.best_trials, key=lambda t: t.values[1]):
        network = recalibrate_batch_norm(supernet.extract(trial.params), digits.calibration)
        noted = trial.user_attrs
        table.add_row(
            str(trial.number),
            f"{trial.values[0]:.2%}",
            f"{accuracy(network, digits.test):.2%}",
            f"{noted['latency_ms']:.3f} ± {noted['latency_ms_iqr'] / 2:.3f}",
            f"{noted['macs'] / 1e6:.2f} M",
            f"{noted['params'] / 1e3:.1f} k",
            describe(trial.params),
        )
    console.print(table)
    console.print(
        "accuracy: on the validation data that the search sees; test: on data it never sees; "
        "latency: median ± half the interquartile range; architecture: per stage its width, then "
        "kernel x expansion of each layer."
    )


def describe(params: dict[str, int]) -> str:
    """One line per network: for each stage its width, then kernel x expansion of every layer."""
    layers_per_stage = 4
    stages = []
    for u in range(sum(name.startswith("depth_") for name in params)):
        first = u * layers_per_stage
        layers = [
            f"{params[f'kernel_{i}']}x{params[f'expand_{i}']}"
            for i in range(first, first + params[f"depth_{u}"])
        ]
        stages.append(f"{params[f'width_{u}']}: {' '.join(layers)}")
    return " | ".join(stages)


def picture(study: optuna.Study, random: optuna.Study, reference: list[float], path: Path) -> None:
    """One HTML page with both figures; the study's page in the dashboard has more."""
    front = plot_search_progress(study)
    volumes = plot_hypervolume({"LINAS": study, "random search": random}, reference)
    publish(study, figures={"hypervolume": volumes})
    parts = [
        front.to_html(full_html=False, include_plotlyjs=True),
        volumes.to_html(full_html=False, include_plotlyjs=False),
    ]
    # The scroll bar is there from the beginning, or the first figure would be drawn too wide.
    head = (
        "<!doctype html><meta charset='utf-8'><title>optuna-linas: digits</title>"
        "<style>html { overflow-y: scroll }</style>"
    )
    path.write_text(head + "\n".join(parts), encoding="utf-8")


def dashboard_command() -> str:
    """The dashboard of this environment, which need not be on the PATH."""
    program = Path(sys.executable).parent / "optuna-dashboard"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)


def named(study: optuna.Study) -> optuna.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(list(OBJECTIVES))
    return study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=120, help="networks measured per search")
    parser.add_argument("--epochs", type=int, default=20, help="training epochs of the super-net")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where the results go")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    # Optuna would warn of Ctrl-C with a traceback in the middle of the progress bar.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Networks this small run fastest on one thread, and the latencies are measured on one.
    torch.set_num_threads(1)
    started = time.monotonic()

    digits = load(args.seed)
    supernet = train(
        digits, epochs=args.epochs, seed=args.seed, checkpoint=args.out / "supernet.pt"
    )
    latency = LatencyMeter(batch_size=1, n_threads=1)
    objective = SupernetObjective(
        supernet,
        digits.validation,
        calibration=digits.calibration,
        objectives=OBJECTIVES,
        latency=latency,
    )
    url = f"sqlite:///{args.out}/study.db"
    study = named(
        optuna.create_study(
            study_name=STUDY_NAME,
            storage=url,
            load_if_exists=True,
            directions=objective.directions,
            sampler=LINASSampler(space=supernet.space, seed=args.seed),
        )
    )
    search(study, objective, n_trials=args.trials, name="LINAS ")
    random = named(
        optuna.create_study(
            study_name="random",
            directions=objective.directions,
            sampler=optuna.samplers.RandomSampler(seed=args.seed),
        )
    )
    search(random, objective, n_trials=n_measured(study), name="random")

    show_front(study, supernet, digits)
    # The worst accuracy that was seen and the latency of the largest network: the worst latency
    # may be a hiccup of the machine.
    slowest = latency(supernet.extract(largest_arch(supernet.space)), supernet.example_input(1))
    reference = [float(shared_reference(study, random)[0]), slowest.latency_ms]
    ours = hypervolume_history(study, reference)[-1]
    theirs = hypervolume_history(random, reference)[-1]
    console.print(
        f"Hypervolume after {n_measured(study)} evaluations: LINAS {ours:.4f}, random search "
        f"{theirs:.4f} (reference point: accuracy {reference[0]:.1%}, {reference[1]:.3f} ms)"
    )
    picture(study, random, reference, args.out / "front.html")
    console.print(f"Picture:   {args.out / 'front.html'}")
    console.print(f"Study:     {url} (name {STUDY_NAME!r}; run again to resume or extend it)")
    console.print(f"Dashboard: {dashboard_command()} {url}", soft_wrap=True)
    console.print(f"Took {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        console.print("\nInterrupted. What is measured is kept: run the same command to go on.")
        sys.exit(130)
