"""Runs the servers that the tests use until Ctrl-C, and prints their URLs: `make services`."""

from __future__ import annotations

import contextlib
import signal
import sys

from tests.services import servers


def main() -> int:
    """Start what is installed; 1 if nothing is."""
    # What `kill` and a closed terminal send: leave the servers behind in no case.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        lines = []
        try:
            database = stack.enter_context(servers.postgres())
            lines.append(f"PostgreSQL  {database.url}")
        except servers.NotInstalled as reason:
            print(f"PostgreSQL is left out: {reason}.", file=sys.stderr)
        try:
            lines.append(f"Redis       {stack.enter_context(servers.redis())}")
        except servers.NotInstalled as reason:
            print(f"Redis is left out: {reason}.", file=sys.stderr)
        if not lines:
            return 1
        print(*lines, "Ctrl-C stops them and removes what they hold.", sep="\n", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
