# The verbs of the project. Each sets up what it needs; nothing but Python 3.11 and make is assumed.
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin
FIRST_START := tests/integration/test_first_start_lab.py
.PHONY: install lab test soak check docs clients bench mutants model sim same journey lock
.DEFAULT_GOAL := lab

# Everything into .venv.
install: .venv/.installed

.venv/.installed: pyproject.toml requirements-dev.lock
	@echo "install 1/3: making a Python environment in .venv"
	@$(PYTHON) -m venv .venv
	@echo "install 2/3: fetching the $$(grep -c == requirements-dev.lock) packages of requirements-dev.lock," \
	  "which takes a minute or two on a fresh machine"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@echo "install 3/3: installing provbus itself"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# A simulated plant of 600 modems boots through provbus.
lab: install
	$(BIN)/provbus lab run deploy/scenarios/first-boot.yaml

# ruff, mypy and every test that is over soon. More workers than cores, for most tests of processes wait;
# tests/conftest.py says which never run beside each other.
test: install check
	$(BIN)/python -m pytest -n 3 -m "not soak"

# The tests that take long: storms and fuzzing by many seeds beside a first start, then the lab's other scenarios,
# two at a time where network namespaces can be made.
soak: install
	$(BIN)/python -m pytest -n 2 -m soak tests/contract tests/simulation tests/model tests/fuzz $(FIRST_START)
	$(BIN)/python -m pytest -n 2 -m soak --own-networks tests/integration --deselect $(FIRST_START)

# ruff and mypy.
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Write the pages of docs/ that are generated, and the generated blocks of the others.
docs: install
	$(BIN)/python -m tests.docs_pages

# TFTP clients that others wrote, on both families, over a link that loses up to 15 %. SMALL=1 is a part of it.
clients: install
	$(BIN)/python -m tests.integration.tftp_clients $(if $(SMALL),--small)

# Measure, beside the libraries alone and beside others. Without the peers the bench skips their figures.
# AGAINST=REV compares with another revision, pair by pair.
bench: install
ifdef AGAINST
	$(BIN)/python -m tests.bench.against $(AGAINST) $(PAIRS)
else
	-$(MAKE) --no-print-directory build/peers/.installed
	$(BIN)/python -m tests.bench
endif

build/peers/.installed: requirements-bench.lock
	$(PYTHON) -m venv build/peers
	build/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	touch $@

# Plant faults, one after the other, and see the tests go red.
mutants: install
	$(BIN)/python -m tests.mutants

# Every interleaving of a small election: minutes; the tests run smaller bounds.
model: install
	$(BIN)/python -m tests.model

# Thousands of storms over whole plants in virtual time, in two processes: `make sim SEEDS=2000`.
SEEDS ?= 2000
sim: install
	$(BIN)/python -m tests.simulation.failover.sweep $(SEEDS)
	$(BIN)/python -m tests.simulation.switch.sweep $(SEEDS)

# Whether another revision does the same: the hash of what travels in 50 runs, `make same AGAINST=REV`.
same: install
	$(BIN)/python -m tests.simulation.same $(AGAINST)

# Which modules a FileID enters, from its creation to the last block of its file, and how often.
journey: install
	$(BIN)/python -m tests.simulation.journey

# Re-pin the dependencies; needs pip-tools' pip-compile on the PATH.
lock:
	pip-compile --upgrade --generate-hashes --no-emit-options --no-header --no-annotate --strip-extras \
		--allow-unsafe --output-file requirements.lock pyproject.toml
	pip-compile --upgrade --generate-hashes --no-emit-options --no-header --no-annotate --strip-extras \
		--allow-unsafe --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	pip-compile --upgrade --generate-hashes --no-emit-options --no-header --no-annotate --strip-extras \
		--allow-unsafe --extra bench --constraint requirements.lock --output-file requirements-bench.lock pyproject.toml
