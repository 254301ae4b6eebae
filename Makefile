# Each target is one command that can be pasted instead; `make` alone is the gate.
# PYTHON=… chooses the interpreter for .venv, T=… the tests, ARGS=… is handed on.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
CHROMIUM := $(or $(MINIKAFKA_CHROMIUM),/usr/bin/chromium)
T ?=
ARGS ?=
# The first of these that runs and is 3.11 or newer; a name that exists need not work.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: all up test check conformance kafka bench clients browser schemathesis fix goldens docs setup clean

all: check test

## Run

up: $(VENV)/.installed
	@exec $(VENV)/bin/minikafka up $(ARGS)

## The gate

test: $(VENV)/.installed-test
	$(PY) -m pytest $(T) $(ARGS)

check: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) tools/gen_docs.py --check
	$(PY) -m pytest -q tests/house -m house $(ARGS)

## Beside the gate

conformance: $(VENV)/.installed-test
	$(PY) -m pytest $(or $(T),tests/conformance) -m conformance -o faulthandler_timeout=900 $(ARGS)

kafka: $(VENV)/.installed-test
	@exec $(PY) -m tests.conformance.kafka $(ARGS)

clients: $(VENV)/.installed-test build/node/.installed
	$(PY) -m pytest tests/clients -m client $(ARGS)

browser: $(VENV)/.installed-browser
	$(PY) -m pytest $(or $(T),tests/browser) -m browser $(ARGS)

schemathesis: $(VENV)/.installed-schemathesis
	$(PY) -m pytest $(or $(T),tests/cluster) -m schemathesis -o faulthandler_timeout=3600 $(ARGS)

bench: $(VENV)/.installed-test
	$(PY) -m benchmarks.bench_start
	$(PY) -m benchmarks.bench_wire $(ARGS)

fix: $(VENV)/.installed-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) tools/gen_docs.py

goldens: $(VENV)/.installed-test
	GOLDENS=rewrite $(PY) -m pytest -q tests/scripts
	git diff --stat tests/scripts

docs: $(VENV)/.installed-dev
	$(PY) tools/gen_docs.py

## The environment: a stamp per set of packages, so that a second run installs nothing

setup: $(VENV)/.installed-dev

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found; name one with PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; name another with PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) has no ensurepip (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml
	@echo "Installing minikafka into $(VENV), once" >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.created pyproject.toml
	@echo "Installing minikafka and what its tests need into $(VENV), once" >&2
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml
	@echo "Installing minikafka and what its checks need into $(VENV), once" >&2
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

build/node/.installed: tests/clients/node/package.json
	@mkdir -p build/node && cp $< build/node
	@command -v npm > /dev/null || { echo "no npm: the test with kafkajs is skipped" >&2; exit 0; }; \
		cd build/node && npm install --silent --no-audit --no-fund
	@touch $@

$(VENV)/.installed-browser: $(VENV)/.installed-test
	@test -x "$(CHROMIUM)" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } || \
		{ echo "No browser at $(CHROMIUM); name one with MINIKAFKA_CHROMIUM" >&2; exit 1; }
	@$(PIP) --editable '.[browser]'
	@touch $@

$(VENV)/.installed-schemathesis: $(VENV)/.installed-test
	@$(PIP) --editable '.[schemathesis]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
