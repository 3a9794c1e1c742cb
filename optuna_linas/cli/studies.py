"""Which study a command is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optuna_linas.cli.failures import WrongUse

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

__all__ = ["DEFAULT_STORAGE", "dashboard_line", "load_study", "open_storage", "study_options"]

DEFAULT_STORAGE = "study.db"
_PROXY_TIMEOUT_S = 30
_Command = TypeVar("_Command", bound=Callable[..., Any])


def study_options(command: _Command) -> _Command:
    """Add the options that name a study."""
    options = [
        click.option(
            "--storage",
            default=DEFAULT_STORAGE,
            show_default=True,
            metavar="URL|FILE",
            help="Where the study is: a URL such as postgresql://..., a SQLite file, or a journal "
            "file (*.log).",
        ),
        click.option(
            "--study", "study_name", metavar="NAME", help="Its name, if there are several."
        ),
    ]
    for option in options[::-1]:
        command = option(command)
    return command


def open_storage(text: str, *, create: bool = False) -> BaseStorage:
    """Return the storage of a URL or a file.

    Args:
        text: A URL, a SQLite file, or a journal file that ends in .log or is written journal:FILE.
            Optuna's proxy is grpc://HOST:PORT, a journal in Redis redis://HOST:PORT.
        create: A file need not be there.

    Raises:
        WrongUse: There is no such file, or the storage cannot be opened.
    """
    from optuna.storages import GrpcStorageProxy, JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalRedisBackend

    from optuna_linas.databases import open_database

    kind, _, rest = text.partition(":")
    text = rest if kind == "journal" else text
    path = _file_of(text)
    if path is not None and not create and not path.is_file():
        raise WrongUse(
            f"There is no file {path}. Name the study's storage with --storage; a search makes one."
        )
    try:
        if kind == "redis":
            return JournalStorage(JournalRedisBackend(text))
        if kind == "grpc":
            host, _, port = rest.removeprefix("//").partition(":")
            proxy = GrpcStorageProxy(host=host, port=int(port or 13000))
            proxy.wait_server_ready(timeout=_PROXY_TIMEOUT_S)
            return proxy
        if path is None:
            return open_database(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".log" or kind == "journal":
            return JournalStorage(JournalFileBackend(str(path)))
        # Several workers may wait for one another.
        patient = {"connect_args": {"timeout": 60}}
        return open_database(f"sqlite:///{path}", engine_kwargs=patient)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WrongUse(f"The storage {text} cannot be opened: {reason[:300]}") from None


def load_study(storage: str, study_name: str | None) -> Study:
    """Return a study of a storage, the only one where none is named.

    Raises:
        WrongUse: There is no such study, or there are several.
    """
    import optuna

    opened = open_storage(storage)
    names = optuna.get_all_study_names(opened)
    if not names:
        raise WrongUse(f"{storage} has no study.")
    if study_name is None:
        if len(names) > 1:
            shown = ", ".join(sorted(names)[:10])
            raise WrongUse(f"{storage} has {len(names)} studies; choose with --study: {shown}.")
        study_name = names[0]
    if study_name not in names:
        shown = ", ".join(sorted(names)[:10])
        raise WrongUse(f"{storage} has no study {study_name!r}; it has {shown}.")
    return optuna.load_study(study_name=study_name, storage=opened)


def dashboard_line(storage: str) -> str:
    """Return the command that shows a storage in optuna-dashboard."""
    path = _file_of(storage)
    if path is None or path.suffix == ".log":
        return f"optuna-dashboard {storage}"
    return f"optuna-dashboard sqlite:///{path}"


def _file_of(text: str) -> Path | None:
    """The file that a text names; `None` for a URL of something else."""
    if text.startswith("sqlite:///"):
        return Path(text.removeprefix("sqlite:///"))
    return None if "://" in text else Path(text)
