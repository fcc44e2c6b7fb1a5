# `make` lists the targets. Everything is installed into .venv; nothing outside this folder changes.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PROTOS := $(shell find proto/quietzone -name '*.proto' 2>/dev/null)

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

build/proto/generated: $(PROTOS) .venv/locked
	@mkdir -p build/proto
	@find build/proto -name '*_pb2*' -delete
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -Iproto --python_out=build/proto --grpc_python_out=build/proto --mypy_out=build/proto --mypy_grpc_out=build/proto $(PROTOS:proto/%=%)
	@touch $@

.PHONY: proto
proto: build/proto/generated ## Generate the code of the contracts into build/proto

.PHONY: setup
setup: .venv/installed

.PHONY: lock
lock: ## Pin and hash all dependencies anew (needs uv)
	@for part in qr tracking analytics gateway standalone; do $(LOCK) --extra $$part -c requirements/dev.txt pyproject.toml -o requirements/$$part.txt; done

.PHONY: clean
clean: ## Remove what was made here, but not data/
	@rm -rf .venv .cache build out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
