# Everything runs in .venv, which is made by itself on first use and brought up to date when the pins change.

PYTHON ?= python3
UV     ?= $(shell command -v uv 2>/dev/null)
ARGS   ?=

BIN   := .venv/bin
READY := .venv/.ready
PINS  := requirements/dev.txt

VERSION := import sys; print("%d.%d" % sys.version_info[:2])
FIT     := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))

.DEFAULT_GOAL := help
.PHONY: help setup bench test selfbench soak reportbench lint format lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo 'ARGS="..." is passed on by bench, test and lock; PYTHON=... names the Python (3.11 to 3.13) for a new .venv.'

setup: $(READY) ## Make .venv, once, with uv if it is on PATH and with venv and pip otherwise

bench: $(READY) ## Compare the stacks of bakeoff.toml (ARGS="--profile quick")
	@$(BIN)/bakeoff run $(ARGS)

test: $(READY) ## Run the tests (ARGS="-m 'not e2e'")
	@$(BIN)/pytest $(ARGS)

selfbench: $(READY) ## Measure the load generator against its peers (hey is one of them where it is installed)
	@$(BIN)/python benchmarks/selfbench.py $(ARGS)

soak: $(READY) ## Ten minutes of load: does the generator's memory stay flat?
	@$(BIN)/python benchmarks/soak.py $(ARGS)

reportbench: $(READY) ## Measure a report of ten million requests, and how its page opens
	@$(BIN)/python -m benchmarks.report $(ARGS)

lint: $(READY) ## Check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(READY) ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

lock: ## Resolve the pins again; needs uv (ARGS="--upgrade" for newer versions)
	@test -n "$(UV)" || { echo "make lock needs uv on PATH" >&2; exit 1; }
	@"$(UV)" pip compile pyproject.toml --extra apps --group dev --output-file $(PINS) --quiet \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
		--custom-compile-command "make lock" $(ARGS)

clean: ## Remove .venv, caches and build outputs; keep results
	@rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv of another Python version is made anew. The stamp comes last: a set-up that failed is tried again.
$(READY): pyproject.toml $(PINS)
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "No $(PYTHON) here; name a Python 3.11 to 3.13, as in: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c '$(FIT)' || \
		{ echo "Python 3.11 to 3.13 is needed and $(PYTHON) is another; name one: make PYTHON=python3.12" >&2; exit 1; }
	@test "$$($(BIN)/python -c '$(VERSION)' 2>/dev/null)" = "$$("$(PYTHON)" -c '$(VERSION)')" || rm -rf .venv
ifneq ($(UV),)
	@echo "Making .venv with uv" >&2
	@"$(UV)" venv --quiet --allow-existing --python "$$("$(PYTHON)" -c 'import sys; print(sys.executable)')" .venv
	@"$(UV)" pip install --quiet --python $(BIN)/python --require-hashes -r $(PINS)
	@"$(UV)" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make environments; install python3-venv (apt install python3-venv) or uv" >&2; exit 1; }
	@echo "Making .venv with pip; this takes a minute" >&2
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(PINS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@
