# What contributors and CI run. Every target installs what it needs into .venv* and .peers.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready
CHECK   = $(VENV)/.ready-to-check

.PHONY: help demo test check lint types dist models specs bench soak clean

help:
	@echo "make demo    run an agent, a team and a workflow on a real server, without an LLM key"
	@echo "make test    the whole suite, under the oldest and the newest Python that are here"
	@echo "make check   what CI runs: lint, types, distributions, models, test"
	@echo "make bench   measure against what else one could use"
	@echo "make soak    ten thousand runs over a bad network for each protocol, and"
	@echo "            through a gateway; ten thousand of functions; ten thousand schedules"
	@echo "make models  specs/ -> remoteagent_lite/models/"
	@echo "make specs   upstream packages -> specs/"

$(READY): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

$(CHECK): $(READY)
	$(BIN)/pip install --quiet --editable '.[check]'
	touch $@

demo: $(READY)
	$(BIN)/python examples/demo.py

test: $(READY)
	$(BIN)/python -m tests.peers.environments
	$(BIN)/python tests/matrix.py

check: lint types dist models-check test

lint: $(CHECK)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(CHECK)
	$(BIN)/mypy
	$(BIN)/mypy --config-file= --strict tests/typing_sample.py
	$(BIN)/python tests/typed_documents.py

dist: $(CHECK)
	$(BIN)/python tests/distributions.py

models: $(READY)
	$(BIN)/python codegen/models.py

models-check: $(READY)
	$(BIN)/python codegen/models.py --check

specs: $(READY)
	$(BIN)/python codegen/specs.py

bench: $(READY)
	$(BIN)/python -m benchmarks

soak: $(READY)
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak --gateway
	LOCAL_RUNS=10000 $(BIN)/python -m pytest tests/unit/test_local_races.py
	SCHEDULES=10000 $(BIN)/python -m pytest --hypothesis-profile=explore \
		$$(grep -l "from hypothesis" tests/unit/test_*.py)

clean:
	rm -rf .venv* .peers build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
