from __future__ import annotations

import io

import pytest
from rich.console import Console

from optuna_linas.supernets.progress import EpochProgress


def shown(n_epochs: int, *, terminal: bool, visible: bool = True) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, force_jupyter=False, width=120)
    with EpochProgress(n_epochs, shown=visible, console=console) as progress:
        for epoch in range(n_epochs):
            progress.update(epoch, 0.5, "loss 9.0")
            progress.update(epoch, 1.0, f"loss {epoch + 1}.5")
    return out.getvalue()


def test_a_log_file_gets_a_plain_line_per_epoch() -> None:
    assert shown(2, terminal=False) == "epoch 1/2  loss 1.5\nepoch 2/2  loss 2.5\n"


def test_a_log_file_gets_ten_lines_at_most() -> None:
    lines = shown(200, terminal=False).splitlines()
    assert len(lines) == 10
    assert lines[0] == "epoch 20/200  loss 20.5"
    assert lines[-1] == "epoch 200/200  loss 200.5"


def test_a_terminal_gets_a_bar_that_ends_full() -> None:
    text = shown(3, terminal=True)
    assert "100%" in text
    assert "epoch 3/3  loss 3.5" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_when_not_wanted(terminal: bool) -> None:
    assert shown(3, terminal=terminal, visible=False) == ""
