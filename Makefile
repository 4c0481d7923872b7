# Everything runs in .venv, which the first target that needs it makes.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = -m pip install --quiet --disable-pip-version-check
INSTALL = $(BIN)/python $(PIP) --constraint constraints.txt
DEMO = demo

# uv makes an environment in a quarter of the time that pip takes. It does not make the two in which .ci/run compares
# memory with what weights take: with files that uv had just written, a process had 58 MB more of PyTorch's libraries in
# memory, and 0.5 MB more of them after a model was built (Linux 6.18, ext4).
# uv reads none of pip's settings: one folder of packages that they may name is handed on, and where it fails pip
# installs. What else they say (an index, constraints) does not hold for what uv installs.
UV = .uv/bin/uv
FIND_LINKS = $(or $(PIP_FIND_LINKS),$(shell .uv/bin/python -m pip config get global.find-links 2> /dev/null))
# $(call install,ENVIRONMENT,ARGUMENTS)
install = UV_FIND_LINKS="$(FIND_LINKS)" $(UV) pip install --quiet --compile-bytecode --python $(1)/bin/python $(2) \
	|| $(1)/bin/python $(PIP) $(2)

# Where torchao is installed beside Transformers, that imports it into every worker: a second and 14 MB more. Tests of
# quantization find it in this folder, which they put on the path of their workers alone.
TORCHAO = .torchao

VENV5 ?= .venv-transformers5
VENV_COLAB ?= .venv-colab
VENV_DOCS ?= .venv-docs

# The versions of Python that are claimed: 3.10 the oldest, 3.13 the newest and Colab's.
PYTHONS ?= 3.10 3.11 3.12 3.13
PYENV_ROOT ?= $(HOME)/.pyenv
python_of = $(firstword $(foreach path,python$(1) $(wildcard $(PYENV_ROOT)/versions/$(1).*/bin/python3),\
	$(shell $(path) -c 'import venv, ensurepip, sys; print(sys.executable)' 2> /dev/null)))
FOUND = $(foreach version,$(PYTHONS),$(if $(call python_of,$(version)),$(version)))

# Tests run in three processes, on two cores, too, since many of them wait. Those whose measurements or time limits
# another one of them could disturb share a process.
JOBS ?= 3
# How often a test that failed is tried again, and shown with its failures: for machines that others use, too.
RERUNS ?= 0
# Some hundred processes of the tests import this package: none of them should compile it anew.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = python -m pytest --numprocesses $(JOBS) --reruns $(RERUNS) --rerun-show-tracebacks

.PHONY: help demo test test-quick test-transformers5 test-colab pythons test-pythons test-browser lint bench survey notebook docs docs-serve test-gpu test-binder clean

help:  ## Show the targets
	@grep -E '^[a-z0-9%-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 20

$(UV):
	$(PYTHON) -m venv .uv
	-.uv/bin/python $(PIP) uv

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable ".[browser,tensorflow]"
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

$(TORCHAO)/.installed: constraints.txt | $(BIN)/python
	$(BIN)/python $(PIP) --no-deps --upgrade --target $(TORCHAO) $(shell grep ^torchao== constraints.txt)
	@touch $@

test: $(VENV)/.installed-test $(TORCHAO)/.installed  ## Run the whole test suite
	$(BIN)/$(PYTEST)

test-quick: $(VENV)/.installed-test  ## Run the tests that take seconds, before each commit
	$(BIN)/$(PYTEST) -m quick

$(VENV5)/.installed: pyproject.toml constraints-transformers5.txt
	$(PYTHON) -m venv $(VENV5)
	$(VENV5)/bin/python $(PIP) \
		--constraint constraints-transformers5.txt --editable ".[test]"
	@touch $@

test-transformers5: $(VENV5)/.installed $(TORCHAO)/.installed  ## Test what measures with the newest Transformers 5, in an environment of its own
	$(VENV5)/bin/$(PYTEST) -m measures

$(VENV_COLAB)/.installed: pyproject.toml constraints-colab.txt | $(UV)
	$(PYTHON) -m venv $(VENV_COLAB)
	$(call install,$(VENV_COLAB),--constraint constraints-colab.txt --editable ".[test]")
	@touch $@

test-colab: $(VENV_COLAB)/.installed  ## Test what notebooks show with Colab's front end, in an environment of its own
	$(VENV_COLAB)/bin/$(PYTEST) -m shows

# The newest versions of everything that this Python can have. Where no CPU build of torch is at hand, this is 5 GB.
.venv-python%/.installed: pyproject.toml constraints.txt | $(UV)
	$(or $(call python_of,$*),$(error Python $* is not installed)) -m venv .venv-python$*
	$(call install,.venv-python$*,--editable ".[test]" $(shell grep ^torch== constraints.txt))
	@touch $@

.PRECIOUS: .venv-python%/.installed
test-python%: .venv-python%/.installed  ## Test what measures and what shows with that version: make test-python3.10
	.venv-python$*/bin/$(PYTEST) -m "(measures or shows)$(if $(QUICK), and quick)"

pythons: $(foreach version,$(FOUND),.venv-python$(version)/.installed)  ## Make the environments of test-pythons

test-pythons:  ## Do so with each Python from 3.10 to 3.13 that is found, here or under pyenv; QUICK=1 for seconds
	@echo "Python found: $(or $(FOUND),none); not found: $(or $(filter-out $(FOUND),$(PYTHONS)),none)"
	$(if $(FOUND),$(MAKE) $(foreach version,$(FOUND),test-python$(version)))

test-browser: $(VENV)/.installed-test  ## Run the tests in a real browser: JupyterLab and Voilà in Chromium
	$(BIN)/python -m pytest tests/frontends/browser

test-gpu: $(VENV)/.installed-test  ## Run the tests that need a GPU
	$(BIN)/python -m pytest -m gpu

# What mybinder.org does with the files of binder/: that Python, its base environment, the requirements, then start.
# One retry: where the index of PyTorch's CPU builds cannot be reached, pip takes them from where else they are.
BINDER = .venv-binder
test-binder: export PIP_RETRIES = 1
test-binder:  ## Make the environment that binder/ describes, in .venv-binder, and run the quickstart in it
	rm -rf $(BINDER)
	$(subst -,,$(shell cat binder/runtime.txt)) -m venv $(BINDER)
	$(BINDER)/bin/python $(PIP) jupyterlab
	$(BINDER)/bin/python $(PIP) --requirement binder/requirements.txt
	mkdir -p $(BINDER)/run && cp notebooks/quickstart.ipynb $(BINDER)/run
	cd $(BINDER)/run && PATH=$(CURDIR)/$(BINDER)/bin:$$PATH $(CURDIR)/binder/start \
		jupyter nbconvert --execute --to markdown --stdout --log-level WARN quickstart.ipynb

lint: $(VENV)/.installed-dev  ## Check style, format, types, and which module imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports pyproject.toml
	$(BIN)/lint-imports .importlinter

bench: $(VENV)/.installed-test $(TORCHAO)/.installed  ## Measure the tool itself and its peers, into bench.md; SECTIONS="cases truth" for some
	$(BIN)/python tests/benchmarks/run.py $(SECTIONS)

survey: $(VENV)/.installed-test $(VENV5)/.installed  ## Measure every model type of both majors, and write SUPPORTED_MODELS.md; TYPES="bert gpt2" for some
	$(BIN)/python tests/benchmarks/survey.py --folder .survey/4 $(if $(TYPES),--again --types $(TYPES))
	$(BIN)/python tests/benchmarks/survey_generation.py --folder .survey/4 $(if $(TYPES),--again --types $(TYPES))
	$(VENV5)/bin/python tests/benchmarks/survey.py --folder .survey/5 $(if $(TYPES),--again --types $(TYPES))
	$(VENV5)/bin/python tests/benchmarks/survey_generation.py --folder .survey/5 $(if $(TYPES),--again --types $(TYPES))
	$(BIN)/python tests/benchmarks/list_models.py .survey/4 .survey/5

notebook: $(VENV)/.installed-dev  ## Start JupyterLab
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root)

# The site is made from the sources alone: neither this package nor a framework is installed there.  ruff formats the
# signatures.
DOCS = zensical "mkdocstrings[python]" ruff
$(VENV_DOCS)/.installed: constraints-docs.txt | $(UV)
	$(PYTHON) -m venv $(VENV_DOCS)
	$(call install,$(VENV_DOCS),--constraint constraints-docs.txt $(DOCS))
	@touch $@

docs: $(VENV_DOCS)/.installed  ## Build the documentation site into site/; a link that leads nowhere, or any warning, is an error
	$(VENV_DOCS)/bin/python docs/tools/pages.py
	$(VENV_DOCS)/bin/zensical build --clean --strict > build/docs.log 2>&1 || (cat build/docs.log && false)
	@! grep -iE "^griffe|warning" build/docs.log

docs-serve: docs  ## Serve the site; `make docs` elsewhere updates it
	$(VENV_DOCS)/bin/zensical serve

clean:  ## Remove what the other targets made
	rm -rf .uv $(VENV) $(VENV5) $(VENV_COLAB) $(VENV_DOCS) $(TORCHAO) .venv-python* .venv-binder $(DEMO) .bench bench.md survey dist build test-artefacts site
