"""The simulation of many workers keeps what must hold of it; a small run measures for real."""

import json
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from benchmarks import idle
from benchmarks.counting_storage import CountingStorage, Traffic
from benchmarks.scale import throughput
from benchmarks.scale.__main__ import main, tables
from benchmarks.scale.problem import Instant
from benchmarks.scale.simulation import Cluster, breaking_point, simulate
from benchmarks.scale.storages import Unavailable, place_of

FREE = dict.fromkeys(
    ["create_s", "param_s", "attr_s", "finish_s", "read_s", "read_running_s", "read_new_s",
     "read_known_s", "attrs_s", "client_share"], 0.0,
)  # fmt: skip

IDEAL = Cluster(
    n_workers=20,
    n_trials=2_000,
    evaluation_s=60.0,
    n_variables=3,
    n_cores=1,
    costs=FREE,
    plan_s=lambda n: 0.0,
    take_s=0.0,
    batch_size=lambda n_ended, n_running: 10,
)


def costing(**seconds: float) -> Cluster:
    return replace(IDEAL, costs={**FREE, **seconds})


def test_where_nothing_costs_anything_everybody_evaluates() -> None:
    outcome = simulate(IDEAL, seed=0)
    assert outcome.busy == pytest.approx(1.0, abs=1e-3)
    assert (outcome.server, outcome.waiting, outcome.planning) == (0.0, 0.0, 0.0)
    assert breaking_point(outcome) == "nothing"
    # 2,000 evaluations of a minute by 20 workers; a draw of 2,000 has a deviation of a percent.
    assert outcome.hours == pytest.approx(2_000 / 20 / 60, rel=0.08)
    assert outcome.n_plans == 2_000 / 10


def test_it_is_the_same_again() -> None:
    assert simulate(costing(create_s=0.1), seed=3) == simulate(costing(create_s=0.1), seed=3)


def test_a_server_cannot_do_more_than_all_its_time() -> None:
    cluster = costing(finish_s=10.0)
    outcome = simulate(replace(cluster, n_workers=100), seed=0)
    assert outcome.hours >= 2_000 * 10.0 / 3600
    assert outcome.server == pytest.approx(1.0, abs=0.02)
    assert breaking_point(outcome) == "the storage's server is busy all the time"
    # With as many cores as workers nobody waits for another: 10 of 70 seconds are not evaluations.
    wide = simulate(replace(cluster, n_cores=20), seed=0)
    assert wide.busy == pytest.approx(60 / 70, abs=0.03)
    assert wide.waiting == pytest.approx(10 / 70, abs=0.03)


def test_parameters_are_written_one_by_one() -> None:
    outcome = simulate(replace(costing(param_s=1.0), n_variables=10, n_cores=20), seed=0)
    assert outcome.waiting == pytest.approx(10 / 70, abs=0.03)


def test_reads_grow_with_the_workers() -> None:
    few, many = (
        simulate(replace(costing(read_running_s=0.01), n_workers=n, n_cores=n), seed=0)
        for n in (10, 100)
    )
    # Three reads of all that run, 10 ms for each of them.
    assert few.waiting == pytest.approx(0.3 / 60, rel=0.25)
    assert many.waiting == pytest.approx(3.0 / 63, rel=0.25)


def test_one_worker_plans_and_the_others_wait_for_it() -> None:
    outcome = simulate(replace(IDEAL, plan_s=lambda n: 30.0), seed=0)
    assert outcome.n_plans == 200
    # A plan of 30 s for ten trials: 200 one after another, whatever the workers do.
    assert outcome.hours >= 200 * 30 / 3600
    assert outcome.n_pauses > 200
    assert breaking_point(outcome) == "planning"
    alone = simulate(replace(IDEAL, plan_s=lambda n: 30.0, n_workers=1, n_trials=100), seed=0)
    assert alone.n_pauses == 0
    # A plan of 30 s for ten trials of 60 s.
    assert alone.planning == pytest.approx(30 / 630, rel=0.25)


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scale.json"
    code = main(
        [
            *("--storages", "memory", "journal", "--samplers", "linas", "pbt", "nsga2"),
            *("--processes", "1", "2", "--trials", "6", "--variables", "4"),
            *("--workers", "20", "--paper-trials", "500", "--out", str(out)),
        ]
    )
    assert code == 0
    results = json.loads(out.read_text())
    for kind in ("memory", "journal"):
        for sampler in ("linas", "pbt", "nsga2"):
            for n in ("1", "2"):
                (run,) = results["throughput"][kind][sampler][n]["runs"]
                assert run["n_trials"] == 6
                assert run["trials_per_s"] > 0
                assert sampler != "linas" or run["n_distinct"] == 6
    assert {row["storage"] for row in results["paper"]} == {"journal"}
    assert capsys.readouterr().out.strip() == tables(results).strip()


def test_both_benchmarks_of_many_workers_know_the_same_samplers() -> None:
    assert idle.SAMPLERS is throughput.SAMPLERS
    for name, make in throughput.SAMPLERS.items():
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=make(0))
        study.optimize(Instant(3), n_trials=3)
        assert len(study.trials) == 3, name


def test_a_storage_without_its_server_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("benchmarks.scale.storages.import_module", missing)
    for kind in ("redis", "postgres", "grpc"):
        with pytest.raises(Unavailable, match="give the URL"), place_of(kind, tmp_path):
            pass


def test_what_is_counted() -> None:
    storage = CountingStorage(optuna.storages.InMemoryStorage())
    study = optuna.create_study(storage=storage)
    done, running = study.ask(), study.ask()
    running.suggest_int("x", 1, 9)
    study.tell(done, 1.0)
    storage.traffic = Traffic()
    for _ in range(3):
        storage.get_all_trials(study._study_id)
    seen = storage.traffic
    assert seen.calls == {"get_all_trials": 3}
    assert seen.n_trials_read == 1 + 3  # the finished one once
    study.set_user_attr("a:b:c", "x" * 98)
    assert (seen.n_writes, seen.bytes_written, seen.largest) == (1, 100, {"a:b": 100})
    before = seen.bytes_read
    assert study.user_attrs == {"a:b:c": "x" * 98}
    assert seen.bytes_read - before == len('{"a:b:c":""}') + 98
    assert seen.n_reads == 4
