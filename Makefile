# Every command works in a fresh clone; each makes what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= valuecompass-workspace

.PHONY: install demo report test test-train lint bench bench-judge train-judge scale-judge lock size clean

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
	$(BIN)/ruff check src tests benchmarks training docs
	$(BIN)/ruff format --check src tests benchmarks training docs
	$(BIN)/pyright

# torch first and alone, from where the reader's machine gets its CPU build (README, "Local transformers models")
test-train: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r constraints-train.txt \
		-r training/judge/requirements.txt
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m train

bench: install
	$(BIN)/python benchmarks/coverage.py --quick
	$(BIN)/python benchmarks/embedded_speed.py

# HUMAN: folder of the Touché23-ValueEval training arguments; LABELS: labelled responses, as `judge
# evaluate` reads them. Without one or the other its figures are left out.
bench-judge: install
	$(BIN)/python benchmarks/judge/bench.py $(if $(HUMAN),--human $(HUMAN)) $(if $(LABELS),--labels $(LABELS))
	$(BIN)/python benchmarks/judge/planted.py
	$(BIN)/python benchmarks/judge/injection.py

# the same heads, bit for bit, on the same kind of machine
train-judge: install
	$(if $(HUMAN),,$(error HUMAN=folder of the Touché23-ValueEval training arguments))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r training/judge/requirements.txt
	$(BIN)/python training/judge/train.py --human $(HUMAN)

# writes the scale of trained heads and the card of the judge, and prints its figures on LABELS, each
# item judged with a scale fitted to the others
scale-judge: install
	$(if $(LABELS),,$(error LABELS=file of labelled responses))
	$(BIN)/python training/judge/scale.py $(LABELS)

# what the installation weighs, package by package
size: install
	$(BIN)/python benchmarks/install_size.py

lock:
	uv pip compile pyproject.toml --extra local --extra dev --universal --generate-hashes \
	  --python-version 3.11 --no-emit-index-url --no-header -q -o requirements.lock

clean:
	rm -rf $(VENV)
