# Everything runs in .venv, which is created on first use and updated when the pins change.

PYTHON ?= python3
UV     ?= $(shell command -v uv 2>/dev/null)
ARGS   ?=

BIN   := .venv/bin
READY := .venv/.ready
PINS  := requirements/dev.txt

VERSION := import sys; print("%d.%d" % sys.version_info[:2])
FIT     := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))

.DEFAULT_GOAL := help
.PHONY: help setup bench test matrix selfbench soak reportbench masterbench containers validate-gate crosscheck-gate simulate-gate validate-run reproduce notebooks lint format lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo 'bench, test and lock pass ARGS="..." on; PYTHON=... names the Python (3.11 to 3.13) for a new .venv.'

setup: $(READY) ## Create .venv, with uv if it is on PATH, else with venv and pip

bench: $(READY) ## Compare the stacks of bakeoff.toml (ARGS="--profile quick")
	@$(BIN)/bakeoff run $(ARGS)

test: $(READY) ## Run the tests (ARGS="-m 'not e2e'")
	@$(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

selfbench: $(READY) ## Compare the load generator with others (hey is one of them where it is installed)
	@$(BIN)/python benchmarks/selfbench.py $(ARGS)

soak: $(READY) ## Ten minutes of load: does the generator's memory stay flat?
	@$(BIN)/python benchmarks/soak.py $(ARGS)

validate-gate: $(READY) ## Hours of gates on known changes: how often is the verdict wrong? Resumes (ARGS="--minutes 60")
	@$(BIN)/python -m benchmarks.gate.validate $(ARGS)

simulate-gate: $(READY) ## Thousands of simulated gates: how often does the whole procedure err? Ten minutes (ARGS="--gates 300")
	@$(BIN)/python -m benchmarks.gate.procedure $(ARGS)

validate-run: $(READY) ## Hours of runs of identical stacks: how often is a verdict wrong? Resumes (ARGS="--minutes 60")
	@$(BIN)/python -m benchmarks.run.validate $(ARGS)

reproduce: $(READY) ## Measure what others have published, with their settings; a quarter of an hour. Resumes
	@$(BIN)/python -m benchmarks.reproduce.measure $(ARGS)

matrix: $(READY) ## Measure every server and every app, and keep the runs in results/servers and results/apps; half an hour
	@$(BIN)/python -m benchmarks.matrix.measure $(ARGS)

crosscheck-gate: $(READY) ## Does the gate find the effects that exclusive slices find? Resumes (ARGS="--minutes 60")
	@$(BIN)/python -m benchmarks.gate.crosscheck $(ARGS)

reportbench: $(READY) ## Measure a report of ten million requests, and how its page opens
	@$(BIN)/python -m benchmarks.report $(ARGS)

masterbench: $(READY) ## How much of a core does a master of a thousand workers need?
	@$(BIN)/python benchmarks/master.py $(ARGS)

containers: $(READY) ## Measure the same stacks as processes and as containers (needs a Docker engine)
	@$(BIN)/python benchmarks/containers.py $(ARGS)

notebooks: $(READY) ## Run the notebooks and store their outputs in them
	@$(BIN)/python notebooks/execute.py

lint: $(READY) ## Check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows docs/examples/gate.yml
	@$(BIN)/zizmor --offline --no-progress --quiet action.yml docs/examples/gate.yml

format: $(READY) ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

COMPILE := pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--custom-compile-command "make lock"

lock: ## Resolve the pins again; needs uv (ARGS="--upgrade" for newer versions)
	@test -n "$(UV)" || { echo "make lock needs uv on PATH" >&2; exit 1; }
	@"$(UV)" $(COMPILE) pyproject.toml --extra apps --extra profile --group dev --output-file $(PINS) $(ARGS)
	@"$(UV)" $(COMPILE) pyproject.toml --constraint $(PINS) --output-file requirements/run.txt
	@for image in apps scenarios; do \
		"$(UV)" $(COMPILE) --no-annotate $$image/requirements.in --constraint $(PINS) \
			--output-file requirements/$$image.txt || exit; \
	done

clean: ## Remove .venv, caches and build outputs; keep results
	@rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv of another Python version is replaced. The stamp is written last, so that a failed set-up is tried again.
$(READY): pyproject.toml $(PINS)
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "$(PYTHON) not found; name a Python 3.11 to 3.13, as in: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c '$(FIT)' || \
		{ echo "$(PYTHON) is not Python 3.11 to 3.13; name one that is: make PYTHON=python3.12" >&2; exit 1; }
	@test "$$($(BIN)/python -c '$(VERSION)' 2>/dev/null)" = "$$("$(PYTHON)" -c '$(VERSION)')" || rm -rf .venv
ifneq ($(UV),)
	@echo "Creating .venv with uv" >&2
	@"$(UV)" venv --quiet --allow-existing --python "$$("$(PYTHON)" -c 'import sys; print(sys.executable)')" .venv
	@"$(UV)" pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(PINS)
	@"$(UV)" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) cannot create environments; install python3-venv (apt install python3-venv) or uv" >&2; exit 1; }
	@echo "Creating .venv with pip; this takes a minute" >&2
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(PINS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@
