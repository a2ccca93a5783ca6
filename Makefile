# The commands of this repository; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-from-lock
# pip compiles to bytecode on one core, half of its time; `compileall` does it on all.
PIP := $(BIN)/python -m pip install --quiet --no-compile
STUDY ?= digits
PORT ?= 5000
# An address from which torch is taken, in the version of the lock; without it, from where pip takes everything.
TORCH_INDEX ?=
TORCH = $(shell grep '^torch==' requirements.lock)

.DEFAULT_GOAL := help
.PHONY: help install report ui test test-fast lint docs format clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | awk -F '|' '{printf "  make %-10s %s\n", $$1, $$2}'

report: install ## train the default study (only what is missing) and build its report; STUDY=name for another
	@$(BIN)/snakemake --cores all --config study=$(STUDY)
	@echo "The report: $(CURDIR)/results/$(STUDY)/report.html"

ui: install ## open MLflow on the runs; PORT=5001 for another port
	@$(BIN)/python -m smallbatch.tracking.ui --port $(PORT) $(STUDY)

# Three processes for two cores: some tests wait for a server or a cluster.
test: install ## run every test
	@$(BIN)/python -m pytest -n 3 --dist worksteal

test-fast: install ## run the tests that start no workflow, in one to three minutes
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: install ## check types, and style of Python and Snakemake files
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/snakefmt --check workflow
	@$(BIN)/snakemake --lint

docs: install ## write docs/settings.md and docs/tables.md from the source
	@$(BIN)/python docs/generate.py

format: install ## put Python and Snakemake files into that style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/snakefmt workflow

clean: ## remove logs, caches and the virtual environment; trained results stay
	@rm -rf $(VENV) .snakemake results/logs .pytest_cache .hypothesis .ruff_cache .mypy_cache .import_linter_cache src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(INSTALLED) ## install everything into .venv; TORCH_INDEX=address takes torch from there (README, Start)

# The stamp is written last, so an interrupted install starts again, and a changed lock installs anew.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "error: Python %d.%d is too old or too new: smallbatch needs 3.11, 3.12 or 3.13; run make PYTHON=python3.11" % v)'
	@rm -f $@
	@echo "Installing requirements.lock into $(VENV), which takes some minutes; $(if $(TORCH_INDEX),torch from $(TORCH_INDEX),on Linux torch may bring several GB of CUDA libraries: README, Start)"
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@$(if $(TORCH_INDEX),$(PIP) --no-deps --index-url '$(TORCH_INDEX)' $(TORCH))
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps --editable .
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@
