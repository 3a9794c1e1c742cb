"""The real dashboard, opened in a real browser: is it there, does it sort, are there errors?

Skips without Chromium. With the environment variable OPTUNA_LINAS_SCREENSHOT it writes a picture
of the page into that file.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from optuna_linas.dashboard import publish
from tests.dashboard.searches import searched

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
_CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = [
    pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium on the PATH: apt install chromium"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]

_WAIT_MS = 60_000
"""A busy machine draws slowly; nothing waits so long where it is not."""


@dataclass
class Dashboard:
    """A study's page in a running dashboard, and a browser that notes what goes wrong in it."""

    url: str
    page: playwright.Page
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> playwright.Page:
        """Show one of the study's pages."""
        self.page.goto(f"{self.url}{path}")
        return self.page


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
    study, journal, files = published
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server_url = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).parent / "optuna-dashboard"
    address = ["--host", "127.0.0.1", "--port", str(port)]
    command = [str(program), str(journal), *address, "--artifact-dir", str(files)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{server_url}/api/studies", server)
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(_WAIT_MS)
            found = Dashboard(f"{server_url}/dashboard/studies/{study._study_id}", page)
            page.on("console", lambda m: found.errors.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: found.errors.append(str(error)))
            yield found
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"optuna-dashboard ended with {server.returncode}.")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"{url} does not answer.")


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
    if picture := os.environ.get("OPTUNA_LINAS_SCREENSHOT"):
        _picture_of_the_figures(page, picture)


def _picture_of_the_figures(page: playwright.Page, path: str) -> None:
    """What the README shows: the page where its last four figures are."""
    page.set_viewport_size({"width": 1400, "height": 1090})
    figures = page.locator("[id^='user-defined-plot:']")
    figures.nth(figures.count() - 4).evaluate("figure => figure.scrollIntoView({block: 'start'})")
    page.evaluate("document.scrollingElement.scrollBy(0, -100)")  # from under the title bar
    page.wait_for_timeout(2000)  # plotly draws anew
    page.screenshot(path=path)
    from PIL import Image

    Image.open(path).quantize(128).save(path, optimize=True)  # a third of the bytes


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
