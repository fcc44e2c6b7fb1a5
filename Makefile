# `make` lists the targets. Everything is installed into .venv; nothing outside this folder changes.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PARTS := qr tracking analytics storage notification gateway
IMAGES := $(PARTS) cli
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
TOPICS := $(wildcard proto/topics/*.yaml)
PROTOS := $(shell find proto/quietzone -name '*.proto' 2>/dev/null)

# What Python compiles and pytest rewrites stays in __pycache__, also where the environment says no: `make check` takes 5 s less.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.venv/installed: requirements/dev.txt pyproject.toml build/proto/generated
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/locked: requirements/dev.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Quietzone needs Python 3.11 or newer, this is {v[0]}.{v[1]}: make PYTHON=python3.12")'
	@echo "Setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

build/proto/generated: $(PROTOS) $(TOPICS) proto/generate_topics.py .venv/locked
	@mkdir -p build/proto
	@find build/proto -name '*_pb2*' -delete
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -Iproto --python_out=build/proto --grpc_python_out=build/proto --mypy_out=build/proto --mypy_grpc_out=build/proto $(PROTOS:proto/%=%) 2>/dev/null
	@$(BIN)/python proto/generate_topics.py build/proto
	@touch $@

.PHONY: proto
proto: build/proto/generated ## Generate the code of the contracts into build/proto

.PHONY: setup
setup: .venv/installed ## Install everything into .venv

# The server keeps only a hash of the key; whoever runs this checkout keeps the key itself here.
.cache/api-key: | .venv/installed
	@mkdir -p .cache
	@umask 077; $(BIN)/python -c 'import secrets; print("qz_" + secrets.token_urlsafe(32))' > $@

# With BACKENDS=real the same on Kafka, MongoDB, Redis and S3: those that QUIETZONE_BUS_URL and its like name, else some for the occasion.
ON_SERVERS := $(if $(filter real,$(BACKENDS)),$(if $(QUIETZONE_BUS_URL),,PYTHONPATH=tests $(BIN)/python -m servers))

.PHONY: run
run: .venv/installed .cache/api-key ## Set up, serve, take the tour; stays up until Ctrl-C (PORT=9000 moves it, BACKENDS=real)
	@QUIETZONE_API_KEY=$$(cat .cache/api-key) BACKENDS=$(or $(BACKENDS),embedded) $(ON_SERVERS) $(BIN)/quietzone serve --tour

.PHONY: tour
tour: .venv/installed .cache/api-key ## The same as run, then stops
	@QUIETZONE_API_KEY=$$(cat .cache/api-key) BACKENDS=$(or $(BACKENDS),embedded) $(ON_SERVERS) $(BIN)/quietzone serve --tour --exit

.PHONY: dev
dev: .venv/installed .cache/api-key ## Serve, and start again when the code changes
	@QUIETZONE_API_KEY=$$(cat .cache/api-key) $(BIN)/watchfiles --filter python '$(BIN)/quietzone serve' kit services gateway cli clients standalone

PROFILE := quick
test test-fast: PROFILE := $(if $(CI),ci,default)# ci is hypothesis's own: the same examples each time, so that a change alone decides

.PHONY: check
check: .venv/installed ## Lint, types, borders between parts, unit tests (20 s)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@cd proto && ../$(BIN)/buf lint
	@lines=$$($(BIN)/lint-imports --no-cache) || { echo "$$lines"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/pytest --quiet -n 2 --hypothesis-profile=$(PROFILE) tests/unit

.PHONY: test
test: check ## Everything that check does, then all other tests, on real servers (see CONTRIBUTING.md)
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --servers=all --ignore tests/unit tests

.PHONY: test-fast
test-fast: check ## The same without the tests that need a server
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --servers=none --ignore tests/unit tests

.PHONY: docs-api
docs-api: .venv/installed ## Write docs/api from what a running server says of itself
	@$(BIN)/python docs/make_api.py

.PHONY: servers
servers: .venv/installed ## Start Kafka, MongoDB, Redis, S3 and toxiproxy for tests; they stay until Ctrl-C
	@PYTHONPATH=tests $(BIN)/python -m servers

.PHONY: simulate
simulate: .venv/installed ## 10,000 simulated histories, and the mutants that they must catch
	@$(BIN)/python tests/simulation/run.py --histories 10000 --processes 2

.PHONY: fuzz-api
fuzz-api: .venv/installed ## 100,000 generated requests to the API: no 5xx, every answer as described (CASES=, SEED=, ONLY='POST /v1/keys')
	@PYTHONHASHSEED=0 $(BIN)/python tests/fuzz/run.py --cases $(or $(CASES),100000) --seed $(or $(SEED),1) --only '$(ONLY)'

.PHONY: fuzz-patterns
fuzz-patterns: .venv/installed ## 1,000,000 generated pairs of pattern and event: no crash, none over 50 ms, three ways to match agree (PAIRS=, SEED=)
	@$(BIN)/python tests/conformance/fuzz.py --pairs $(or $(PAIRS),1000000) --seed $(or $(SEED),1)

.PHONY: bench-rules
bench-rules: .venv/installed ## Measure how many events a second are matched with 10 to 10,000 rules
	@$(BIN)/python bench/rules.py

.PHONY: bench-webhooks
bench-webhooks: .venv/installed ## Measure how many webhooks a CPU-second are delivered, and what one dead receiver costs the others
	@PYTHONPATH=tests $(BIN)/python bench/webhooks.py

.PHONY: bench-api
bench-api: .venv/installed ## Measure the API: a list beside plain FastAPI, 10,000 live connections, limits over replicas, an overload
	@failed=; for bench in api live limits overload; do $(BIN)/python bench/$$bench.py || failed="$$failed $$bench"; done; test -z "$$failed" || { echo "below its aim:$$failed"; exit 1; }

.PHONY: bench
bench: .venv/installed ## Measure: redirect against nginx, forwarder, rollup, rendering, a whole machine; BACKENDS=real: on Kafka
ifeq ($(BACKENDS),real)
	@$(ON_SERVERS) $(BIN)/python bench/pipeline.py
	@$(ON_SERVERS) $(BIN)/python bench/standalone.py --backends real
else
	@for bench in redirect forwarder rollup render standalone; do $(BIN)/python bench/$$bench.py; done
endif

.PHONY: bench-storage
bench-storage: .venv/installed ## Measure: variants, rendering, files served, 1,000 labels, memory of uploads, a clean-up over 100,000 assets; BACKENDS=real: what depends on stores, on servers
ifeq ($(BACKENDS),real)
	@failed=; for bench in serving uploads; do $(ON_SERVERS) $(BIN)/python bench/$$bench.py --backends real || failed="$$failed $$bench"; done; test -z "$$failed" || { echo "below its aim:$$failed"; exit 1; }
else
	@failed=; for bench in variants render serving prints decoding uploads cleanup; do $(BIN)/python bench/$$bench.py || failed="$$failed $$bench"; done; test -z "$$failed" || { echo "below its aim:$$failed"; exit 1; }
endif

.PHONY: chaos
chaos: .venv/installed ## Scans while processes are killed, with BACKENDS=real servers too; then every count is checked
	@$(BIN)/python tests/chaos/run.py --backends $(or $(BACKENDS),embedded)

.PHONY: test-release
test-release: .venv/installed ## The proof on the cluster that KUBECONFIG names: a release's life under traffic (see CONTRIBUTING.md)
	@$(BIN)/python tests/release/run.py

# One tag for all; with REGISTRY=registry.example.com/ they can be pushed. The classic builder needs the machine's network for packages.
TAG ?= $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
REGISTRY ?=
BASE ?= python:3.11-slim
DOCKER_BUILD ?= docker build --network=host
IMAGE_MB := 200

.PHONY: images
images: ## Build an image of each part, and of the command (TAG=…, REGISTRY=…)
	@for part in $(IMAGES); do $(DOCKER_BUILD) --quiet --build-arg BASE=$(BASE) --build-arg PART=$$part --build-arg VERSION=$(TAG) -t $(REGISTRY)quietzone-$$part:$(TAG) . >/dev/null; done
	@base=$$(docker image inspect -f '{{.Size}}' $(BASE)); for part in $(IMAGES); do \
		name=$(REGISTRY)quietzone-$$part:$(TAG); over=$$(( ($$(docker image inspect -f '{{.Size}}' $$name) - base) / 1000000 )); \
		printf '%-40s %4d MB over %s\n' $$name $$over $(BASE); \
		[ $$over -le $(IMAGE_MB) ] || { echo "$$name: more than $(IMAGE_MB) MB; look what its requirements have brought"; exit 1; }; done

.PHONY: lock
lock: .venv/locked ## Pin and hash all dependencies anew (needs uv)
	@$(LOCK) --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(LOCK) --group contracts -c requirements/dev.txt pyproject.toml -o requirements/contracts.txt
	@for part in $(IMAGES) standalone; do $(LOCK) --extra $$part -c requirements/dev.txt pyproject.toml -o requirements/$$part.txt; done

.PHONY: clean
clean: ## Remove what was made here, but neither data/ nor the API key
	@rm -rf .venv build out .mypy_cache .ruff_cache .pytest_cache .hypothesis
