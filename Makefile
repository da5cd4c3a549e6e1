# The verbs of the project. Each sets up what it needs; nothing but Python 3.11 and make is assumed.
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin
.PHONY: install lab test check clients bench mutants model sim lock
.DEFAULT_GOAL := lab

install: .venv/.installed

.venv/.installed: pyproject.toml requirements-dev.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lab: install
	$(BIN)/provbus lab run deploy/scenarios/first-boot.yaml

# Two workers: most tests of processes wait. Which tests never run beside each other is in tests/conftest.py.
test: install check
	$(BIN)/python -m pytest -n 2

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# TFTP clients that others wrote, on both families, over a link that loses up to 15 %. SMALL=1 is a part of it.
clients: install
	$(BIN)/python -m tests.integration.tftp_clients $(if $(SMALL),--small)

# Without the peers the bench skips their figures.
bench: install
	-$(MAKE) --no-print-directory build/peers/.installed
	$(BIN)/python -m tests.bench

build/peers/.installed: requirements-bench.lock
	$(PYTHON) -m venv build/peers
	build/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	touch $@

mutants: install
	$(BIN)/python -m tests.mutants

# Every interleaving of a small election: minutes; the tests run smaller bounds.
model: install
	$(BIN)/python -m tests.model

# Thousands of storms over whole plants in virtual time, in two processes: `make sim SEEDS=2000`.
SEEDS ?= 2000
sim: install
	$(BIN)/python -m tests.simulation.failover.sweep $(SEEDS)

# Re-pin the dependencies; needs pip-tools' pip-compile on the PATH.
lock:
	pip-compile --upgrade --generate-hashes --no-emit-options --no-header --no-annotate --strip-extras \
		--allow-unsafe --output-file requirements.lock pyproject.toml
	pip-compile --upgrade --generate-hashes --no-emit-options --no-header --no-annotate --strip-extras \
		--allow-unsafe --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	pip-compile --upgrade --generate-hashes --no-emit-options --no-header --no-annotate --strip-extras \
		--allow-unsafe --extra bench --constraint requirements.lock --output-file requirements-bench.lock pyproject.toml
