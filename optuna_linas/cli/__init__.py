"""The command line: `optuna-linas search | report | generate | measure | export`.

Nothing that takes long to import is imported here or at the top of a command's module, so that
`--help` answers at once.
"""

from optuna_linas.cli.program import main

__all__ = ["main"]
