# The one entry point: the same targets for people and for CI. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE = 1

.DEFAULT_GOAL := help

$(VENV)/ready: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	touch $@

.PHONY: help
help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

.PHONY: venv
venv: $(VENV)/ready  ## virtual environment with the locked packages

.PHONY: build
build: venv  ## release build of the native core, installed into the environment
	$(BIN)/maturin develop --release --quiet --locked

.PHONY: develop
develop: venv  ## quick build for daily work; never measure it
	$(BIN)/maturin develop --profile quick --quiet --locked

.PHONY: demo
demo: build  ## the main job for 30 seconds: two mock venues, the engine, a report
	$(BIN)/python -m xrpfast demo

.PHONY: test
test: build  ## all tests
	cargo test --quiet --locked --package xrpfast-core
	$(BIN)/python -m pytest --quiet

.PHONY: bench
bench: build  ## the benchmark gate: stages, tick to order in process and over sockets
	$(BIN)/python -m benches.gate

.PHONY: lint
lint: build  ## formats, lints, types, stub file, layers
	cargo fmt --check
	cargo clippy --quiet --locked --workspace --all-targets -- --deny warnings
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest xrpfast._core --ignore-disjoint-bases
	$(BIN)/lint-imports

.PHONY: format
format:  ## formats everything
	cargo fmt
	$(BIN)/ruff format .

.PHONY: ci
ci: lint test bench  ## everything that CI runs

.PHONY: clean
clean:  ## removes everything that was built
	rm -rf target $(VENV)
