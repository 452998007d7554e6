# make plan · make test · make check · make bench: each works alone on a fresh clone.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHELL := /bin/sh

.PHONY: plan test check bench clean
plan: $(READY)
	@$(BIN)/allocate plan baodi

test: $(READY)
	@sh tests/browser/get-chromium.sh
	@sh tests/office/get-libreoffice.sh
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

bench: $(READY)
	@$(BIN)/python tests/benchmarks/run.py
	@$(BIN)/python tests/benchmarks/map.py

# The stamp is newer than pyproject.toml when what it asks for is installed.
$(READY): pyproject.toml
	@python=$$(sh .ci/find-python) && "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $(READY)

clean:
	rm -rf $(VENV) dist build maps/out
