"""One worker of a search that any number of machines share. Start as many as you like, at any time.

    python worker.py --storage sqlite:///study.db --trials 100

All workers run this same line. The first one creates the study, and the search ends when it has
`--trials` finished trials. A worker that is killed costs the trial that it was at.
"""

import argparse
import os
import signal
import threading
import time

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from optuna_linas import LINASSampler
from optuna_linas.databases import open_database

HEARTBEAT_S = 60


def objective(trial: optuna.Trial, evaluation_s: float = 0.0) -> tuple[float, float]:
    """Stands for training a network and timing it. Yours goes here."""
    depth = trial.suggest_int("depth", 2, 8)
    widths = [trial.suggest_categorical(f"width_{i}", [16, 32, 64, 128]) for i in range(depth)]
    kernel = trial.suggest_categorical("kernel", [3, 5, 7])
    cost = sum(kernel**2 * a * b for a, b in zip([3, *widths], widths, strict=False)) / 1e4
    time.sleep(evaluation_s)
    return 1 - 0.5 / (1 + 0.3 * cost**0.5 + 0.1 * depth), cost


def open_storage(url: str) -> BaseStorage:
    """Return the storage of an address; all workers give the same one.

    `journal:PATH` is a file on a disk that all workers see, `grpc://HOST:PORT` Optuna's proxy,
    `redis://HOST:PORT` a journal in Redis; anything else is a database as SQLAlchemy writes it.
    """
    kind, _, rest = url.partition(":")
    if kind == "journal":
        return JournalStorage(JournalFileBackend(rest))
    if kind == "redis":
        return JournalStorage(JournalRedisBackend(url))
    if kind == "grpc":
        host, _, port = rest.removeprefix("//").partition(":")
        proxy = GrpcStorageProxy(host=host, port=int(port))
        proxy.wait_server_ready(timeout=300)
        return proxy
    # With heartbeats a killed worker's trial is marked as failed by the others.
    return open_database(url, heartbeat_interval=HEARTBEAT_S)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--storage", default=os.environ.get("OPTUNA_STORAGE"), help="see above")
    parser.add_argument("--study", default="search")
    parser.add_argument("--trials", type=int, default=100, help="of all workers together")
    parser.add_argument("--evaluation-s", type=float, default=0.0, help="a trial takes so long")
    options = parser.parse_args(arguments)
    if not options.storage:
        parser.error("--storage or the variable OPTUNA_STORAGE says where the study is")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    # Slurm and Kubernetes send SIGTERM some time before they kill: end after this trial.
    is_ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_ending.set())
    study = optuna.create_study(
        study_name=options.study,
        storage=open_storage(options.storage),
        directions=["maximize", "minimize"],
        sampler=LINASSampler(),  # no state of its own: every worker makes one
        load_if_exists=True,
    )

    states = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
    finished = [t for t in study.get_trials(deepcopy=False) if t.state in states]
    if len(finished) < options.trials and not is_ending.is_set():
        study.optimize(
            lambda trial: objective(trial, options.evaluation_s),
            callbacks=[
                MaxTrialsCallback(options.trials, states=states),
                lambda study, trial: study.stop() if is_ending.is_set() else None,
            ],
        )
    print(f"{len(study.trials)} trials, {len(study.best_trials)} of them Pareto-optimal")


if __name__ == "__main__":
    main()
