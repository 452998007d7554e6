# make plan · make test · make check · make bench: each works alone on a fresh clone.
# make bench INSTANCES=/path/to/instances measures on published instances too; it takes some hours, most of them the peers'.
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
	@sh tests/postgis/get-postgis.sh
# (What many processes load is compiled once, not by each, whatever the environment says.)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

bench: $(READY)
	@ALLOCATE_BENCH=1 $(BIN)/python -m pytest tests/test_baodi.py tests/test_datum_fit.py tests/test_serve_walk.py
	@sh tests/benchmarks/get-peers.sh
	@$(BIN)/python tests/benchmarks/run.py
	@$(BIN)/python tests/benchmarks/large.py
	@$(BIN)/python tests/benchmarks/size.py
	@$(BIN)/python tests/benchmarks/map.py
	@$(BIN)/python tests/benchmarks/resolving.py
	@$(BIN)/python tests/benchmarks/districts.py
	@$(BIN)/python tests/benchmarks/reading.py
	@$(BIN)/python tests/benchmarks/road_times.py
	@$(BIN)/python tests/benchmarks/roads.py
	@$(BIN)/python tests/benchmarks/classics.py $(if $(INSTANCES),--instances "$(INSTANCES)")

# The stamp is newer than pyproject.toml when what it asks for is installed.
$(READY): pyproject.toml
	@python=$$(sh .ci/find-python) && "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $(READY)

clean:
	rm -rf $(VENV) .venv-peers dist build maps/out
