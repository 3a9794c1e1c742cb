"""PostgreSQL, Redis and Optuna's gRPC proxy on loopback, started for a while and then removed.

The programs are Debian's (packages postgresql and redis-server) or whatever is on the PATH. Each
server gets a free port and a temporary folder of its own, asks for no password, and is reachable
from this machine only.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = [
    "HOST",
    "NotInstalled",
    "Postgres",
    "ServerFailed",
    "find_program",
    "free_port",
    "postgres",
    "redis",
]

HOST = "127.0.0.1"

_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/local/pgsql/bin", "opt/homebrew/bin")
"""Where Debian and others keep what they leave out of the PATH."""

_READY_S = 60.0
_UNPRIVILEGED = ("postgres", "nobody")


class NotInstalled(Exception):
    """A server program or its Python driver is missing; the message says how to get it."""


class ServerFailed(RuntimeError):
    """A server ended, or did not answer, instead of starting; the message has its last words."""


def find_program(name: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        NotInstalled: It is neither on the PATH nor where its package puts it.
    """
    found = shutil.which(name)
    if found is None:
        places = [place for folder in _FOLDERS for place in Path("/").glob(f"{folder}/{name}")]
        found = str(max(places, key=_version)) if places else None
    if found is None:
        raise NotInstalled(f"{name} is not installed (Debian, Ubuntu: apt install {package})")
    return found


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


class Postgres:
    """A PostgreSQL server with an empty database, which can be restarted.

    As root it runs under an unprivileged account, because PostgreSQL refuses to run as root.

    Attributes:
        url: For `optuna.storages.RDBStorage`.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import psycopg2  # noqa: F401
        except ImportError:
            raise NotInstalled("psycopg2 is not installed (pip install psycopg2-binary)") from None
        self._program = find_program("postgres", "postgresql")
        initdb = find_program("initdb", "postgresql")
        self._folder = folder
        self._account = _unprivileged()
        if self._account is not None:
            shutil.chown(folder, self._account)
        options = {"-D": str(folder / "data"), "-U": "optuna", "-A": "trust", "-E": "UTF8"}
        flags = ["--locale=C", "--no-sync"]
        _run_once([initdb, *_words(options), *flags], folder, self._account)
        self._port = free_port()
        self.url = f"postgresql+psycopg2://optuna@{HOST}:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        folder = str(self._folder)
        options = {"-D": f"{folder}/data", "-p": str(self._port), "-h": HOST, "-k": folder}
        # Durability against a loss of power is not what is tested, and costs most of the time.
        flags = ["-c", "fsync=off", "-c", "full_page_writes=off"]
        command = [self._program, *_words(options), *flags]
        self._process = _started(command, self._folder, self._account, self._answers)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends all connections, SIGQUIT is as good as a crash."""
        if self._process is not None:
            _stopped(self._process, how)
            self._process = None

    def _answers(self) -> bool:
        import psycopg2

        try:
            psycopg2.connect(host=HOST, port=self._port, user="optuna", dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run PostgreSQL.

    Raises:
        NotInstalled: It or its driver is missing.
        ServerFailed: It did not start.
    """
    with _folder() as folder:
        server = Postgres(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run Redis and yield its URL.

    Raises:
        NotInstalled: It or its driver is missing.
        ServerFailed: It did not start.
    """
    try:
        import redis as driver
    except ImportError:
        raise NotInstalled("redis is not installed (pip install redis)") from None
    program = find_program("redis-server", "redis-server")
    port = free_port()
    url = f"redis://{HOST}:{port}"

    def answers() -> bool:
        with contextlib.closing(driver.Redis.from_url(url)) as client:
            try:
                return bool(client.ping())
            except driver.ConnectionError:
                return False

    with _folder() as folder:
        # It is not written to disk: it lasts as long as the tests.
        options = {"--bind": HOST, "--port": str(port), "--save": "", "--appendonly": "no"}
        process = _started([program, *_words(options)], folder, None, answers)
        try:
            yield url
        finally:
            _stopped(process, signal.SIGTERM)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder outside of pytest's own, into which an unprivileged account cannot look."""
    with tempfile.TemporaryDirectory(prefix="optuna-linas-") as name:
        yield Path(name)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NotInstalled(
        f"PostgreSQL does not run as root, and none of the accounts {_UNPRIVILEGED} exists"
    )


def _run_once(command: list[str], folder: Path, account: str | None) -> None:
    done = subprocess.run(command, cwd=folder, user=account, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise ServerFailed(f"{command[0]} ended with {done.returncode}:\n{said[-2000:]}")


def _started(
    command: list[str], folder: Path, account: str | None, answers: Callable[[], bool]
) -> subprocess.Popen[bytes]:
    log = folder / "log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, cwd=folder, user=account, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    end_s = time.monotonic() + _READY_S
    while not answers():
        if process.poll() is not None or time.monotonic() > end_s:
            process.kill()
            process.wait()
            said = log.read_text(errors="replace")
            raise ServerFailed(f"{command[0]} did not start:\n{said[-2000:]}")
        time.sleep(0.02)
    return process


def _stopped(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _words(options: dict[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]


def _version(program: Path) -> tuple[int, ...]:
    """Of /usr/lib/postgresql/15/bin/postgres: 15."""
    return tuple(int(part) for part in program.parts if part.isdecimal())
