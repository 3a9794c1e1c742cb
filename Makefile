# `make demo` and `make test` work on a fresh machine with Python >= 3.11, git and make.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint unit examples docs services clean

demo: .venv/installed
	$(BIN)/python examples/digits.py

test: lint unit examples docs

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two workers, each on one thread: the networks of the tests are too small for more.
unit: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

examples: .venv/installed-dev
	rm -rf .venv/example-output
	$(BIN)/python examples/existing_study.py
	OMP_NUM_THREADS=1 $(BIN)/python examples/digits.py --trials 25 --epochs 2 --out .venv/example-output
	OMP_NUM_THREADS=1 $(BIN)/python examples/digits.py --trials 30 --epochs 2 --out .venv/example-output
	OMP_NUM_THREADS=1 $(BIN)/python examples/population.py --population 4 --generations 2 --epochs 1 --out .venv/example-output/population
	OMP_NUM_THREADS=1 $(BIN)/python examples/population_gan.py --population 4 --generations 2 --epochs 1 --out .venv/example-output/gan
	OMP_NUM_THREADS=1 $(BIN)/python examples/budgets.py --trials 25 --epochs 2 --out .venv/example-output
	OMP_NUM_THREADS=1 $(BIN)/python examples/ofa_mobilenet.py --epochs 1 --trials 6 --out .venv/example-output/ofa
	OMP_NUM_THREADS=1 $(BIN)/python examples/own_network_int8.py --epochs 1 --trials 3 --out .venv/example-output/int8
	OMP_NUM_THREADS=1 $(BIN)/python examples/recommender.py --epochs 1 --trials 6 --out .venv/example-output/ncf
	OMP_NUM_THREADS=1 $(BIN)/python examples/translation.py --epochs 1 --trials 4 --out .venv/example-output/hat
	OMP_NUM_THREADS=1 $(BIN)/python examples/spoken_digits.py --epochs 1 --trials 6 --out .venv/example-output/speech

# The API reference, from the docstrings; a warning is an error.
docs: .venv/installed-dev
	$(BIN)/python -W error docs/api.py build/docs

# PostgreSQL and Redis on loopback until Ctrl-C, as the tests start them: it prints their URLs.
services: .venv/installed-dev
	$(BIN)/python -m tests.services

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "optuna-linas needs Python 3.11 or newer; $(PYTHON) is not. Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv || \
		{ echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	touch $@

.venv/installed: .venv/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
