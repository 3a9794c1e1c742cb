"""The ways to start many workers: run where they can be, and else read as their readers would."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

FOLDER = Path(__file__).parents[1] / "examples" / "distributed"
IMAGE = "optuna-linas-worker"


def started(script: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(FOLDER / script), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    out, log = process.communicate(timeout=300)
    assert process.returncode == 0, log[-3000:]
    return out


def test_one_machine_with_two_processes(tmp_path: Path) -> None:
    arguments = ("--processes", "2", "--trials", "16", "--out", str(tmp_path))
    said = ended(started("one_machine.py", *arguments))
    found = re.search(r"(\d+) trials of 2 processes, (\d+) different", said)
    assert found is not None
    assert 16 <= int(found[1]) == int(found[2]) <= 18
    # It goes on where it was, which is at its end.
    assert found[0] in ended(started("one_machine.py", *arguments))


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_worker_with_the_address_in_its_environment(kind: str, tmp_path: Path) -> None:
    url = {"sqlite": f"sqlite:///{tmp_path}/s.db", "journal": f"journal:{tmp_path}/s.log"}[kind]
    for n in (0, 3):
        said = ended(started("worker.py", "--trials", str(n), OPTUNA_STORAGE=url))
        assert f"{n} trials" in said


def test_a_worker_that_is_told_to_end_finishes_its_trial(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    worker = started("worker.py", "--storage", f"journal:{path}", "--evaluation-s", "0.5")
    deadline = time.monotonic() + 120

    def trials() -> list[optuna.trial.FrozenTrial]:
        try:
            storage = JournalStorage(JournalFileBackend(str(path)))
            return optuna.load_study(study_name="search", storage=storage).trials
        except KeyError:  # not there yet
            return []

    while not any(trial.params for trial in trials()) and time.monotonic() < deadline:
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    ended(worker)
    assert {trial.state for trial in trials()} == {TrialState.COMPLETE}


def test_what_slurm_would_run(tmp_path: Path) -> None:
    script = FOLDER / "slurm_array.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    settings = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in script.read_text().splitlines()
        if line.startswith("#SBATCH --")
    )
    assert settings["array"] == "0-199"
    assert settings["signal"] == "B:TERM@600"  # to the shell that becomes the worker
    environment = {
        **os.environ,
        "OPTUNA_STORAGE": f"journal:{tmp_path}/s.log",
        "SLURM_ARRAY_TASK_ID": "30",
        "SLURM_SUBMIT_DIR": str(FOLDER),
        "TRIALS": "2",
        "PYTHON": sys.executable,
    }
    done = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 trials" in done.stdout
    del environment["OPTUNA_STORAGE"]
    done = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "is the address of the study" in done.stderr


def arguments_fit(arguments: list[str]) -> None:
    """A script of this folder, with options that it knows."""
    script, *rest = arguments
    text = (FOLDER / script).read_text()
    for option in (argument for argument in rest if argument.startswith("--")):
        assert f'"{option}"' in text


def test_the_manifest_for_kubernetes() -> None:
    text = (FOLDER / "kubernetes.yaml").read_text()
    deployment, service, job = list(yaml.safe_load_all(text))
    kinds = [(each["apiVersion"], each["kind"]) for each in (deployment, service, job)]
    assert kinds == [("apps/v1", "Deployment"), ("v1", "Service"), ("batch/v1", "Job")]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    (proxy,) = deployment["spec"]["template"]["spec"]["containers"]
    (worker,) = job["spec"]["template"]["spec"]["containers"]
    port = service["spec"]["ports"][0]
    assert proxy["ports"] == [{"containerPort": port["targetPort"]}]
    assert job["spec"]["template"]["spec"]["restartPolicy"] in ("Never", "OnFailure")
    assert job["spec"]["parallelism"] <= job["spec"]["completions"]
    values = {each["name"]: each.get("value") for each in worker["env"]}
    name = service["metadata"]["name"]
    assert values["OPTUNA_STORAGE"] == f"grpc://{name}:{port['port']}"
    assert all(isinstance(each.get("value", ""), str) for each in worker["env"])
    for container in (proxy, worker):
        assert container["image"] == IMAGE
        arguments_fit(container["args"])


def test_the_file_for_compose() -> None:
    services: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    for name in ("proxy", "worker"):
        assert services[name]["image"] == IMAGE
        arguments_fit(services[name]["command"])
        assert set(services[name]["depends_on"]) <= set(services)
    build = services["proxy"]["build"]
    root = (FOLDER / build["context"]).resolve()
    dockerfile = (root / build["dockerfile"]).read_text()
    copied = re.findall(r"^COPY (.*) /app/$", dockerfile, re.MULTILINE)[0].split()
    assert all((root / path).is_file() for path in copied)
    assert f"-t {IMAGE}" in dockerfile
    assert "@database/optuna" in services["proxy"]["environment"]["OPTUNA_STORAGE"]
    assert services["worker"]["environment"]["OPTUNA_STORAGE"] == "grpc://proxy:13000"


def test_dask() -> None:
    pytest.importorskip("distributed", reason="pip install 'optuna-linas[dask]'")
    said = ended(started("dask_search.py", "--trials", "16"))
    assert re.search(r"16 trials in 2 tasks, 16 different", said)


def test_the_proxy(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="pip install 'optuna-linas[cluster]'")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = ("--storage", f"sqlite:///{tmp_path}/s.db", "--host", "127.0.0.1")
    proxy = started("proxy.py", *address, "--port", str(port))
    try:
        for n in (2, 4):
            worker = started(
                "worker.py", "--trials", str(n), "--storage", f"grpc://127.0.0.1:{port}"
            )
            assert f"{n} trials" in ended(worker)
    finally:
        proxy.terminate()
        proxy.communicate(timeout=60)
