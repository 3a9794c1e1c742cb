from typing import Any

import numpy as np
import pytest

from benchmarks.overhead import measure_overhead, overhead_table
from benchmarks.problems import make_problem
from benchmarks.verdicts import verdicts


def sampler(at: dict[int, list[float]], *, to: list[int | None], ms: float) -> dict[str, Any]:
    n = max(at)
    counted = [n if first is None else first for first in to]
    return {
        "seeds": list(range(len(to))),
        "n_evaluations": n,
        "hypervolume": {
            str(c): {"mean": float(np.mean(v)), "standard_error": 0.0, "by_seed": v}
            for c, v in at.items()
        },
        "evaluations_to": {
            target: {
                "mean": float(np.mean(counted)),
                "standard_error": 1.0,
                "by_seed": to,
                "n_reached": sum(t is not None for t in to),
                "is_lower_bound": None in to,
            }
            for target in ("LINAS@250", "NSGA-II@2000")
        },
        "seconds_per_trial": {"until": {str(c): ms / 1000 for c in at}},
    }


def results(problem: str, n_networks: int = 10**9, **samplers: Any) -> dict[str, Any]:
    named = {name.replace("_", "-"): figures for name, figures in samplers.items()}
    return {"problems": {problem: {"n_networks": n_networks, "samplers": named}}}


def holds(found: list[dict[str, Any]]) -> dict[str, bool | None]:
    return {verdict["claim"]: verdict["holds"] for verdict in found}


OURS = sampler({50: [0.8, 0.9], 100: [0.9, 0.9], 250: [1.0, 1.0]}, to=[55, 65], ms=8.0)


def test_a_large_problem_and_its_twin_have_limits_of_their_own() -> None:
    assert holds(verdicts(results("ofa-mbv3-i7", linas=OURS))) == {
        "LINAS@250 within 60 evaluations": True
    }
    late = sampler({250: [1.0, 1.0]}, to=[55, 75], ms=8.0)
    assert holds(verdicts(results("ofa-mbv3-i7", linas=late))) == {
        "LINAS@250 within 60 evaluations": False
    }
    for twin in ("ofa-mbv3-i7-anonymous", "ofa-mbv3-i7-anonymous-text"):
        assert holds(verdicts(results(twin, linas=late))) == {
            "LINAS@250 within 80 evaluations": True
        }


def test_a_search_that_never_arrives_does_not_hold() -> None:
    never = sampler({50: [0.5, 0.5]}, to=[20, None], ms=8.0)
    assert holds(verdicts(results("ofa-mbv3-note10", linas=never))) == {
        "LINAS@250 within 60 evaluations": None,  # 50 evaluations cannot tell
        "NSGA-II@2000 within 100 evaluations": None,
    }
    longer = sampler({100: [0.5, 0.5]}, to=[20, None], ms=8.0)
    found = verdicts(results("hwgpt-s-h100", linas=longer))
    assert holds(found) == {"LINAS@250 within 60 evaluations": False}
    assert "> 60.0" in found[0]["measured"]
    assert "1 of 2 seeds" in found[0]["measured"]


def test_small_tables_are_compared_with_the_paper_and_tpe_by_seed() -> None:
    paper = sampler({50: [0.7, 0.7], 100: [0.95, 0.9]}, to=[None, None], ms=20.0)
    found = verdicts(results("my-table", 15_625, linas=OURS, linas_paper=paper))
    assert holds(found) == {
        "hypervolume at 50 not below linas-paper's": True,
        "hypervolume at 100 not below linas-paper's": False,
        "hypervolume at 200 not below linas-paper's": None,
    }
    difference = found[0]["difference"]
    assert difference["by_seed"] == {"0": pytest.approx(0.1), "1": pytest.approx(0.2)}
    assert difference["mean"] == pytest.approx(0.15)
    assert not verdicts(results("my-table", 10**6, linas=OURS, linas_paper=paper))


def test_equal_is_not_below() -> None:
    found = verdicts(results("my-table", 100, linas=OURS, tpe=OURS))
    assert holds(found)["hypervolume at 100 not below tpe's"] is True


def test_gp_is_compared_over_its_own_length_and_seeds() -> None:
    gp = sampler({50: [0.7], 100: [0.8]}, to=[None], ms=900.0)
    found = holds(verdicts(results("hwgpt-s-h100-anonymous", linas=OURS, gp=gp)))
    assert found["hypervolume at 50 not below gp's"] is True
    assert found["at most 1/100 of gp's time per trial"] is True
    quick = sampler({100: [0.8]}, to=[None], ms=700.0)
    found = holds(verdicts(results("hwgpt-s-h100-anonymous", linas=OURS, gp=quick)))
    assert found["at most 1/100 of gp's time per trial"] is False


def test_without_ours_there_is_nothing_to_judge() -> None:
    assert not verdicts(results("ofa-mbv3-i7", gp=OURS))


@pytest.mark.parametrize(
    ("at_250", "at_1000", "expected"),
    [(20.0, 40.0, [True, True, True]), (20.0, 55.0, [True, False, False])],
)
def test_the_overhead_has_three_limits(at_250: float, at_1000: float, expected: list[bool]) -> None:
    until = {
        "250": {"mean": at_250, "standard_error": None},
        "1000": {"mean": at_1000, "standard_error": 0.5},
    }
    overhead = {"problem": "p", "samplers": {"linas": {"ms_per_trial": until}}}
    found = verdicts({"problems": {}, "overhead": overhead})
    assert [verdict["holds"] for verdict in found] == expected


def test_overhead_is_measured_and_shown() -> None:
    problem = make_problem("generated-fronts-0", None)
    found = measure_overhead(problem, ["random"], n_evaluations=60, seeds=[0, 1])
    assert list(found["samplers"]["random"]["ms_per_trial"]) == ["50", "60"]
    assert found["n_variables"] == 20
    assert overhead_table(found).row_count == 1
