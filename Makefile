# Everything starts here: `make run`. Nothing is installed outside $(VENV) but the models, which go to the user's data folder.

PYTHON ?= python3
VENV ?= .venv
OLDEST ?= python3.10
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run setup test lint web bench bench-turns bench-peer bench-wer bench-wake bench-heard first-run profile docs constraints \
  models tiny-models browser clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1#/p' $(MAKEFILE_LIST) | column -t -s '#'
	@echo 'Options: ARGS="--preset tiny" (run, bench), ARGS="-k token" (test), PYTHON=python3.12, VENV=.venv'

run: setup ## install what is missing, fetch the models, serve http://localhost:7860
	$(BIN)/rtvi-local serve $(ARGS)

setup: $(VENV)/.installed models ## only install and fetch the models

test: $(VENV)/.installed-test models tiny-models browser ## run every test, after installing what they need
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-test ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

web: ## build the page and the SDK (web/dist) from their sources; needs Node
	cd web && npm ci && npm run build

bench: setup ## voice-to-voice latency of this machine, about 8 minutes: docs/latency.json, docs/latency.svg
	$(BIN)/rtvi-local bench --questions 24 --warm-up 3 --interruptions 10 --conversations 1,2,4 --after 30 --idle 1,8 --cancels 20 \
	  --save docs/latency.json --plot docs/latency.svg $(ARGS)

bench-turns: setup ## how well it takes turns: scenes of pauses, interruptions and noise, with Smart Turn and without
	$(BIN)/rtvi-local bench --turns all --save docs/turns.json $(ARGS)

bench-peer: setup ## the same questions to this and to Pipecat, by turns; installs it into build/peer-venv
	$(BIN)/python -m rtvi_local.bench.peer --turns 20 --interruptions 2 --save docs/peer.json $(ARGS)

bench-wer: setup ## words that are heard wrong, with the short window and with stock faster-whisper
	$(BIN)/python -m rtvi_local.bench.wer --summary docs/wer.json $(ARGS)

bench-wake: setup ## how well wake words wake, and what sleeping costs, about 10 minutes: docs/wake.json
	$(BIN)/python -m rtvi_local.bench.wake --server --save docs/wake.json $(ARGS)

bench-heard: setup ## what is remembered of an interrupted answer against what was heard of it: docs/heard.json
	$(BIN)/python -m rtvi_local.bench.heard --save docs/heard.json $(ARGS)

first-run: $(VENV)/.installed ## how long a first make run takes and what it leaves on the disk, about 10 minutes: docs/first_run.json
	$(BIN)/python -m rtvi_local.bench.first_run --save docs/first_run.json $(ARGS)

profile: setup ## a flame graph and the event loop's stalls of one turn: build/profile
	$(PIP) --quiet --editable '.[profile]'
	$(BIN)/python -m rtvi_local.bench.profile $(ARGS)

docs: $(VENV)/.installed ## rewrite the pages that come from the code
	$(BIN)/python docs/generate.py

constraints: $(VENV)/.installed-test ## rewrite constraints.txt from what is installed, and from what OLDEST=python3.10 would install
	$(BIN)/python .ci/constraints.py $(OLDEST) > constraints.txt.new && mv constraints.txt.new constraints.txt

clean: ## remove what was built and installed here (the models stay: rtvi-local models remove)
	rm -rf $(VENV) build dist web/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Looks for itself what is there already, in well under a second, and fetches only the rest. `--preset tiny` in ARGS needs other
# models than the default, and so may `--config FILE`.
models: $(VENV)/.installed
	@set -- $(ARGS); chosen=; while [ $$# -gt 0 ]; do \
	  case $$1 in --preset=*|--config=*) chosen="$$chosen $$1";; --preset|--config) chosen="$$chosen $$1=$$2";; esac; shift; \
	done; $(BIN)/rtvi-local models pull $$chosen

# What conversations change to in the tests: about 180 MB besides the default models.
tiny-models: $(VENV)/.installed
	@$(BIN)/rtvi-local models pull --preset tiny --no-prepare

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo 'rtvi-local needs Python 3.10 or newer, but $(PYTHON) is' "$$($(PYTHON) --version 2>&1)." \
	    'Name another: make run PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'No virtual environment could be made. On Debian: apt install python3-venv' >&2; exit 1; }

# llama-cpp-python is published as source only. With a CUDA compiler and a GPU it is compiled for the GPU, and past pip's cache:
# the cache would hand back a build without CUDA. AMX (in Xeons from 2023 on) is left out: GCC's _tile_loadconfig declares 8 of the
# 64 bytes that it reads (seen with GCC 12), the compiler drops the stores to the rest, and llama.cpp ends in a general protection fault.
NO_AMX := -mno-amx-tile -mno-amx-int8 -mno-amx-bf16
$(VENV)/.llama: | $(VENV)/bin/python
	@$(BIN)/python -c 'import llama_cpp' 2>/dev/null || { \
	  { command -v cc || command -v gcc || command -v clang; } >/dev/null && \
	  { command -v c++ || command -v g++ || command -v clang++; } >/dev/null || { \
	    echo 'A C and C++ compiler is missing. On Debian: apt install build-essential cmake' >&2; exit 1; }; \
	  command -v cmake >/dev/null || { \
	    echo 'cmake is missing. On Debian: apt install cmake. On macOS: brew install cmake' >&2; exit 1; }; \
	  echo '==> Compiling llama.cpp. This happens once and takes about 6 minutes on 2 cores; pip is silent meanwhile.'; \
	  if echo | cc $(NO_AMX) -x c -fsyntax-only - 2>/dev/null; then \
	    export CMAKE_ARGS="-DCMAKE_C_FLAGS='$(NO_AMX)' -DCMAKE_CXX_FLAGS='$(NO_AMX)' $$CMAKE_ARGS"; fi; \
	  if command -v nvcc >/dev/null && nvidia-smi -L >/dev/null 2>&1; then \
	    echo '==> With CUDA, which takes longer.'; export CMAKE_ARGS="-DGGML_CUDA=on $$CMAKE_ARGS"; cache=--no-cache-dir; fi; \
	  $(PIP) $$cache "$$($(BIN)/python -c 'import re; print(re.search(r"\"(llama-cpp-python[^\"]*)\"", open("pyproject.toml").read())[1])')"; }
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.llama
	@echo '==> Installing rtvi-local into $(VENV)'
	$(PIP) --quiet --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo '==> Installing the test tools into $(VENV)'
	$(PIP) --quiet --editable '.[test]'
	@touch $@

# Debian's Chromium where there is one to be had, else Playwright's own.
browser: $(VENV)/.installed-test
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	  { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; }; then :; \
	elif $(BIN)/python -m playwright install chromium; then :; \
	else echo '!!! No Chromium could be installed: THE BROWSER TESTS ARE SKIPPED. Install one, or run make test as root.' >&2; fi
