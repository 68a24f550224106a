# Every command a user or a developer runs; continuous integration runs the same ones.
# Needs make and Python >= 3.11 alone: each target sets up first what it needs, in .venv.

PYTHON ?=
Q ?=
DOCS ?=
MODEL =
CHROMIUM ?=
ARGS =
UPGRADE =

BIN := .venv/bin
NODE := cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH"
PAGE := $(addprefix ../src/tailrace/server/static/,agent_chat.js agent_chat.css plain)
TAILRACE := $(BIN)/tailrace
TOOL := $(BIN)/python tools

# A question may hold quotes, dollars and newlines. It goes to the shell through the environment,
# as it was typed: `value` keeps make from reading it, `unexport` from handing on its own reading.
unexport Q DOCS
export ASK_QUESTION := $(value Q)
export ASK_FOLDER := $(value DOCS)

# where a person's own shell would lead the virtual environment astray
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# tests look it up; where it is not given, one is found
ifneq ($(CHROMIUM),)
export CHROMIUM
endif

.PHONY: help setup run ask dev test test-frontend test-slow test-live check check-format \
	check-lint check-types check-imports check-frontend check-contracts check-sizes check-tree \
	bench contracts licences format lock clean

help: ## this list
	@echo 'make run                          the server, at http://127.0.0.1:1733'
	@echo 'make ask Q="..." [DOCS=folder]    an answer out of your own files, in the terminal'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## make .venv with everything needed to run; PYTHON=... chooses the Python
	@python=$$(sh tools/find_python.sh '$(PYTHON)') && "$$python" tools/setup_venv.py run

run: setup ## start the server; MODEL=default: fetch the default model; ARGS="--port 8080"
	@$(TAILRACE) serve $(if $(filter default,$(MODEL)),--pull-model) $(ARGS)

ask: setup ## answer Q="..." from DOCS=folder, fetching the default model once
	@if [ -z "$$ASK_QUESTION" ]; then \
		echo 'What is the question?  make ask Q="How do I ...?" [DOCS=folder]' >&2; exit 2; fi
	@if [ '$(MODEL)' != none ]; then $(TAILRACE) models pull --if-needed || \
		echo 'Going on without a model: the answer will be the passages themselves.' >&2; fi
	@$(TAILRACE) ask $(ARGS) $${ASK_FOLDER:+--docs "$$ASK_FOLDER"} -- "$$ASK_QUESTION" || \
		[ $$? -eq 3 ] # the documents do not say: an honest answer, no failure of make's

dev: ## setup, and what developing needs: tools, Node, npm packages, a Chromium
	@python=$$(sh tools/find_python.sh '$(PYTHON)') && \
		"$$python" tools/setup_venv.py run dev frontend && $(TOOL)/setup_frontend.py

test: dev ## the tests that take seconds; ARGS="tests/wire -k cut" chooses among them
	@$(BIN)/pytest -n 2 -m 'not slow and not live' $(ARGS)
	@$(if $(ARGS),,$(MAKE) --no-print-directory --old-file=dev test-frontend)

test-frontend: dev ## the tests of the TypeScript packages alone
	@$(NODE) npx vitest run

test-slow: dev ## the tests that take minutes
	@$(BIN)/pytest -m slow $(ARGS)

test-live: dev ## the tests that need the default embedded model
	@$(BIN)/pytest -m live $(ARGS)

check: dev ## format, lint, types, floors, front end, contracts, sizes, tree; all are run
	@$(MAKE) --keep-going --no-print-directory --old-file=dev check-format check-lint \
		check-types check-imports check-frontend check-contracts check-sizes check-tree

check-format: dev
	@$(BIN)/ruff format --check

check-lint: dev
	@$(BIN)/ruff check

check-types: dev
	@$(BIN)/basedpyright

check-imports: dev
	@$(BIN)/lint-imports

check-frontend: dev
	@$(NODE) npx biome check . $(PAGE)
	@$(NODE) npx tsc --build
	@$(NODE) npx tsc --project tsconfig.page.json
	@$(NODE) npx tsc -p tsconfig.page.json
	@$(NODE) node tools/generate.mjs --check
	@$(NODE) node tools/bundle.mjs --check

check-contracts: dev
	@$(TOOL)/contracts.py --check
	@$(TOOL)/reference.py --check

check-sizes: dev
	@$(TOOL)/check_sizes.py

check-tree: dev
	@$(TOOL)/check_tree.py

bench: dev ## every benchmark, then docs/performance.md; ARGS=--quick only tries them
	@$(BIN)/python benchmarks/run_all.py $(ARGS)

licences: dev ## the licence of everything that is installed to run
	@$(TOOL)/check_licences.py

contracts: dev ## write contracts/, docs/reference/ and what the front end makes of them anew
	@$(TOOL)/contracts.py
	@$(TOOL)/reference.py
	@$(NODE) node tools/generate.mjs
	@$(NODE) node tools/bundle.mjs

format: dev ## format the code, and mend what the linter can mend
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format
	@$(NODE) npx biome check --write . $(PAGE)

lock: ## pin the requirements again, after a change; UPGRADE=1: the newest
	@python=$$(sh tools/find_python.sh '$(PYTHON)') && "$$python" tools/setup_venv.py run frontend lock
	@UPGRADE='$(UPGRADE)' $(TOOL)/lock.py

clean: ## remove .venv and all caches; your data and models live elsewhere and stay
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov \
		dist build frontend/node_modules frontend/packages/*/dist
	@find src tests tools benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
