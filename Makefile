# Every target sets up its own environment, .venv in this folder, from Python >= 3.11 alone.
# The environment follows pyproject.toml: while that file stands still, nothing is installed again.

PYTHONS ?= python3 python3.13 python3.12 python3.11 python
BIN := .venv/bin
READY := .venv/.ready
INSTALL_LOG := .venv/install.log

# Tests run side by side, one thread each.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

.DEFAULT_GOAL := help
.PHONY: help env demo test check check-rest slow lint types format bench clean
.SILENT: help $(READY)

help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(READY) ## set up .venv, and nothing else

demo: $(READY) ## the whole loop on real outcomes, in a minute; leaves its results in data/ and models/
	$(BIN)/tracetier demo

test: $(READY) ## the fast tests
	$(PYTEST) -n auto

check: test check-rest ## all that CI runs: the fast tests, lint, types, the slow tests

check-rest: lint types slow ## what CI runs after the fast tests

slow: $(READY) ## the slow tests, those of the built wheel among them
	$(PYTEST) -m slow

lint: $(READY) ## format and lint, without changing a file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## mypy, strict
	$(BIN)/mypy

format: $(READY) ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## run the benchmarks, one after the other
	set -e; for file in $(wildcard benchmarks/[a-z]*.py); do \
	    echo "== $$file"; $(BIN)/python "$$file"; \
	done

clean: ## remove what the targets made; your own files in data/ and models/ stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	rm -rf data/demo models/demo
	find pipeline tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(READY): pyproject.toml
	python=; seen=; \
	for name in $(PYTHONS); do \
	    version=$$($$name -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	    seen="$$seen $$name=$$version"; \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "tracetier needs Python >= 3.11; found:$${seen:- none}." >&2; \
	    echo "Install one, or name it: make PYTHONS=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up .venv with $$python ($$version)"; \
	    if ! $$python -m venv --clear .venv; then \
	        echo "$$python cannot make virtual environments;" \
	             "on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	    fi; \
	fi
	echo "Installing tracetier and its tools into .venv (a minute or two, once)"
	if ! $(BIN)/python -m pip install --quiet -e '.[dev,demo]' 2>$(INSTALL_LOG); then \
	    if ! $(BIN)/python -m pip install --quiet -e '.[dev]'; then \
	        echo "The packages could not be installed: see above, and $(INSTALL_LOG)." >&2; exit 1; \
	    fi; \
	    echo "The demo's real outcomes (extra 'demo') could not be installed, see $(INSTALL_LOG):" \
	         "'tracetier demo' uses the synthetic sample. To try again: make clean." >&2; \
	fi
	touch $@
