import json
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler

from benchmarks import ablations
from benchmarks.alike import alike
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.limits import best_within, latency_limits, ofa_results, summarise_limits
from benchmarks.ofa_search import GeneticSearch
from benchmarks.problems import make_problem
from benchmarks.searches import Search, search
from benchmarks.variants import STUDIES, VARIANTS, find_contender
from benchmarks.yardstick import Yardstick
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices(
    {"depth": [1, 2], **{f"width_{i}": [1, 2, 3] for i in range(5)}},
    {f"width_{i}": {"depth": [2]} for i in (3, 4)},
)


def total(archs: IntArray) -> FloatArray:
    widths: FloatArray = ((archs + 1) * SPACE.active(archs))[:, 1:].sum(axis=1).astype(float)
    return widths


def odd_one_out(archs: IntArray) -> FloatArray:
    """More is better, but a last layer of 3 beats everything of the same size."""
    return total(archs) + 0.5 * (archs[:, 5] == 2)


@pytest.mark.parametrize("limit", [4.0, 8.0, 12.0])
def test_ofas_search_finds_the_best_within_the_limit(limit: float) -> None:
    found = GeneticSearch(population_size=40, n_iterations=40)(
        SPACE, odd_one_out, total, limit, np.random.default_rng(0)
    )
    everything = np.stack(np.meshgrid(*map(np.arange, SPACE.n_options)), -1).reshape(-1, 6)
    archs = SPACE.canonical(everything)
    best = odd_one_out(archs)[total(archs) <= limit].max()
    assert total(found[None])[0] <= limit
    assert odd_one_out(found[None])[0] == best


def test_an_impossible_limit_gives_the_least_violating_network() -> None:
    found = GeneticSearch(population_size=20, n_iterations=20)(
        SPACE, odd_one_out, total, 1.0, np.random.default_rng(0)
    )
    assert total(found[None])[0] == 3


def test_ofas_search_repeats() -> None:
    found = [
        GeneticSearch(population_size=10, n_iterations=3)(
            SPACE, odd_one_out, total, 9.0, np.random.default_rng(seed)
        )
        for seed in (4, 4)
    ]
    np.testing.assert_array_equal(*found)


def test_the_best_within_limits() -> None:
    values = np.array([[70.0, 5.0], [75.0, 9.0], [74.0, 10.0], [np.nan, 1.0]])[:3]
    best = best_within(values, np.array([4.0, 5.0, 100.0]))
    np.testing.assert_array_equal(best, [np.nan, 70.0, 75.0])


def test_limits_are_summarised_by_method() -> None:
    problem = make_problem("generated-ops-0", None)
    front = np.array([[-90.0, 20.0], [-80.0, 10.0], [-70.0, 0.0]])
    measure = Yardstick(np.array([0.0, 30.0]), front, 1.0)
    np.testing.assert_allclose(latency_limits(measure), [4, 8, 12, 16])
    runs = [
        Search(np.array(values), np.zeros(2))
        for values in ([[60.0, 9.0], [65.0, 15.0]], [[62.0, 9.0], [61.0, 1.0]])
    ]
    found = summarise_limits(problem, measure, {"ours": runs}, [np.full(4, 64.0)] * 2)
    assert found["best_known"] == [70, 70, 80, 80]
    best = found["methods"]["ours"]["best"]
    assert [each["mean"] for each in best] == [61.0, 61.0, 61.0, 63.5]
    assert [each["standard_error"] for each in best][:1] == [None]  # one seed kept the limit
    assert found["methods"]["OFA's genetic search"]["n_evaluations"] == 1_004


def test_ofas_search_measures_what_it_says() -> None:
    problem = make_problem("generated-ops-0", None)
    measured: list[int] = []

    def counting(archs: IntArray) -> FloatArray:
        measured.append(len(archs))
        return problem.evaluate(archs)

    from dataclasses import replace

    limits = np.array([8.0, 40.0])
    quick = GeneticSearch(population_size=8, n_iterations=2)
    best = ofa_results(replace(problem, evaluate=counting), limits, 0, quick)
    assert best[0] <= best[1]
    assert measured[0] == 1_000
    assert measured[-1] == 2


def test_every_study_compares_what_there_is() -> None:
    for names in STUDIES.values():
        assert len(names) > 1
        for name in names:
            assert find_contender(name).ours == (name not in ("nsga2", "random", "tpe"))
    assert {name for name in VARIANTS if name.startswith("inner")} == {
        f"inner: {name}"
        for name in (
            *("nsga2", "nsga2, mutation 1/d", "agemoea", "unsga3", "ctaea", "moead", "motpe"),
            "ours",
        )
    }


def test_the_published_variants_are_the_paper(table: Path) -> None:
    """The variant that changes nothing asks for what `LINASSampler.paper` asks for."""
    problem = make_problem("generated-epistasis-0", None)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    values = [
        search(problem, find_contender(name).make(0), 60).values
        for name in ("linas-paper", "inner: nsga2", "predictor: ridge")
    ]
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])


def test_a_variant_differs_from_ours() -> None:
    problem = make_problem("generated-ops-0", None)
    ours, start, same = (
        search(problem, find_contender(name).make(0), 20).values
        for name in ("linas", "ours: random start", "ours: no optimism")
    )
    assert not np.array_equal(ours[:12], start[:12])
    np.testing.assert_array_equal(ours[:12], same[:12])


def test_searches_are_alike_that_measured_the_same_with_every_seed() -> None:
    def runs(*seeds: list[float]) -> dict[int, Search]:
        values = [np.array(values)[:, None] for values in seeds]
        return {seed: Search(each, np.zeros(len(each))) for seed, each in enumerate(values)}

    searches = {
        "a": runs([1.0, np.nan], [3.0, 4.0]),
        "b": runs([1.0, np.nan], [3.0, 5.0]),
        "c": runs([1.0, np.nan, 7.0], [3.0, 4.0, 8.0]),
    }
    assert alike(searches, dict.fromkeys(searches, 2)) == [["a", "c"]]
    assert alike(searches, dict.fromkeys(searches, 1)) == [["a", "b", "c"]]


def test_variants_that_had_only_their_start_are_said_to_compare_nothing(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ablations, "TARGET", {"LINAS@9": ("linas-paper", 9)})
    arguments = [
        *("--problems", f"{table}:accuracy,latency", "--seeds", "1", "--evaluations", "10"),
        *("--studies", "population", "--cache", str(table.parent / "cache")),
    ]
    assert ablations.main(arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "population: 10; population: 25; population: 50; population: 100 measured" in printed
    assert "50 trials of LINAS as published" in printed


def test_the_ablations_from_end_to_end(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def random(seed: int) -> RandomSampler:
        return RandomSampler(seed=seed)

    quick = {name: Contender(random, ours=name != "random") for name in ("linas", "linas-paper")}
    monkeypatch.setattr("benchmarks.tasks.CONTENDERS", {**CONTENDERS, **quick})
    monkeypatch.setattr(ablations, "TARGET", {"LINAS@9": ("linas-paper", 9)})
    monkeypatch.setattr(ablations, "STUDIES", {"long": ("linas", "random")})
    monkeypatch.setattr(ablations, "ONE_SHOT", ("random",))
    monkeypatch.setattr(ablations, "N_SAMPLES", 8)
    out, picture = table.parent / "out.json", table.parent / "picture.html"
    arguments = [
        *("--problems", f"{table}:accuracy,latency", "--seeds", "2", "--evaluations", "10"),
        *("--studies", "long", "one-shot", "--long-evaluations", "12", "--ofa-iterations", "2"),
        *("--cache", str(table.parent / "cache"), "--out", str(out), "--picture", str(picture)),
    ]
    assert ablations.main(arguments) == 0
    results = json.loads(out.read_text())
    (problem,) = results["studies"]["long"]["problems"].values()
    assert list(problem["samplers"]) == ["linas", "random"]
    assert "LINAS@9" in problem["targets"]
    (limits,) = results["limits"].values()
    assert next(iter(limits["methods"])) == "OFA's genetic search"
    assert len(limits["limits"]) == 4
    assert "plotly" in picture.read_text()
    assert "Ablation: long" in capsys.readouterr().out
