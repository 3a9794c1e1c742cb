"""The search on a Dask cluster: Dask starts the workers, and its scheduler keeps the study.

    python dask_search.py --workers 2 --trials 40
    python dask_search.py --scheduler tcp://scheduler:8786 --storage postgresql+psycopg2://...

Needs the extra `dask`: pip install 'optuna-linas[dask]'.
"""

import argparse
import warnings
from pathlib import Path

import optuna
from distributed import Client, LocalCluster, wait
from optuna_integration import DaskStorage
from worker import objective

from optuna_linas import LINASSampler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scheduler", help="of a running cluster; by default one is started")
    parser.add_argument("--storage", help="a database behind the scheduler; by default its memory")
    parser.add_argument("--workers", type=int, default=2, help="of the cluster that is started")
    parser.add_argument("--trials", type=int, default=40)
    options = parser.parse_args()
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    cluster = options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None
    )
    with Client(cluster) as client:
        # Workers elsewhere import the objective, so they get its file.
        client.upload_file(str(Path(__file__).with_name("worker.py")))
        n_tasks = sum(client.nthreads().values())
        study = optuna.create_study(
            storage=DaskStorage(options.storage, client=client),
            directions=["maximize", "minimize"],
            sampler=LINASSampler(seed=0),
        )
        # A task for each thread of the cluster, and each gets its share of the trials.
        shares = [len(range(i, options.trials, n_tasks)) for i in range(n_tasks)]
        tasks = [
            client.submit(study.optimize, objective, n_trials=share, pure=False)
            for share in shares
            if share
        ]
        wait(tasks)
        for task in tasks:
            task.result()
        different = {tuple(sorted(trial.params.items())) for trial in study.trials}
        print(
            f"{len(study.trials)} trials in {n_tasks} tasks, {len(different)} different, "
            f"{len(study.best_trials)} Pareto-optimal"
        )
    if not options.scheduler:
        cluster.close()


if __name__ == "__main__":
    main()
