"""Things that a user's file defines: `FILE.py:NAME`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from optuna_linas.cli.failures import Failure, WrongUse

__all__ = ["find_source", "is_source", "load_source"]


def is_source(text: str) -> bool:
    """Whether a text names something in a file.

    Example:
        >>> is_source("train.py:objective"), is_source("elastic-cnn")
        (True, False)
    """
    return text.rpartition(":")[0].endswith(".py")


def find_source(text: str) -> tuple[Path, str]:
    """Return the file that a text names, and the name in it, without running the file.

    Args:
        text: `FILE.py:NAME`.

    Raises:
        WrongUse: It is not written like this, or there is no such file.
    """
    path_text, _, name = text.rpartition(":")
    if not path_text.endswith(".py") or not name:
        raise WrongUse(f"Expected FILE.py:NAME, such as train.py:objective; got {text!r}.")
    path = Path(path_text)
    if not path.is_file():
        raise WrongUse(f"There is no file {path}.")
    return path, name


def load_source(text: str) -> Any:
    """Return what a file defines, running the file as a module.

    Its folder goes on the module search path, as with `python FILE.py`.

    Args:
        text: `FILE.py:NAME`.

    Raises:
        WrongUse: It is not written like this, there is no such file, or no such name in it.
        Failure: The file raises an error.
    """
    path, name = find_source(text)
    module = _run(path.resolve())
    if not hasattr(module, name):
        known = sorted(
            n for n in vars(module) if not n.startswith("_") and callable(vars(module)[n])
        )
        raise WrongUse(f"{path} defines no {name!r}; it has {', '.join(known[:12]) or 'nothing'}.")
    return getattr(module, name)


def _run(path: Path) -> Any:
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Under its name, so that what it defines can be pickled.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if click.get_current_context().find_root().params.get("traceback"):
            raise
        raise Failure(f"{path} cannot be run: {type(error).__name__}: {error}") from None
    return module
