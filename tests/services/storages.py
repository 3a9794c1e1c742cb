"""The storages of the matrix, as picklable values that every worker opens for itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import optuna
from optuna.storages import (
    BaseStorage,
    GrpcStorageProxy,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
    get_storage,
)
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock, JournalRedisBackend

__all__ = [
    "Database",
    "GrpcProxy",
    "Heartbeats",
    "JournalFile",
    "Opens",
    "RedisJournal",
    "serve_proxy",
    "sqlite",
]


class Opens(Protocol):
    """Where a study is kept."""

    def open(self) -> BaseStorage:
        """Connect, as a process of its own would."""


@dataclass(frozen=True)
class Database:
    """PostgreSQL or SQLite.

    Attributes:
        url: The database.
        engine: Arguments of SQLAlchemy's engine.
    """

    url: str
    engine: dict[str, Any] = field(default_factory=dict)

    def open(self) -> BaseStorage:
        """Connect, with the cache that a URL gets from `optuna.create_study`."""
        return get_storage(RDBStorage(self.url, engine_kwargs=dict(self.engine)))


@dataclass(frozen=True)
class Heartbeats:
    """A database in which workers leave signs of life, and dead ones' trials are tried again."""

    url: str

    def open(self) -> BaseStorage:
        """Connect."""
        with _experimental():
            return get_storage(
                RDBStorage(
                    self.url,
                    heartbeat_interval=60,
                    heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=3),
                )
            )


def sqlite(folder: Path) -> Database:
    """A new SQLite file; it waits for its lock as long as eight busy workers need."""
    return Database(f"sqlite:///{folder}/study.db", {"connect_args": {"timeout": 120}})


@dataclass(frozen=True)
class JournalFile:
    """A journal in a file.

    Attributes:
        path: The file.
        grace_s: Seconds after which a lock that nobody releases is broken.
    """

    path: str
    grace_s: int = 30

    def open(self) -> BaseStorage:
        """Read the journal."""
        lock = JournalFileSymlinkLock(self.path, grace_period=self.grace_s)
        return JournalStorage(JournalFileBackend(self.path, lock_obj=lock))


@dataclass(frozen=True)
class RedisJournal:
    """A journal in Redis; `prefix` keeps the tests apart."""

    url: str
    prefix: str

    def open(self) -> BaseStorage:
        """Read the journal."""
        with _experimental():
            return JournalStorage(JournalRedisBackend(self.url, prefix=self.prefix))


@dataclass(frozen=True)
class GrpcProxy:
    """Optuna's proxy in front of a database."""

    host: str
    port: int

    def open(self) -> BaseStorage:
        """Connect once the proxy answers."""
        with _experimental():
            proxy = GrpcStorageProxy(host=self.host, port=self.port)
        proxy.wait_server_ready(timeout=60)
        return proxy


def serve_proxy(url: str, host: str, port: int) -> None:
    """Run a proxy until the process is ended."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _experimental():
        # A database that is restarted costs the proxy's clients nothing.
        storage = get_storage(RDBStorage(url, engine_kwargs={"pool_pre_ping": True}))
        optuna.storages.run_grpc_proxy_server(storage, host=host, port=port)


def _experimental() -> warnings.catch_warnings[Any]:
    return warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore")
