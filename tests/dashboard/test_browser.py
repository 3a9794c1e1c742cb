"""The real dashboard, opened in a real browser: is it there, does it sort, are there errors?

Skips without Chromium. The README's picture is taken by `python -m tests.dashboard.picture`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import plotly.graph_objects as go
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.picture import write_page
from optuna_linas.dashboard import publish
from tests.dashboard.browser import CHROMIUM, Dashboard, opened
from tests.dashboard.searches import searched

sync_playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed"
).sync_playwright

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH: apt install chromium"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[optuna.Study, Path, Path]:
    """A searched and published study, its storage, and the folder with its files."""
    folder = tmp_path_factory.mktemp("dashboard")
    journal, files = folder / "study.log", folder / "files"
    files.mkdir()
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = searched("linas", n_trials=40, storage=storage)
    publish(study, artifact_store=FileSystemArtifactStore(files))
    return study, journal, files


@pytest.fixture(scope="module")
def dashboard(published: tuple[optuna.Study, Path, Path]) -> Iterator[Dashboard]:
    with opened(*published) as found:
        yield found


def test_a_picture_s_page_is_as_wide_as_the_window(tmp_path: Path) -> None:
    write_page([go.Figure(layout={"width": 1200, "height": 700})] * 2, tmp_path / "p.html", "two")
    with sync_playwright() as driver:
        # With a scroll bar, which takes of the width and which a headless browser would hide.
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu"],
            ignore_default_args=["--hide-scrollbars"],
        )
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.goto((tmp_path / "p.html").as_uri())
        page.locator(".main-svg").nth(3).wait_for(state="attached")
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        browser.close()


def test_the_figures_are_drawn_with_their_points(dashboard: Dashboard) -> None:
    page = dashboard.open("")
    for figure_id, title in (
        ("search-progress", "Search progress of phone"),
        ("hypervolume", "Hypervolume against evaluations"),
        ("predictor-quality", "Predictions in phone"),
        ("architecture", "Networks on the front of phone"),
        ("network", "A network of phone"),
        ("parallel", "Options and values in phone"),
    ):
        place = page.locator(f"[id='user-defined-plot:{figure_id}']")
        place.locator(".gtitle").wait_for()
        assert title in (place.locator(".gtitle").text_content() or "")
        drawn = place.locator(".trace, .heatmaplayer image, .shapelayer path")
        drawn.first.wait_for(state="attached")
    points = page.locator("[id='user-defined-plot:search-progress'] path.point")
    assert points.count() >= 40
    assert dashboard.errors == []


def test_the_note_says_what_is_to_be_known(dashboard: Dashboard) -> None:
    page = dashboard.open("/note")
    page.get_by_role("heading", name="Best trade-offs").wait_for()
    shown = page.locator("body").inner_text()
    for words in ("LINASSampler", "different networks", "Kendall's τ", "40 complete"):
        assert words in shown
    assert page.locator("table").count() == 3
    assert "optuna-linas-begin" not in shown  # the marks of our part
    assert dashboard.errors == []


def test_the_latency_column_is_there_and_sorts(dashboard: Dashboard) -> None:
    page = dashboard.open("/smartSelection")
    head = page.locator("th", has_text="UserAttribute latency_ms")
    head.wait_for()
    heads = page.locator("th").all_text_contents()
    (column,) = [i for i, text in enumerate(heads) if text.startswith("UserAttribute latency_ms")]
    cells = page.locator(f"tbody tr td:nth-child({column + 1})")
    cells.first.wait_for()

    def shown() -> list[float]:
        return [float(text) for text in cells.all_inner_texts()]

    as_measured = shown()
    assert len(as_measured) == 40
    assert as_measured not in (sorted(as_measured), sorted(as_measured, reverse=True))
    orders = []
    for _ in range(2):
        head.locator("span, .MuiTableSortLabel-root").first.click()
        orders.append(shown())
    assert sorted(orders) == [sorted(as_measured), sorted(as_measured, reverse=True)]
    assert dashboard.errors == []


def test_a_trial_has_its_note_and_its_picture(
    dashboard: Dashboard, published: tuple[optuna.Study, Path, Path]
) -> None:
    number = min(published[0].best_trials, key=lambda trial: trial.values[1]).number
    page = dashboard.open(f"/trials?numbers={number}")
    page.get_by_role("heading", name=f"Trial {number}, on the Pareto front").wait_for()
    picture = page.locator(f"img[alt='trial-{number}.svg'], img[src*='artifacts']").first
    picture.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('img')].some("
        "i => i.src.includes('/artifacts/') && i.naturalWidth > 0)"
    )
    assert dashboard.errors == []
