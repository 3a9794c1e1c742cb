"""Imported once by the process that workers are forked from: what they would import each."""

import os

# Before numpy is loaded, and with it for all that are forked: they share the cores.
os.environ["OMP_NUM_THREADS"] = "1"

import contextlib
import importlib

_NAMES = """
    tests.services.workers tests.services.matrix tests.services.faults
    optuna_linas.nag pymoo.optimize scipy.optimize scipy.linalg
    optuna.storages._rdb.storage alembic psycopg2
    sqlalchemy.dialects.postgresql sqlalchemy.dialects.sqlite
    optuna.storages._grpc.client optuna.storages._grpc.servicer redis
"""

for _name in _NAMES.split():
    with contextlib.suppress(ImportError):
        importlib.import_module(_name)
