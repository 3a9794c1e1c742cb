"""Every public name says what it is, takes, returns and raises, and shows it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import optuna_linas

_API = Path(__file__).parents[1] / "docs" / "api.py"
_ELSEWHERE = re.compile(
    r"\b(those of|as for|as in|as) `|\b(see|[Mm]ake one with) `|as for the class"
)
"""What says where the rest is."""


def _api() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_api", _API)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _public() -> dict[str, Any]:
    """Every public class and function, by its full name, once."""
    found: dict[int, tuple[str, Any]] = {}
    for module in _api().public_modules():
        for name in getattr(importlib.import_module(module), "__all__", ()):
            value = getattr(importlib.import_module(module), name)
            if inspect.isclass(value) or inspect.isfunction(value):
                found.setdefault(id(value), (f"{module}.{name}", value))
    return dict(found.values())


PUBLIC = _public()


def _methods(name: str, owner: type) -> Iterator[tuple[str, Any]]:
    """The public methods that a class defines itself, but for those that its base explains."""
    for key, value in vars(owner).items():
        if key.startswith("_"):
            continue
        if any(key in vars(base) for base in owner.__mro__[1:]):
            continue
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        function = function.fget if isinstance(function, property) else function
        if inspect.isfunction(function):
            yield f"{name}.{key}", value


def _everything() -> dict[str, Any]:
    methods = {
        key: value
        for name, owner in PUBLIC.items()
        if inspect.isclass(owner)
        for key, value in _methods(name, owner)
    }
    return PUBLIC | methods


EVERYTHING = _everything()


def _text(value: Any) -> str:
    return inspect.getdoc(value) or ""


def _function(value: Any) -> Any:
    return value.__func__ if isinstance(value, classmethod | staticmethod) else value


def _parameters(value: Any) -> list[str]:
    if isinstance(value, property):
        return []
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.init]
    elif inspect.isclass(value):
        made = vars(value).get("__init__")
        is_own = inspect.isfunction(made) and not getattr(value, "_is_protocol", False)
        names = list(inspect.signature(made).parameters)[1:] if is_own else []
    else:
        names = [n for n in inspect.signature(_function(value)).parameters if n != "self"]
        names = [n for n in names if n != "cls"]
    return [name for name in names if not name.startswith("_")]


def _raises(value: Any) -> bool:
    """Whether its own body raises what a user may meet."""
    function = value.fget if isinstance(value, property) else _function(value)
    if inspect.isclass(function):
        made = "__post_init__" if dataclasses.is_dataclass(function) else "__init__"
        function = None if getattr(value, "_is_protocol", False) else vars(function).get(made)
    if not inspect.isfunction(function):
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc for node in ast.walk(tree))


def _is_met(value: Any) -> bool:
    """Whether users do not call it: errors, warnings, and protocols, which others follow."""
    is_protocol = getattr(value, "_is_protocol", False)
    return inspect.isclass(value) and (issubclass(value, BaseException) or is_protocol)


def test_there_is_much_to_see() -> None:
    assert {f"optuna_linas.{name}" for name in optuna_linas.__all__} <= set(PUBLIC)
    assert len(PUBLIC) > 100


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_says_what_it_is(name: str) -> None:
    value = EVERYTHING[name]
    text = _text(value)
    summary = text.split("\n\n")[0]
    assert len(summary.split()) > 2, f"{name} has no docstring of its own"
    assert summary.rstrip().endswith((".", ":", "?")), f"{name}: {summary!r} is no sentence"
    if _ELSEWHERE.search(text):
        return
    parameters = _parameters(value)
    missing = [p for p in parameters if not re.search(rf"\b{re.escape(p)}\b", text)]
    assert not missing or (len(parameters) == 1 and "Args:" not in text), (
        f"{name} says nothing of {missing}"
    )
    if len(parameters) > 1:
        assert re.search(r"^(Args|Attributes):", text, re.MULTILINE), f"{name} has no Args section"
    if _raises(value):
        assert re.search(r"^(Raises|Warns):", text, re.MULTILINE), f"{name} does not say its errors"


@pytest.mark.parametrize("name", [n for n, v in EVERYTHING.items() if not inspect.isclass(v)])
def test_it_says_what_it_returns(name: str) -> None:
    value = EVERYTHING[name]
    text = _text(value)
    function = value.fget if isinstance(value, property) else _function(value)
    returned = inspect.signature(function).return_annotation
    if isinstance(value, property) or returned in (None, "None", inspect.Signature.empty):
        return
    says = re.search(r"^(Returns|Yields):", text, re.MULTILINE) or re.search(
        r"\b[Rr]eturns?\b", text.split("\n\n")[0]
    )
    assert says or _ELSEWHERE.search(text), f"{name} returns {returned} and does not say so"


@pytest.mark.parametrize("name", [n for n, v in PUBLIC.items() if not _is_met(v)])
def test_it_has_an_example(name: str) -> None:
    text = _text(PUBLIC[name])
    assert ">>>" in text, f"{name} has no example"
