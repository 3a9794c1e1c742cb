"""How large a start and a batch are by default."""

from __future__ import annotations

import pytest

from optuna_linas.samplers.sizes import SHARE_OF_NAG, size_of_batch, size_of_first_fit


@pytest.mark.parametrize(
    ("n_trials", "n_running", "size"),
    [
        (12, 0, 5),
        (12, 7, 5),
        (12, 32, 8),
        (375, 32, 15),
        (20_000, 200, 100),
        (20_000, 600, 150),
        (20_000, 5_000, 250),
    ],
)
def test_a_batch_is_a_share_of_what_is_known_or_runs(
    n_trials: int, n_running: int, size: int
) -> None:
    assert size_of_batch(None, n_trials, n_running) == size
    assert size_of_batch(3, n_trials, n_running) == 3
    assert size_of_batch(None, 300, share=SHARE_OF_NAG) == 15


@pytest.mark.parametrize(("n_startup", "least"), [(None, 8), (0, 4), (5, 5), (12, 8), (1_000, 8)])
def test_a_start_goes_on_until_something_is_measured(n_startup: int | None, least: int) -> None:
    assert size_of_first_fit(n_startup) == least
