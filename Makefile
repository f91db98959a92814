# The one entry point, the same targets for people and for CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

$(VENV)/ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	touch $@

.PHONY: venv
venv: $(VENV)/ready

.PHONY: develop
develop: venv  ## quick build for daily work; never measure it
	$(BIN)/maturin develop --profile quick --quiet

.PHONY: build
build: venv  ## release build
	$(BIN)/maturin develop --release --quiet
