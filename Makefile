# The two commands of the README. They need git, make and Python 3.11 or newer, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
# A test waits for servers and time limits for a third of its time, so one more is run than there are processors.
PROCESSES = $$(($$(getconf _NPROCESSORS_ONLN) + 1))
SUPPORTED := import sys; sys.exit(sys.version_info < (3, 11))

.PHONY: help demo test slow lint hooks twins rendered site benchmarks clean
.DEFAULT_GOAL := help

help:  ## list these commands
	@awk -F ':.*##  *' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/installed  ## render the default project, install and migrate it, and ask it something
	$(BIN)/python scripts/demo.py

test: lint  ## everything: the facts, all renders, the hooks, the rendered projects on real servers
	$(BIN)/pytest -n $(PROCESSES) --dist worksteal

slow: .venv/installed  ## what takes long: the other style of each database, services of each version updated, load for minutes
	$(BIN)/pytest -n 2 --dist worksteal -m slow

lint: .venv/installed  ## what needs no render: ruff, mypy, zizmor for the workflow, spelling and words to avoid
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zizmor --quiet --offline .github
	$(BIN)/typos --isolated --config pyproject.toml
	$(BIN)/python scripts/words.py

hooks: .venv/installed  ## call the same tools at each commit
	$(BIN)/pre-commit install

twins: .venv/installed  ## refresh templates/sync, which is made from templates/async
	$(BIN)/python scripts/twins.py

rendered: .venv/installed  ## refresh docs/rendered and docs/pictures, which show what the template renders
	$(BIN)/python scripts/rendered.py
	$(BIN)/python scripts/pictures.py

site: .venv/installed  ## build the documentation as a site in .site/html; a broken link ends it
	$(BIN)/python scripts/pages.py
	$(BIN)/zensical build --strict --clean

benchmarks: .venv/installed  ## measure rendered services and write docs/benchmarks.md; ONLY="http sqlite" names a part
	$(BIN)/python -m benchmarks $(ONLY)

# An environment that an older Python has left half-made is made again.
.venv/installed: pyproject.toml
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "PYTHON: '$(PYTHON)' is not Python 3.11 or newer;" \
		"give one, such as: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c 'import pip; $(SUPPORTED)' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

clean:  ## remove the environment, the demo and the site, and nothing that you rendered
	rm -rf .venv .demo .site
