"""`python -m optuna_linas.cli`."""

from optuna_linas.cli.program import main

main(prog_name="optuna-linas")
