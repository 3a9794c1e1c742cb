"""A study's page in the real dashboard, in a real browser."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

_WAIT_MS = 60_000
"""A busy machine draws slowly; nothing waits so long where it is not."""


@dataclass
class Dashboard:
    """A study's page in a running dashboard, and a browser that notes what goes wrong in it."""

    url: str
    page: Page
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Show one of the study's pages."""
        self.page.goto(f"{self.url}{path}")
        return self.page


@contextmanager
def opened(study: optuna.Study, journal: Path, files: Path) -> Iterator[Dashboard]:
    """Start the dashboard on a free port of this machine, and a browser.

    Args:
        study: What is to be seen.
        journal: The file of its storage.
        files: The folder of its artifacts.
    """
    from playwright.sync_api import sync_playwright

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).parent / "optuna-dashboard"
    address = ["--host", "127.0.0.1", "--port", str(port)]
    command = [str(program), str(journal), *address, "--artifact-dir", str(files)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{url}/api/studies", server)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(_WAIT_MS)
            found = Dashboard(f"{url}/dashboard/studies/{study._study_id}", page)
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
