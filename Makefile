# The doors into the project; `make` alone lists them. Works with GNU make 3.81 and newer.
# Any setting can be given on the command line: make run HTTP_PORT=9000 WORKERS=2

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet

# The interpreter of a new environment: PYTHON=… if given, else the first on the PATH that fits.
PYTHON ?=
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))

# Arguments of the tool behind a target: make test ARGS="-k launcher"
ARGS ?=
# Whoever picks tests wants to see them fail: there is no second try then (docs/adr/0011).
TESTS = $(PY) -m $(if $(ARGS),pytest,tests.second_try) -n 3 --dist worksteal
# Folder or files to train on; without it the official file is downloaded.
DATA ?=

# Containers: the tools, the tag of the images, what they are built on, and the variant of compose that is used.
DOCKER ?= docker
DOCKER_COMPOSE ?= $(DOCKER) compose
TAG ?= local
DEVICE ?=
IMAGES ?= web worker pipeline
PYTHON_IMAGE ?= python:3.12-slim
CUDA_IMAGE ?= nvidia/cuda:12.9.1-base-ubuntu24.04
COMPOSE_DIR := boot/docker/compose
WORKER_BASE = $(if $(filter cpu,$(DEVICE)),$(PYTHON_IMAGE),$(CUDA_IMAGE))
WORKER_TAG = $(TAG)$(if $(filter cpu gpu,$(DEVICE)),-$(DEVICE))
WORKER_LIST = $(if $(filter gpu,$(DEVICE)),worker-gpu,worker)
IMAGE = $(DOCKER) build --build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null || echo unknown)
COMPOSE = $(DOCKER_COMPOSE) --file $(COMPOSE_DIR)/docker-compose.yml \
	$(if $(DEVICE),--file $(COMPOSE_DIR)/docker-compose.$(DEVICE).yml)

# A misspelt one would quietly build what another is.
$(if $(DEVICE),$(if $(wildcard $(COMPOSE_DIR)/docker-compose.$(DEVICE).yml),,\
	$(error DEVICE=$(DEVICE): there is no $(COMPOSE_DIR)/docker-compose.$(DEVICE).yml)))

.DEFAULT_GOAL := help
.PHONY: help run test test-slow check chaos bench bench-overload bench-rollout train lock sbom audit images up down logs scale clean \
	image-web image-worker image-pipeline e2e-containers bench-containers

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.installed-run ## Start broker, workers and web on this machine (HTTP_PORT, WORKERS, WEB_WORKERS, PIPELINE_WORKERS)
	@exec $(PY) -m boot.local

test: $(VENV)/.installed-dev ## Run the tests but the slow ones (ARGS="-k name" picks some)
	@echo "The slow tests are left out; make test-slow runs them."
	$(TESTS) -m "not slow" $(ARGS)

test-slow: $(VENV)/.installed-dev ## Run the slow tests: faults under load, kills at each step, overload (ARGS as above)
	$(TESTS) -m slow $(ARGS)

check: $(VENV)/.installed-dev ## Check format, lint, types and import contracts
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

chaos: $(VENV)/.installed-dev ## Inject faults under load and judge every answer (ARGS="--seconds 60 --rate 600")
	$(PY) -m tests.chaos $(ARGS)

bench: $(VENV)/.installed-run ## Measure against what others do (QUICK=1: minutes; BASE=<revision>: against it; ARGS="--help")
	@$(PY) -m bench $(if $(QUICK),--quick) $(if $(BASE),--base $(BASE)) $(ARGS)

bench-overload: $(VENV)/.installed-run ## Send more than can be served, and see who is refused (ARGS="--help")
	@$(PY) -m bench.overload $(ARGS)

bench-rollout: $(VENV)/.installed-run ## Measure many versions at once, and changes of who answers (ARGS="--help")
	@$(PY) -m bench.rollout $(ARGS)

bench-containers: $(VENV)/.installed-dev ## Measure throughput by worker containers (ARGS="--help")
	@$(PY) -m tests.containers.throughput $(ARGS)

train: $(VENV)/.installed-run ## Train the trip model (DATA="folder or files"; without it the data is downloaded)
	@exec $(PY) -m apps.cli train $(foreach path,$(DATA),--data $(path)) $(ARGS)

lock: $(VENV)/.installed-dev ## Resolve and pin the dependencies of pyproject.toml anew
	$(PY) -c 'import uv' 2>/dev/null || $(PIP) install uv
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header pyproject.toml -o requirements.txt
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header --group dev -c requirements.txt \
		-o requirements-dev.txt
	for group in web worker worker-gpu pipeline; do \
		$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header --group $$group \
			--generate-hashes -c requirements.txt -o requirements/$$group.txt || exit 1; \
	done

sbom: $(VENV)/.installed-dev ## Write a bill of materials of each image, CycloneDX JSON, to build/sbom
	@$(PY) -m boot.supply.sbom

audit: $(VENV)/.installed-dev ## Report known vulnerabilities of what the images install (ARGS=--strict: fail if there are)
	@$(PY) -m boot.supply.audit $(ARGS)

images: $(IMAGES:%=image-%) ## Build the container images (DEVICE=cpu: a worker without CUDA, gpu: with CuPy; TAG; PYTHON_IMAGE, CUDA_IMAGE: their bases)

image-web:
	$(IMAGE) -f boot/docker/web/Dockerfile --build-arg BASE_IMAGE=$(PYTHON_IMAGE) -t tripcast-web:$(TAG) .

image-worker:
	$(IMAGE) -f boot/docker/worker/Dockerfile --build-arg BASE_IMAGE=$(WORKER_BASE) \
		--build-arg LIST=$(WORKER_LIST) -t tripcast-worker:$(WORKER_TAG) .

image-pipeline:
	$(IMAGE) -f boot/docker/pipeline/Dockerfile --build-arg BASE_IMAGE=$(PYTHON_IMAGE) -t tripcast-pipeline:$(TAG) .

up: $(COMPOSE_DIR)/.env ## Start the containers and wait until they serve (DEVICE=cpu|gpu|dev, HTTP_PORT, WORKERS; ARGS=web: without training)
	@$(COMPOSE) up --detach --wait --wait-timeout 180 $(ARGS) || \
		{ $(COMPOSE) ps --all; echo "The last of what they said:"; $(COMPOSE) logs --no-color --tail 5; exit 1; } >&2

down: $(COMPOSE_DIR)/.env ## Stop the containers and remove them; volumes stay (ARGS=--volumes removes those too)
	$(COMPOSE) --profile '*' down --remove-orphans $(ARGS)

logs: $(COMPOSE_DIR)/.env ## Follow what the containers say (ARGS="worker web" picks some)
	$(COMPOSE) logs --follow --tail 100 $(ARGS)

scale: $(COMPOSE_DIR)/.env ## Run so many worker containers: make scale WORKERS=3 (DEVICE as for `make up`)
	@test -n "$(WORKERS)" || { echo "How many? make scale WORKERS=3" >&2; exit 1; }
	$(COMPOSE) up --detach --wait --no-deps --no-recreate --scale worker=$(WORKERS) worker

e2e-containers: $(VENV)/.installed-dev ## Build, run and break the containers under load, with an engine of its own if need be (ARGS=--quick)
	@$(PY) -m tests.containers $(ARGS)

clean: ## Remove the environment, caches, build outputs and logs; never models
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* repo/logs
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A password of its own for each machine; nobody has to know it.
$(COMPOSE_DIR)/.env:
	@umask 077 && password=$$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') && \
		sed "s/^REDIS_PASSWORD=$$/REDIS_PASSWORD=$$password/" $(COMPOSE_DIR)/.env.example > $@.new && mv $@.new $@
	@echo "Made $@ with a new password."

# A stamp is newer than the list it was installed from, or the list is installed again.
$(VENV)/.installed-run: requirements.txt | $(PY)
	@echo "Installing what is needed to run (a minute or two, once) …"
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed-run
	@echo "Installing what is needed to test …"
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(PY):
	@set -e; \
	for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if $$candidate -c '$(SUPPORTED)' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Python 3.11, 3.12 or 3.13 is needed; $(or $(PYTHON),python3) is not one. Try: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' >/dev/null 2>&1; then \
		echo "$$found comes without the module venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	rm -rf $(VENV); \
	$$found -m venv $(VENV)
