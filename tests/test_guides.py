"""The code that the documentation shows is the code that runs here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parents[1]
GUIDES = sorted((ROOT / "examples" / "guides").glob("*.md"))
PAGES = [
    page
    for folder in ("", "benchmarks/", "docs/", "examples/**/")
    for page in sorted(ROOT.glob(f"{folder}*.md"))
]


def run_code(path: Path, **names: Any) -> dict[str, Any]:
    """Run every Python block of a page, in order and in one namespace; returns the namespace."""
    document = Document.parse(str(path), PythonCodeBlockParser())
    document.namespace.update(names)
    blocks = list(document.examples())
    assert len(blocks) == path.read_text().count("```python\n") > 0
    for block in blocks:
        block.evaluate()
    return document.namespace


@pytest.fixture
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@pytest.mark.usefixtures("_empty_folder")
@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_the_code_of_a_guide_runs(path: Path) -> None:
    run_code(path)


@pytest.mark.usefixtures("_empty_folder")
def test_the_code_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reader's own names supplied, and 25 trials in the place of 150."""
    optimize = optuna.Study.optimize
    asked: list[int] = []

    def fewer(
        study: optuna.Study, objective: Callable[..., Any], n_trials: int, callbacks: Any = ()
    ) -> None:
        asked.append(n_trials)
        optimize(study, objective, n_trials=10 if callbacks else 25, callbacks=callbacks)

    monkeypatch.setattr(optuna.Study, "optimize", fewer)
    images = torch.rand(32, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    batches = [(images, torch.arange(32) % 10)]
    names = run_code(
        ROOT / "README.md",
        build=lambda depth, width: depth * width,
        accuracy=lambda model: 1 - 1 / model,
        latency_ms=lambda model: 0.1 * model,
        train_loader=batches,
        val_loader=batches,
    )
    assert asked == [150, 150, 150]
    assert isinstance(names["network"], torch.nn.Module)
    assert names["best"].params.keys() <= set(names["supernet"].space.names)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), f"{path.name} links to {target}"
        if heading:
            assert heading in _headings(page), f"{path.name} links to {target}"


def _headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_guide_is_listed() -> None:
    for page in (ROOT / "README.md", ROOT / "examples" / "README.md"):
        for guide in GUIDES:
            assert f"guides/{guide.name}" in page.read_text()
