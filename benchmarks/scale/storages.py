"""The storages that are compared: each opened by every worker, its server started for the run."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.storages import (
    BaseStorage,
    GrpcStorageProxy,
    InMemoryStorage,
    JournalStorage,
    get_storage,
)
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend

__all__ = ["KINDS", "Place", "Unavailable", "place_of"]

KINDS = ("memory", "sqlite", "journal", "redis", "postgres", "grpc")

_HOST = "127.0.0.1"


class Unavailable(Exception):
    """A storage cannot be used here; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where a storage is; goes to other processes.

    Attributes:
        kind: One of `KINDS`.
        address: A URL, a file, or a port of the proxy.
        proxy_pid: The process of the proxy.
    """

    kind: str
    address: str
    proxy_pid: int | None = None

    def open(self) -> BaseStorage:
        """Return a new connection; storages in memory are made by the caller and shared."""
        if self.kind == "memory":
            return InMemoryStorage()
        if self.kind == "journal":
            return JournalStorage(JournalFileBackend(self.address))
        if self.kind == "redis":
            return JournalStorage(JournalRedisBackend(self.address))
        if self.kind == "grpc":
            proxy = GrpcStorageProxy(host=_HOST, port=int(self.address))
            proxy.wait_server_ready(timeout=60)
            return proxy
        return get_storage(self.address)

    def close(self, storage: BaseStorage) -> None:
        """Give an opened connection back: a database has a hundred for all studies of a run."""
        opened: Any = storage
        if self.kind == "grpc":
            opened.close()
        elif self.kind in ("sqlite", "postgres"):
            opened.remove_session()
            opened._backend.engine.dispose()

    def server_pids(self, storage: BaseStorage) -> tuple[int, ...]:
        """Return the server's processes, where it is one of this machine; else none."""
        if self.proxy_pid is not None:
            return (self.proxy_pid,)
        pids: list[int] = []
        if self.kind == "postgres":
            backend: Any = storage
            query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            with backend._backend.engine.connect() as connection:
                pids = [row[0] for row in connection.execute(sqlalchemy.text(query))]
        elif self.kind == "redis":
            client = import_module("redis").Redis.from_url(self.address)
            with contextlib.closing(client):
                pids = [client.info("server")["process_id"]]
        return tuple(pid for pid in pids if Path(f"/proc/{pid}/schedstat").is_file())


@contextlib.contextmanager
def place_of(
    kind: str, folder: Path, *, postgres: str | None = None, redis: str | None = None
) -> Iterator[Place]:
    """Start what a storage needs, and stop it again.

    Args:
        kind: One of `KINDS`.
        folder: Where files go.
        postgres: URL of a server that runs already; by default one is started.
        redis: Likewise.

    Raises:
        Unavailable: It cannot be used here.
    """
    with contextlib.ExitStack() as stack:
        if kind == "redis":
            yield Place(kind, redis or stack.enter_context(_server("redis")))
        elif kind == "postgres":
            yield Place(kind, postgres or stack.enter_context(_server("postgres")).url)
        elif kind == "grpc":
            url = postgres or stack.enter_context(_server("postgres")).url
            get_storage(url)  # The tables, before anybody needs them.
            port, pid = stack.enter_context(_proxy(url))
            yield Place(kind, str(port), pid)
        elif kind == "sqlite":
            yield Place(kind, f"sqlite:///{folder / 'study.db'}")
        else:
            yield Place(kind, str(folder / "study.log"))


@contextlib.contextmanager
def _server(name: str) -> Iterator[Any]:
    """A server of the tests' own: on loopback, in a temporary folder."""
    try:
        servers = import_module("tests.services.servers")
    except ImportError as error:
        raise Unavailable(
            f"{name}: give the URL of a server, or run from the repository's root ({error})"
        ) from None
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(getattr(servers, name)())
        except (servers.NotInstalled, servers.ServerFailed) as error:
            raise Unavailable(str(error)) from error
        yield server


@contextlib.contextmanager
def _proxy(url: str) -> Iterator[tuple[int, int]]:
    """Optuna's gRPC proxy in front of a database, in a process of its own."""
    try:
        import_module("grpc")
    except ImportError:
        raise Unavailable("grpcio is not installed (pip install grpcio protobuf)") from None
    with socket.create_server((_HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    code = (
        "import sys; from optuna.storages import get_storage, run_grpc_proxy_server; "
        f"run_grpc_proxy_server(get_storage(sys.argv[1]), host={_HOST!r}, port=int(sys.argv[2]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, url, str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield port, process.pid
        finally:
            process.terminate()
