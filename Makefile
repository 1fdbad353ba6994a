# Everything happens in .venv, made here from PyPI with nothing but Python 3.11; set PYTHON to name another interpreter.
PYTHON ?= python3.11
# An index of CPU-only torch wheels, where the default one would bring gigabytes of CUDA.
TORCH_INDEX ?=
BIN := .venv/bin
# What writes and reads logs, once more with all of them in PostgreSQL.
ON_POSTGRESQL := tests/stories tests/registry/store tests/registry/test_writer.py tests/registry/test_writer_batches.py \
  tests/registry/test_writer_waits.py tests/registry/test_writer_faults.py tests/registry/test_fsck.py tests/registry/test_postgresql.py
# Of these, `make test` draws a quarter of the examples of each law.
CORES := tests/merger tests/reference tests/lineage
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL = $(PIP) install --progress-bar off -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e

.PHONY: help demo test check system soak fuzz bench fmt lint types imports clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/bin/python:
	$(PYTHON) -m venv .venv

# pip's own words tell what was downloaded: the stamp keeps a summary of them.
.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing what the demo needs (torch and transformers: about 250 MB on Linux x86-64, CPU)"
	@deploy/install.sh .venv/demo.log $(INSTALL) '.[demo]'
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing what the tests need (torch and transformers: about 250 MB on Linux x86-64, CPU; tools: about 60 MB)"
	@deploy/install.sh .venv/dev.log $(INSTALL) '.[dev]'
	@touch $@

demo: .venv/.demo  ## the whole story on real weights
	@start=$$(date +%s); $(BIN)/studbook demo && echo "demo: $$(( $$(date +%s) - start )) s; $$(cat .venv/demo.log.summary)"

test: .venv/.dev  ## the tests that need nothing but PyPI
	@start=$$(date +%s); STUDBOOK_SOAK=0.25 $(BIN)/pytest -q -n 2 --dist worksteal && echo "test: $$(( $$(date +%s) - start )) s; $$(cat .venv/dev.log.summary)"

check: lint types imports test  ## format, lint, types, imports, and the tests

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.dev
	$(BIN)/mypy

imports: .venv/.dev
	$(BIN)/lint-imports

system: .venv/.dev  ## real processes: kill tests, servers, PostgreSQL, the wheel; a skip is a failure
	@deploy/packages.sh
	@start=$$(date +%s); STUDBOOK_NO_SKIP=1 STUDBOOK_TEST_ON=postgresql $(BIN)/pytest -q -n 2 --dist worksteal $(ON_POSTGRESQL) && \
	  echo "on PostgreSQL: $$(( $$(date +%s) - start )) s"
	@start=$$(date +%s); STUDBOOK_NO_SKIP=1 $(BIN)/pytest -q -n 2 --dist worksteal $(CORES) && echo "cores: $$(( $$(date +%s) - start )) s"
	@start=$$(date +%s); STUDBOOK_NO_SKIP=1 $(BIN)/pytest -q -m system && echo "system: $$(( $$(date +%s) - start )) s"

bench: .venv/.dev  ## figures, as ratios against a named rival
	$(BIN)/python tests/benchmarks/merging.py
	$(BIN)/python tests/benchmarks/growth.py
	$(BIN)/python tests/benchmarks/admission.py
	$(BIN)/python tests/benchmarks/verifying.py
	$(BIN)/python tests/benchmarks/leaves.py
	$(BIN)/python tests/benchmarks/checking.py
	$(BIN)/python tests/benchmarks/hubs.py
	$(BIN)/python tests/benchmarks/crowds.py --chains 1

soak: .venv/.dev  ## the same laws with many more examples, and many more kills
	STUDBOOK_KILLS=500 STUDBOOK_SOAK=20 $(BIN)/pytest -q -n 2 -m "system or not system" -k "law or kill"

.venv/.fuzz: .venv/.dev
	@echo "installing what guides the fuzzing (atheris: about 35 MB, for Linux x86-64)"
	@deploy/install.sh .venv/fuzz.log $(INSTALL) '.[fuzz]'
	@touch $@

fuzz: .venv/.fuzz  ## parsers of strangers' bytes, guided by coverage, for over an hour; what it finds joins the corpus
	$(BIN)/python tests/fuzz/run.py --all

fmt: .venv/.dev  ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## throw the environment away
	rm -rf .venv
