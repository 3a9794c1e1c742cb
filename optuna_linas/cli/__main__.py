"""`python -m optuna_linas.cli`."""

from optuna_linas.cli.program import main

if __name__ == "__main__":
    main(prog_name="optuna-linas")
