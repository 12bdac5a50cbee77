# One verb, one command; the same for people and CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test journeys check soak bench format lock vectors clean

setup: $(READY)

$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "yobu needs Python 3.11 or newer; set PYTHON=/path/to/it")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/yobu demo $(ARGS)

test: setup
	@$(BIN)/python -m pytest tests --ignore=tests/journeys --ignore=tests/soak $(ARGS)

journeys: setup
	@$(BIN)/python -m pytest tests/journeys $(ARGS)

format: setup
	@$(BIN)/ruff format src tests bench
	@$(BIN)/ruff check --fix src tests bench

check: setup
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory journeys

soak: setup
	@$(BIN)/python -m pytest tests/soak $(ARGS)

bench: setup
	@$(BIN)/python -m bench $(ARGS)

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --all-extras --group dev pyproject.toml -o requirements/dev.lock

vectors: setup
	@rm -rf .vectors && mkdir .vectors
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-binary :all: --no-deps -d .vectors \
		botocore==$$($(BIN)/python -c 'import botocore; print(botocore.__version__)')
	@tar xzf .vectors/botocore-*.tar.gz -C .vectors --strip-components=4 --wildcards '*/tests/unit/protocols/*'

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .vectors
