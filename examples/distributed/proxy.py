"""Optuna's gRPC proxy in front of a database: workers talk to it, and it alone to the database.

    python proxy.py --storage postgresql+psycopg2://optuna:PASSWORD@database/optuna --port 13000

Its connections are neither encrypted nor checked: keep the port inside of the cluster's network.
"""

import argparse
import os

from optuna.storages import get_storage, run_grpc_proxy_server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--storage", default=os.environ.get("OPTUNA_STORAGE"))
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=13000)
    options = parser.parse_args()
    if not options.storage:
        parser.error("--storage or the variable OPTUNA_STORAGE says which database")
    run_grpc_proxy_server(get_storage(options.storage), host=options.host, port=options.port)


if __name__ == "__main__":
    main()
