# Everything a person or CI runs. `make run` is all that a fresh clone needs; ARGS are options for the server.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PAGE := $(BIN)/python web/page.py
NO_NODE := test $$? -eq 3

.PHONY: install run web web-types screenshots check format docs test test-long bench bench-web lock clean
.DEFAULT_GOAL := run

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Milepost needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

install: $(STAMP)

# Without Node the server runs all the same, and its page says how to build the viewer.
run: $(STAMP)
	@$(PAGE) build || true
	$(BIN)/milepost serve $(ARGS)

# The live viewer, where its sources are newer than what was built of them.
web: $(STAMP)
	$(PAGE) build

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(PAGE) check || $(NO_NODE)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The part of docs/definitions.md that says what the node types need.
docs: $(STAMP)
	$(BIN)/python -m milepost.graphs.reference docs

# The types of the viewer's REST client, from the API's document.
web-types: $(STAMP)
	$(BIN)/milepost openapi --schemas | npm --prefix web run --silent types

# Every page in light and dark at three widths, in build/screenshots; ARGS=--documents renews those of the documents.
screenshots: web
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

test: $(STAMP)
	$(PAGE) build || $(NO_NODE)
	$(PAGE) test || $(NO_NODE)
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "not timed"
	$(BIN)/python -m pytest -n 2 --dist worksteal -m timed

# The long forms of the acceptance tests and of the random runs: about half an hour.
test-long: $(STAMP)
	$(BIN)/python -m pytest tests/acceptance tests/engine -m slow --timeout 600

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# The live viewer in the system's Chromium: about five minutes.
bench-web: $(STAMP)
	$(PAGE) build
	$(BIN)/python -m benchmarks web --write

# Needs uv; rewrites the pinned versions from pyproject.toml.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --group dev --group build pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) dist build server/static web/node_modules .mypy_cache .ruff_cache
