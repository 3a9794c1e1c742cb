"""Servers that run as long as the tests do, one of each per process of pytest-xdist."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import servers
from tests.services.storages import (
    Database,
    GrpcProxy,
    JournalFile,
    Opens,
    RedisJournal,
    serve_proxy,
    sqlite,
)
from tests.services.workers import CONTEXT


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    try:
        with servers.postgres() as server:
            yield server.url
    except servers.NotInstalled as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    try:
        with servers.redis() as url:
            yield url
    except servers.NotInstalled as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def grpc_proxy(postgres_url: str) -> Iterator[GrpcProxy]:
    with running_proxy(postgres_url) as proxy:
        yield proxy


@contextlib.contextmanager
def running_proxy(url: str) -> Iterator[GrpcProxy]:
    """Run a proxy in front of a database, in a process of its own."""
    pytest.importorskip("grpc", reason="grpcio is not installed (pip install grpcio protobuf)")
    proxy = GrpcProxy(servers.HOST, servers.free_port())
    process = CONTEXT.Process(target=serve_proxy, args=(url, proxy.host, proxy.port))
    process.start()
    try:
        yield proxy
    finally:
        process.terminate()
        process.join()


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A folder in memory, where there is one: a commit to a slow disk takes most of the time."""
    memory = Path("/dev/shm")
    is_usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if is_usable else None) as name:
        yield Path(name)


@pytest.fixture
def storage_named(request: pytest.FixtureRequest, memory_folder: Path) -> Callable[[str], Opens]:
    """From the name of a storage to one that is empty; only its own server is started."""

    def named(name: str) -> Opens:
        if name == "sqlite":
            return sqlite(memory_folder)
        if name == "journal-file":
            return JournalFile(str(memory_folder / "study.journal"))
        if name == "redis":
            return RedisJournal(request.getfixturevalue("redis_url"), uuid.uuid4().hex)
        if name == "postgres":
            return Database(request.getfixturevalue("postgres_url"))
        assert name == "grpc-postgres"
        opens: GrpcProxy = request.getfixturevalue("grpc_proxy")
        return opens

    return named
