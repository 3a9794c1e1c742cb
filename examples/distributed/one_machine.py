"""One machine, several processes: each is a `worker.py` on the same journal file.

    python one_machine.py --processes 4 --trials 100

A journal file needs no server, and several processes write to it well. Run it again to go on;
Ctrl-C ends the workers after their trials.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import optuna
from worker import open_storage

WORKER = Path(__file__).with_name("worker.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 1) // 2))
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("distributed"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    url = f"journal:{options.out / 'study.log'}"
    command = [sys.executable, str(WORKER), "--storage", url, "--trials", str(options.trials)]
    # A thread each, or the processes get into each other's way.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    workers = [subprocess.Popen(command, env=environment) for _ in range(options.processes)]
    try:
        codes = [worker.wait() for worker in workers]
    except KeyboardInterrupt:
        for worker in workers:
            worker.terminate()
        codes = [worker.wait() for worker in workers]
    study = optuna.load_study(study_name="search", storage=open_storage(url))
    for trial in sorted(study.best_trials, key=lambda t: t.values[1]):
        print(f"accuracy {trial.values[0]:.3f} at cost {trial.values[1]:8.2f}  {trial.params}")
    different = {tuple(sorted(trial.params.items())) for trial in study.trials}
    n = len(study.trials)
    print(f"{n} trials of {options.processes} processes, {len(different)} different")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
