"""An existing two-objective study becomes a LINAS search: one line changes.

The objective below stands for anything slow: train a network, time it, return both.
"""

import optuna

from optuna_linas import LINASSampler


def objective(trial: optuna.Trial) -> tuple[float, float]:
    depth = trial.suggest_int("depth", 2, 8)
    widths = [trial.suggest_categorical(f"width_{i}", [16, 32, 64, 128]) for i in range(depth)]
    kernel = trial.suggest_categorical("kernel", [3, 5, 7])
    cost = sum(kernel**2 * a * b for a, b in zip([3, *widths], widths, strict=False)) / 1e4
    accuracy = 1 - 0.5 / (1 + 0.3 * cost**0.5 + 0.1 * depth)
    return accuracy, cost


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=LINASSampler(seed=0),  # the one line
    )
    study.optimize(objective, n_trials=60)
    for trial in sorted(study.best_trials, key=lambda t: t.values[1]):
        print(f"accuracy {trial.values[0]:.3f} at cost {trial.values[1]:8.2f}  {trial.params}")


if __name__ == "__main__":
    main()
