"""The README's picture."""

import json
from pathlib import Path

import pytest

from benchmarks import front_page

RESULTS = {
    "problems": {
        "some-problem": {
            "targets": {"LINAS@250": 0.5},
            "samplers": {
                name: {
                    "seeds": [0, 1],
                    "n_evaluations": 20,
                    "curve": {
                        "mean": [height * i / 20 for i in range(1, 21)],
                        "standard_error": [0.01] * 20,
                    },
                    "evaluations_to": {
                        "LINAS@250": {"mean": 11.0, "standard_error": 1.0, "n_reached": n_reached}
                    },
                }
                for name, height, n_reached in (("linas", 0.9, 2), ("tpe", 0.4, 0))
            },
        }
    }
}


def texts(problems: list[str]) -> list[str]:
    return [note.text for note in front_page.draw(RESULTS, problems).layout.annotations]


def test_lines_are_named_at_their_ends_and_the_lead_is_the_table_s() -> None:
    found = texts(["some-problem"])
    assert "<b>LINASSampler</b>" in found
    assert "TPE" in found
    assert "after 11 ± 1, not 20" in found


def test_names_do_not_overlap() -> None:
    results = json.loads(json.dumps(RESULTS))
    samplers = results["problems"]["some-problem"]["samplers"]
    samplers["nsga2"] = samplers["tpe"]
    notes = front_page.draw(results, ["some-problem"]).layout.annotations
    heights = {note.text: note.y for note in notes}
    assert abs(heights["TPE"] - heights["NSGA-II"]) > 0.01


def test_a_lead_that_not_every_seed_has_is_not_claimed() -> None:
    results = json.loads(json.dumps(RESULTS))
    found = results["problems"]["some-problem"]["samplers"]["linas"]["evaluations_to"]
    found["LINAS@250"]["n_reached"] = 1
    notes = front_page.draw(results, ["some-problem"]).layout.annotations
    assert not any(", not" in note.text for note in notes)


def test_a_missing_problem_names_the_command() -> None:
    with pytest.raises(ValueError, match=r"run benchmarks\.samplers with --problems other"):
        front_page.draw(RESULTS, ["other"])


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    arguments = [str(tmp_path / "results.json"), str(tmp_path / "picture.html")]
    assert front_page.main([*arguments, "--problems", "some-problem"]) == 0
    assert "LINASSampler" in (tmp_path / "picture.html").read_text()
