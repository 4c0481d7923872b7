# Everything runs in .venv, which the first target that needs it makes.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO = demo

VENV5 ?= .venv-transformers5

.PHONY: help demo test test-transformers5 lint bench notebook test-gpu clean

help:  ## Show the targets
	@grep -E '^[a-z0-9-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 20

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable ".[test,tensorflow]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	$(INSTALL) --editable ".[dev]"
	@touch $@

demo: $(VENV)/.installed  ## Benchmark BERT base: the report, CSV files and a plot, in the folder demo/
	@mkdir -p $(DEMO)
	$(BIN)/hfbench pytorch --models google-bert/bert-base-uncased --batch_sizes 8 --sequence_lengths 8 32 128 512 \
		--env_print --save_to_csv --inference_time_csv_file $(DEMO)/inference_time.csv \
		--inference_memory_csv_file $(DEMO)/inference_memory.csv --env_info_csv_file $(DEMO)/env_info.csv
	@$(BIN)/hfbench plot --csv_file $(DEMO)/inference_time.csv --is_time --figure_png_file $(DEMO)/inference_time.png > /dev/null
	@$(BIN)/hfbench plot --csv_file $(DEMO)/inference_memory.csv --figure_png_file $(DEMO)/inference_memory.png > /dev/null
	@echo "CSV files and plots are in $(CURDIR)/$(DEMO):" && ls $(DEMO)

test: $(VENV)/.installed-test  ## Run the whole test suite
	$(BIN)/python -m pytest

$(VENV5)/.installed: pyproject.toml constraints-transformers5.txt
	$(PYTHON) -m venv $(VENV5)
	$(VENV5)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-transformers5.txt --editable ".[test]"
	@touch $@

test-transformers5: $(VENV5)/.installed  ## Run the test suite with the newest Transformers 5, in an environment of its own
	$(VENV5)/bin/python -m pytest

test-gpu: $(VENV)/.installed-test  ## Run the tests that need a GPU
	$(BIN)/python -m pytest -m gpu

lint: $(VENV)/.installed-dev  ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed  ## Measure the tool itself: cost of a cell, influence of the caller, speed of building
	$(BIN)/python tests/benchmarks/run.py

notebook: $(VENV)/.installed-dev  ## Start JupyterLab
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root)

clean:  ## Remove what the other targets made
	rm -rf $(VENV) $(VENV5) $(DEMO) dist build test-artefacts
