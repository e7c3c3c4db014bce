# Two commands for everybody: `make run` and `make test`. The others are for those who change the code.
PYTHON ?= python3
BIN := .venv/bin
CONSOLE := $(shell find console -type f -not -path '*/node_modules/*' 2>/dev/null)
DEMO ?=

.PHONY: run test test-real interop check format bench bench-report weights clean

run: weights
	$(BIN)/welcomedly serve --demo $(DEMO)

test: weights
	$(BIN)/pytest -m "not real"

test-real: weights
	$(BIN)/pytest -m real

interop: weights
	$(BIN)/python -m tests.interop --real

check: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python hatch_build.py

format: .venv/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: weights
	$(BIN)/python -m benchmarks $(CELL)

bench-report: .venv/.ready
	$(BIN)/python -m benchmarks --report

# Every time: they lie in `DATA_DIR`, of which .venv does not know, and the catalogue may have changed.
weights: .venv/.ready
	$(BIN)/welcomedly models install

.venv/.ready: pyproject.toml constraints.txt hatch_build.py $(CONSOLE)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet --progress-bar on -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv engine/web/static console/node_modules
