# `make demo` shows the whole thing; `make test` installs what it needs and runs every check.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEV    := $(VENV)/.dev
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test unit chaos soak fuzz bench bench-peers picture requirements clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements/runtime.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements/runtime.txt
	$(PIP) --require-hashes -r requirements/build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(READY) requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(READY) ## Run the notifier between a Dintero and a Slack on this machine (SECONDS=n to end by itself)
	@$(BIN)/notifier demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(DEV) ## Install what is needed and run every check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	sh tests/find_chromium.sh
	$(BIN)/pytest -n 2

unit: $(DEV) ## Run the unit tests only (under 20 seconds)
	$(BIN)/pytest -n 2 tests/unit

chaos: $(DEV) ## Kill it 500 times between servers that misbehave, and count what is lost or doubled (KILLS=n SEED=x ENGINE=postgres WORKERS=n)
	$(BIN)/python -m tests.chaos --kills $(or $(KILLS),500) $(if $(SEED),--seed $(SEED)) \
		$(if $(ENGINE),--engine $(ENGINE)) $(if $(WORKERS),--workers $(WORKERS))

soak: $(DEV) ## Run it under churn with faults and draw what it takes: memory, files, tasks, database (MINUTES=n SEED=x)
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

fuzz: $(DEV) ## Feed 200,000 hostile inputs to everything that reads or writes a format (INPUTS=n SEED=x)
	$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),200000) $(if $(SEED),--seed $(SEED))

bench: $(DEV) ## Measure, side by side with bare loops, and print the ratios
	$(BIN)/python -m benchmarks

bench-peers: $(DEV) ## Let Alertmanager and changedetection.io do the same work, and print tables (QUICK=1 WRITE=1)
	PYTHON=$(PYTHON) sh benchmarks/peers/install.sh build/peers
	$(BIN)/python -m benchmarks.peers --peers build/peers $(if $(QUICK),--quick) $(if $(WRITE),--write)

picture: $(DEV) ## Draw the pictures in docs/ anew from the sandbox's page (needs Chromium)
	$(BIN)/python -m tests.picture docs/message.png
	$(BIN)/python -m tests.picture docs/messages-cards.png 1000 2350
	$(BIN)/python -m tests.picture docs/messages-replies.png 1000 1500
	$(BIN)/python -m tests.picture docs/messages-digest.png 1000 620

requirements: $(DEV) ## Make requirements/*.txt anew from pyproject.toml, with hashes
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make requirements" --python-version 3.11 pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make requirements" --python-version 3.11 --extra dev --extra apprise --extra fast --extra postgres pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make requirements" --python-version 3.11 --extra fast --extra postgres --constraint requirements/runtime.txt pyproject.toml -o requirements/wide.txt
	echo 'changedetection.io' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make requirements" --python-version 3.11 - -o requirements/peers.txt
	echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make requirements" --python-version 3.11 - -o requirements/build.txt

clean: ## Remove what the other commands made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
