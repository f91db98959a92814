# The one entry point, the same targets for people and for CI. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?= 30
export PYTHONDONTWRITEBYTECODE = 1

.DEFAULT_GOAL := help

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 12

$(VENV)/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "xrpfast needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements.lock
	touch $@

.PHONY: venv
venv: $(VENV)/ready  ## virtual environment with the locked dependencies

.PHONY: develop
develop: venv  ## quick build for daily work; never measure it
	$(BIN)/maturin develop --profile quick --quiet --locked

.PHONY: build
build: venv  ## release build, the one to run and to measure
	$(BIN)/maturin develop --release --quiet --locked

.PHONY: demo
demo: build  ## the main job on mock exchanges for SECONDS=30
	$(BIN)/python -m xrpfast demo --seconds $(SECONDS)

.PHONY: test
test: test-rust test-python  ## all tests, Rust and Python

.PHONY: test-rust
test-rust:  ## Rust tests, with overflow checks and debug assertions
	cargo test --workspace --locked --quiet

.PHONY: test-python
test-python: build  ## Python tests on the release build, in parts at the same time
	$(BIN)/python -m tests.shards

.PHONY: mutation
mutation: build  ## drop every guard in turn; its tests must fail (LISTS="legs orders": those alone)
	$(BIN)/python -m tests.mutation $(if $(LISTS),--lists $(LISTS))

.PHONY: reliability
reliability: build  ## the numbers of docs/reliability.md: storms, kills, damage, mutations
	XRPFAST_WRITE_NUMBERS=1 $(BIN)/python -m pytest --quiet tests/crash \
		tests/simulation/test_storm.py
	XRPFAST_WRITE_NUMBERS=1 $(BIN)/python -m tests.mutation
	$(BIN)/python -m tests.support.reliability

.PHONY: storm-kill
storm-kill: build  ## kill -9 the engine KILLS=200 times at the points of an order; some minutes
	XRPFAST_KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest --quiet tests/crash/test_kill.py

.PHONY: storm
storm: build  ## seeded faults in virtual time, new seeds for MINUTES=10
	$(BIN)/python -m xrpfast.simulation.virtual --minutes $(or $(MINUTES),10) \
		--first $(or $(FIRST),100000)

.PHONY: format
format: venv  ## rewrite the sources in the project's format
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lint
lint: lint-format lint-python lint-rust lint-types  ## every static check

.PHONY: lint-format
lint-format: venv
	cargo fmt --all --check
	$(BIN)/ruff format --check --quiet .

.PHONY: lint-python
lint-python: venv
	$(BIN)/ruff check --quiet .
	PYTHONPATH=python $(BIN)/lint-imports --no-logo --no-cache

.PHONY: lint-rust
lint-rust:
	cargo clippy --workspace --all-targets --locked --quiet -- --deny warnings

# Types need the native module: stubtest compares the stub with what was built.
.PHONY: lint-types
lint-types: build
	$(BIN)/mypy --strict
	$(BIN)/python -m mypy.stubtest xrpfast._core --ignore-disjoint-bases

.PHONY: docs
docs: develop  ## print the reference pages from the code and from what the tests saw
	$(BIN)/python -m xrpfast.config.reference > docs/configuration.md
	$(BIN)/python -m xrpfast.simulation.faults.reference > docs/faults.md
	$(BIN)/python -m xrpfast.trading.reference > docs/orders.md
	$(BIN)/python -m xrpfast.research.controls > docs/risk.md
	$(BIN)/python -m xrpfast.simulation.binance.reference > docs/mock-binance.md
	$(BIN)/python -m xrpfast.simulation.kucoin.reference > docs/mock-kucoin.md
	XRPFAST_WRITE_DOCS=1 $(BIN)/python -m pytest --quiet tests/conformance
	$(BIN)/python -m tests.support.reliability

.PHONY: bench
bench: build  ## measure every stage and tick to order; fails above the gate
	$(BIN)/python -m benches.gate

.PHONY: bench-mock
bench-mock: build  ## measure the mock venues: frames, acks, memory over a minute
	$(BIN)/python -m benches.mock

.PHONY: soak
soak: build  ## the mock venues' measurement over 10 minutes, into docs/mock-speed.md
	$(BIN)/python -m benches.mock --soak

.PHONY: ci
ci:  ## everything that CI checks
	.ci/run

.PHONY: lock
lock: venv  ## resolve the Python dependencies again
	$(BIN)/python -m pip install --quiet 'uv<1'
	$(BIN)/uv pip compile pyproject.toml --all-extras --group build --universal \
		--python-version 3.11 --no-emit-index-url --no-header --generate-hashes --quiet \
		--output-file requirements.lock

.PHONY: clean
clean:  ## remove what was built
	rm -rf $(VENV) target python/xrpfast/_core*.so
