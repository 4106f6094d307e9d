# Everything that the workbook does from a terminal. `make` alone lists it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
RUN := .venv/bin/python
FILE ?= workbook-kit.tar
ENGINES ?=
NBVAL := --nbval --nbval-sanitize-with tests/notebooks/sanitize.cfg \
  --nbval-cell-timeout 1200 --nbval-current-env
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
LEDGER := notebooks/11_ledger.ipynb
LONG := notebooks/04_cache.ipynb notebooks/09_pipeline.ipynb notebooks/10_howlow.ipynb
# Need no engine, and take seconds to load or start what they ask: `make test` runs them, `check` does not.
SLOW := tests/repo/test_nbval.py tests/repo/test_notebooks.py tests/repo/test_audit.py \
  tests/unit/image/test_sbom.py
CHECKS := style units-above units-below
BELOW := host claims engine image bases buildx
UNITS := PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -q -p no:nbval -m "not engine and not slow" $(SLOW:%=--ignore=%)
# Tests that need an engine and no base image: they run while the images are made.
WITHOUT_BASES := tests/engine/engine tests/engine/buildx
EXERCISES := tests/engine/exercises tests/browser
SHORT := $(filter-out $(LONG) $(LEDGER),$(NOTEBOOKS))
export JUPYTER_PLATFORM_DIRS = 1

.DEFAULT_GOAL := help
.PHONY: help environment lab test test-matrix check style units-below units-above pages engine-below engine-above engine-exercises long-lessons short-lessons test-newest ledger notebooks slides talk book bench screenshots standins engine engine-stop bases kit kit-load kit-unload doctor lock audit clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

environment:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is not on the PATH; install it first."; exit 1; }
	@"$(PYTHON)" -m helpers.host.bootstrap

lab: environment ## open the workbook in JupyterLab
	@$(RUN) -m helpers lab

# Two jobs, one a core: the next is always the first of the list that waits for nothing. No test runs in two
# of them. Tests marked `rare` are left to `make test-matrix`.
test: ## everything: checks, tests on the real engine, every notebook
	@$(MAKE) --no-print-directory --jobs=2 $(CHECKS) bases engine-below pages \
	  engine-above long-lessons engine-exercises short-lessons ledger

pages: $(CHECKS)
	$(RUN) -m pytest -m "not engine" tests/browser $(SLOW) \
	  tests/unit/lesson/test_lab.py::test_the_server_that_really_runs_asks_for_its_token

engine-below: $(CHECKS) engine
	$(RUN) -m pytest -m "engine and not rare" $(WITHOUT_BASES)

engine-above: $(CHECKS) bases
	$(RUN) -m pytest -m "engine and not rare" tests/engine $(addprefix --ignore=,$(WITHOUT_BASES) $(EXERCISES))

engine-exercises: $(CHECKS) bases
	$(RUN) -m pytest -m "engine and not rare" $(EXERCISES)

long-lessons: $(CHECKS) bases
	$(RUN) -m pytest $(NBVAL) $(LONG)

# After them, since the tests of pins and lesson 06 build under the same tags.
short-lessons: $(CHECKS) bases engine-above
	$(RUN) -m pytest $(NBVAL) $(SHORT)

ledger: long-lessons short-lessons
	$(RUN) -m pytest $(NBVAL) $(LEDGER)

test-newest: $(CHECKS) bases ## the engine tests whose outcome depends on it, on the newest Docker
	$(RUN) -m tests.engines.matrix --where-possible newest -- \
	  $(RUN) -m pytest -m "every_engine and not slow and not rare" tests/engine

test-matrix: check ## engine tests and notebooks on each of ENGINES="oldest newest oldest-containerd …"
	$(RUN) -m tests.engines.matrix $(ENGINES) -- $(RUN) -m pytest $(NBVAL) tests/engine notebooks

check: ## style, types and the tests that need no engine
	@$(MAKE) --no-print-directory --jobs=2 $(CHECKS)

style: environment
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# Two halves of like length, one a core.
units-below: environment
	$(UNITS) $(BELOW:%=tests/unit/%)

units-above: environment
	$(UNITS) $(BELOW:%=--ignore=tests/unit/%) tests/unit tests/repo tests/notebooks tests/engines tests/bench

notebooks: bases ## run the lessons live and keep their outputs
	$(RUN) -m nbconvert --config tests/notebooks/execute.py --execute --inplace \
	  $(filter-out $(LEDGER),$(NOTEBOOKS)) $(LEDGER)

slides: environment ## one slide deck a lesson, each a single file that needs no network
	@$(RUN) -m nbconvert --config docs/slides/nbconvert.py $(NOTEBOOKS)

talk: environment ## one deck for a talk of fifty minutes, slides/talk.html
	@$(RUN) docs/slides/talk.py | $(RUN) -m nbconvert --config docs/slides/nbconvert.py --stdin --output talk

book: environment ## the lessons as a site to read, in book/
	@rm -rf book
	@$(RUN) -m sphinx --quiet --fail-on-warning --fresh-env docs/book book
	@rm -rf book/.doctrees
	@echo book/index.html

bench: bases ## what the workbook costs against the same work typed by hand
	$(RUN) -m tests.bench $(TOPICS)

standins: bases ## write docs/standins.md: each stand-in beside the official image
	@$(RUN) -m tests.standins

screenshots: bases ## make the pictures of the README anew, in a browser
	@$(RUN) -m tests.browser.screenshots

engine: environment ## use your Docker engine, or start a private one (Linux, root)
	@$(RUN) -m helpers engine

engine-stop: environment ## stop the private engine
	@$(RUN) -m helpers engine-stop

bases: engine ## have the base images ready
	@$(RUN) -m helpers bases

kit: bases ## write base images, npm packages and wheels into one file, FILE=workbook-kit.tar
	@$(RUN) -m helpers kit $(FILE)

kit-load: ## use such a file with the network off: make kit-load FILE=workbook-kit.tar
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is not on the PATH; install it first."; exit 1; }
	@"$(PYTHON)" -m helpers.host.bootstrap $(FILE)
	@$(RUN) -m helpers engine
	@$(RUN) -m helpers kit-load $(FILE)

kit-unload: environment ## back to this machine's npm registry
	@$(RUN) -m helpers kit-unload

doctor: environment ## what was found on this machine, and what is missing
	@$(RUN) -m helpers doctor

lock: environment ## resolve the dependencies anew into requirements.lock
	$(RUN) -m uv pip compile --quiet pyproject.toml --all-extras --universal --generate-hashes \
	  --no-emit-index-url --upgrade --python-version 3.11 -o requirements.lock

audit: environment ## ask about known vulnerabilities of the locked packages
	@.ci/audit requirements.lock helpers/measure/apps/python/requirements.lock sample_app/package-lock.json \
	  helpers/exercises/vault/package-lock.json

clean: ## remove what the workbook made: labelled images, private engine, caches, environment
	@if [ -x $(RUN) ]; then $(RUN) -m helpers clean; fi
	rm -rf .venv
