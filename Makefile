# Every command works in a fresh clone; each makes what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= valuecompass-workspace

.PHONY: install demo report test test-train lint bench lock size clean

install: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: install
	$(BIN)/python -m valuecompass.demo -w $(WORKSPACE)

report: install
	$(BIN)/valuecompass report -w $(WORKSPACE)

test: install
	$(BIN)/python -m pytest -n 2

lint: install
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/pyright

# torch first and alone, from where the reader's machine gets its CPU build (README, "Local transformers models")
test-train: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r constraints-train.txt
	$(BIN)/python -m pytest -m train

bench: install
	$(BIN)/python benchmarks/coverage.py --quick
	$(BIN)/python benchmarks/embedded_speed.py

# what the installation weighs, package by package
size: install
	$(BIN)/python benchmarks/install_size.py

lock:
	uv pip compile pyproject.toml --extra local --extra dev --universal --generate-hashes \
	  --python-version 3.11 --no-emit-index-url --no-header -q -o requirements.lock

clean:
	rm -rf $(VENV)
