"""Opening a database that other workers may be making at this moment."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from optuna.storages import RDBStorage

__all__ = ["open_database"]

_ATTEMPTS = 30
_PAUSE_S = (0.05, 0.4)
_RACES = ("already exists", "database is locked")


def open_database(url: str, **options: Any) -> RDBStorage:
    """Return Optuna's storage in a database, also where several workers open a new one at once.

    Optuna looks which tables are missing and then creates them. Of workers that start at the same
    moment all but one find, in between, that a table "already exists", and would die of it. Here
    they look again after a short pause.

    Args:
        url: The database, as SQLAlchemy writes it.
        **options: Further arguments of `optuna.storages.RDBStorage`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database cannot be opened, for another reason or after
            30 attempts.
        RuntimeError: Another version of Optuna made its tables.

    Example:
        >>> import tempfile
        >>> import optuna
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     storage = open_database(f"sqlite:///{folder}/study.db")
        ...     optuna.create_study(storage=storage, study_name="search").study_name
        'search'
    """
    # Which worker waits how long decides nothing about a search: no seed is needed for it.
    pauses = random.Random()
    for _ in range(_ATTEMPTS - 1):
        try:
            return RDBStorage(url, **options)
        except Exception as error:
            if not _is_race(error):
                raise
        time.sleep(pauses.uniform(*_PAUSE_S))
    return RDBStorage(url, **options)


def _is_race(error: BaseException) -> bool:
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    # What opening inserts, the version of the tables, can only be there already.
    return any(
        isinstance(each, IntegrityError)
        or (isinstance(each, SQLAlchemyError) and any(words in str(each) for words in _RACES))
        for each in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was raised from; Optuna wraps what fails in a commit."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
