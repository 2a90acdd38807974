# What users and developers type; `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?= sampler=tpe
PORT ?= 5000
LOCKS := pyproject.toml constraints.txt

.PHONY: help run ui env up down test slow bench bench-full lint audit clean
.DEFAULT_GOAL := help

help: ## List these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 8

run: $(VENV)/stamp-run ## Run a study; make run ARGS="sampler=grid study.n_trials=4" passes overrides on
	$(BIN)/hpo $(ARGS)

ui: $(VENV)/stamp-run ## Browse every trial at http://127.0.0.1:5000 (PORT=5001 for another port)
	$(BIN)/hpo ui port=$(PORT)

env: ## Write .env, random passwords for the servers of docker-compose.yml; S3=1 for artifacts in an S3 store
	@$(PYTHON) docker/environment.py $(if $(S3),--s3)

up: ## Start PostgreSQL, MLflow and optuna-dashboard with docker, and wait until they answer
	docker compose up --detach --build --wait

down: ## Stop them; what they hold stays
	docker compose down

test: $(VENV)/stamp-test ## Run all tests but the slow ones
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

slow: $(VENV)/stamp-test ## Run the slow tests
	$(BIN)/python -m pytest -m slow --numprocesses 3 --dist worksteal

bench: $(VENV)/stamp-test ## Measure hpo beside what one would write instead, a quarter of an hour; ARGS="row=driver"
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks $(if $(filter command line,$(origin ARGS)),$(ARGS))

bench-full: $(VENV)/stamp-test ## Measure the rows that take longer, too
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks full

lint: $(VENV)/stamp-dev ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(VENV)/stamp-dev ## Look every installed package up in the published advisories
	$(BIN)/python .ci/audit.py

clean: ## Remove the environment and the caches; studies and records stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find hpo tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("hpo needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# A stamp is older than nothing it depends on, so a second call installs nothing.
# A larger extra includes the smaller ones.
$(VENV)/stamp-run: $(LOCKS) | $(BIN)/python
	@echo "Setting up $(VENV): a few minutes, once."
	$(BIN)/pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/stamp-test: $(LOCKS) | $(BIN)/python
	@echo "Setting up $(VENV) for the tests: a few minutes, once."
	$(BIN)/pip install -q -c constraints.txt -e ".[test]"
	@touch $(VENV)/stamp-run $@

$(VENV)/stamp-dev: $(LOCKS) | $(BIN)/python
	@echo "Setting up $(VENV) for the checks: a few minutes, once."
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	@touch $(VENV)/stamp-run $(VENV)/stamp-test $@
