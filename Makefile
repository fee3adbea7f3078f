# Each target makes the environment if it is missing. TORCH_INDEX names another index to take PyTorch from.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test check format bench clean

setup: .venv/runtime.stamp

.venv/runtime.stamp: pyproject.toml constraints.txt deploy/install.py
	$(PYTHON) deploy/install.py .venv
	@touch $@

.venv/develop.stamp: .venv/runtime.stamp
	$(PYTHON) deploy/install.py .venv --extra dev --extra postgres
	@touch $@

run: .venv/runtime.stamp
	@$(BIN)/mynah run

test: .venv/develop.stamp
	$(BIN)/pytest -n 2 $(ARGS)

check: .venv/develop.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/develop.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/develop.stamp
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache
