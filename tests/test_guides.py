"""The code that the documentation shows is the code that runs here."""

from __future__ import annotations

import copy
import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser
from torch import nn

from optuna_linas.cli import main as optuna_linas_command
from optuna_linas.supernets import recalibrate_batch_norm

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


def is_calibrated(network: nn.Module, batches: Any) -> bool:
    """Whether the statistics of its batch norms are its own: taken again, they stay."""
    again = recalibrate_batch_norm(copy.deepcopy(network), batches).state_dict()
    return all(torch.allclose(each, again[name]) for name, each in network.state_dict().items())


@pytest.fixture
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@pytest.mark.usefixtures("_empty_folder")
@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_the_code_of_a_guide_runs(path: Path) -> None:
    names = run_code(path)
    if path.stem == "budgets":
        assert is_calibrated(names["network"], names["train"])
        assert names["best"].user_attrs["macs"] <= names["budget"]


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
    assert is_calibrated(names["network"], batches)
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


def _commands(text: str) -> list[list[str]]:
    """The words of every command of the package in console blocks and in the running text."""
    joined = text.replace("\\\n", " ")
    blocks = re.findall(r"```(?:console|bash)\n(.*?)```", joined, flags=re.DOTALL)
    prose = re.sub(r"```.*?```", "", joined, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`]+)`", prose.replace("\n", " "))
    commands = []
    for line in lines:
        words = shlex.split(line, comments=True) if line.count("'") % 2 == 0 else line.split()
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words[:2] == ["python", "-m"] or (words and words[0] in ("make", "optuna-linas")):
            commands.append(words)
    return commands


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_their_options_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for words in _commands(path.read_text()):
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words
        elif words[0] == "optuna-linas":
            _check_options(words, options)
        elif words[2].startswith(("benchmarks.", "tests.")):
            spec = importlib.util.find_spec(words[2])
            assert spec is not None, words
            assert spec.origin is not None
            home = Path(spec.origin)
            source = "".join(p.read_text() for p in [home, *home.parent.glob("*.py")])
            missing = {option for option in options if f'"{option}"' not in source}
            assert not missing, f"{path.name}: {' '.join(words)} has no {sorted(missing)}"


def _check_options(words: list[str], options: set[str]) -> None:
    if len(words) == 1 or words[1].startswith("-"):
        known, given = optuna_linas_command.params, options
    else:
        assert words[1] in optuna_linas_command.commands or "|" in words, words
        known = getattr(optuna_linas_command.commands.get(words[1]), "params", [])
        given = options
    names = {name for parameter in known for name in (*parameter.opts, *parameter.secondary_opts)}
    assert given <= names | {"--help", "--version"}, f"{words}: {sorted(given - names)}"


def test_commands_are_found() -> None:
    found = _commands((ROOT / "README.md").read_text())
    assert ["make", "demo"] in found
    assert any(words[:2] == ["optuna-linas", "search"] for words in found)
    assert any(words[:3] == ["python", "-m", "benchmarks.samplers"] for words in found)
