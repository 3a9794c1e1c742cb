import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from optuna_linas.seeding import derive_rng


def draw(seed: int, *purpose: Any) -> int:
    return int(derive_rng(seed, *purpose).integers(2**63))


@pytest.mark.parametrize(
    "other",
    [
        (1, "startup", 3),
        (0, "startup", 4),
        (0, "batch", 3),
        (0, 3, "startup"),
        (0, "startup", "3"),
        (0, "startup"),
        (0, "startup3"),
        (0, "startup", 3, 0),
        (-1, "startup", 3),
        (0,),
    ],
)
def test_another_seed_or_purpose_gives_another_stream(other: tuple[Any, ...]) -> None:
    assert draw(*other) == draw(*other) != draw(0, "startup", 3)


def test_an_index_out_of_an_array_is_the_same_purpose() -> None:
    assert draw(0, "slot", 3) == draw(0, "slot", np.int64(3)) == draw(np.int64(0), "slot", 3)
    assert draw(10**30, "slot", 0) == draw(10**30, "slot", 0) != draw(10**30 + 1, "slot", 0)


def test_a_purpose_is_words_and_indices() -> None:
    with pytest.raises(TypeError):
        derive_rng(0, 0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        derive_rng(0.5, "startup")  # type: ignore[arg-type]


def test_the_streams_are_the_same_in_every_process() -> None:
    code = (
        "from optuna_linas.seeding import derive_rng; print(derive_rng(7, 'a', 1).integers(2**63))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert int(found) == draw(7, "a", 1)


def test_the_streams_of_neighbouring_slots_are_not_alike() -> None:
    rows = np.array([derive_rng(0, "slot", i).random(50) for i in range(200)])
    correlation = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(correlation).max() < 0.75
    assert abs(rows.mean() - 0.5) < 0.02


def test_global_generators_are_left_alone() -> None:
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    draw(0, "a")
    assert before == (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
