# `make demo` and `make test` set up what is missing. PYTHON=... chooses the interpreter (3.11 or 3.12).
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
APIBENCH ?= ../shared/apibench

.PHONY: demo table1 test test-environments lint smoke setup environments clean

demo: $(READY)  ## the main job on the embedded data
	$(RUN) -m rlaif.train

table1: $(READY)  ## three hubs, three seeds: at most 90 minutes on two cores. APIBENCH=DIR is where Gorilla's data lie
	@test -d "$(APIBENCH)" || { echo "error: no directory $(APIBENCH). Get Gorilla's data with"; \
		echo "git clone https://github.com/ShishirPatil/gorilla, then: make table1 APIBENCH=gorilla/data"; exit 1; }
	$(RUN) -m rlaif.execution build torchhub hf2023 tf2023
	$(RUN) -m experiments.table1.run --apibench "$(APIBENCH)"

test: $(READY)  ## every test but those of the large environments
	$(RUN) -m rlaif.execution build torchhub
	$(RUN) -m pytest -n 2

test-environments: environments  ## the tests of execution, those of the large environments among them
	$(RUN) -m pytest -n 2 tests/execution

smoke: $(READY)  ## every stage, small
	$(RUN) -m rlaif.train experiment=smoke

lint: $(READY)
	$(RUN) -m ruff check rlaif tests experiments
	$(RUN) -m mypy

setup: $(READY)

environments: $(READY)  ## every environment that snippets can run in: gigabytes, said first
	$(RUN) -m rlaif.execution build torchhub hf2023 tf2023

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) with the pinned dependencies (once; torch is large)"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) .environments
