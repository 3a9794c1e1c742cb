"""One search, three devices: the best network for any latency budget on each of them, at once.

Trains the super-network of `digits.py` on handwritten digits and searches it once. Every network
that is measured is timed on three "devices": this machine with one, two and four threads. (Where
that would not leave a core free, batches of one and four images on one thread take their place:
threads that wait for a core take a hundred times as long.) A `BudgetGenerator` for each device then
answers "the best network within so many milliseconds" without another search, and a picture shows
what a budget buys on each.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import optuna
import torch
from digits import load, train
from optuna.trial import Trial

from optuna_linas import Attr, BudgetGenerator, LINASSampler, SupernetObjective
from optuna_linas.hardware import LatencyMeter, TimingPlan
from optuna_linas.hardware.cores import n_available_cores
from optuna_linas.visualization import plot_budget_front

PLAN = TimingPlan(n_repeats=20, max_warmup=20)
N_DEVICES = 3


def devices(n_cores: int) -> dict[str, LatencyMeter]:
    """Three of them, by the name of the user attribute that a trial has for each."""
    by_threads = {
        f"{n}_threads_ms": LatencyMeter(batch_size=16, n_threads=n, plan=PLAN)
        for n in (1, 2, 4)
        if n == 1 or n < n_cores
    }
    by_batch = {f"batch_{n}_ms": LatencyMeter(batch_size=n, plan=PLAN) for n in (1, 4)}
    return dict(list({**by_threads, **by_batch}.items())[:N_DEVICES])


DEVICES = devices(n_available_cores())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=120, help="networks measured")
    parser.add_argument("--epochs", type=int, default=20, help="training epochs of the super-net")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where the results go")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)

    digits = load(args.seed)
    checkpoint = args.out / "supernet.pt"
    supernet = train(digits, epochs=args.epochs, seed=args.seed, checkpoint=checkpoint)
    accuracy = SupernetObjective(
        supernet,
        digits.validation,
        calibration=digits.calibration,
        objectives=("accuracy",),
        latency=DEVICES["1_threads_ms"],
    )

    def objective(trial: Trial) -> float:
        value = accuracy(trial)
        trial.set_user_attr("1_threads_ms", trial.user_attrs["latency_ms"])  # measured with it
        network = supernet.extract(trial.params)
        for name in DEVICES.keys() - {"1_threads_ms"}:
            latency = DEVICES[name](network, supernet.example_input(1))
            trial.set_user_attr(name, latency.latency_ms)
        return value

    # The search looks at one device; what it measures on the others comes along.
    sampler = LINASSampler(
        space=supernet.space, objectives=[0, Attr("1_threads_ms")], seed=args.seed
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=args.trials, show_progress_bar=sys.stderr.isatty())

    fronts, measured = {}, {}
    for name in DEVICES:
        generator = BudgetGenerator.from_study(
            study, cost=name, space=supernet.space, seed=args.seed
        )
        generator.save(args.out / f"generator_{name}.npz")
        low, high = generator.cost_range
        budget = (low + high) / 2
        start = time.perf_counter()
        best = generator.generate(budget)[0]
        took_ms = 1e3 * (time.perf_counter() - start)
        network = supernet.extract(best.params)
        true_ms = DEVICES[name](network, supernet.example_input(1)).latency_ms
        print(
            f"{name}: within {budget:.2f} ms, {best.predicted_value:.2%} expected in "
            f"{best.predicted_cost:.2f} ms; measured {true_ms:.2f} ms; asked in {took_ms:.0f} ms"
        )
        fronts[name] = generator.front(n_budgets=30)
        trials = [t for t in study.trials if t.values is not None]
        measured[name] = ([t.user_attrs[name] for t in trials], [t.value for t in trials])
    picture = args.out / "budgets.html"
    plot_budget_front(fronts, measured).write_html(picture)
    print(f"Picture: {picture}")


if __name__ == "__main__":
    main()
