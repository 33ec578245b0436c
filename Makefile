# Everything that is done to this project by hand has its command here; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run reproduce-paper test test-slow lint format types bench-solver bench-gradient \
	bench-scaling bench-drawn bench-peers bench-generations bench-flow bench-camera bench-report \
	docs clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/run.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev.installed: $(VENV)/run.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(VENV)/run.installed ## set up, train the ball throw, show the result
	$(BIN)/diffsim-run experiment=ball_adam

SCALE ?= cpu

reproduce-paper: $(VENV)/run.installed ## all experiments of the paper, and a report; SCALE=smoke|cpu|gpu
	$(BIN)/python -m benchmarks.paper $(SCALE)

test: $(VENV)/dev.installed ## set up, check style and types, run the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/dev.installed ## the tests that take minutes
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/dev.installed ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev.installed ## put the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(VENV)/dev.installed ## check types
	$(BIN)/mypy

docs: $(VENV)/run.installed ## write docs/configuration.md anew, from the schemas
	$(BIN)/python docs/make_configuration.py

bench-solver: $(VENV)/run.installed ## residual of both solvers against sweeps and time
	$(BIN)/python -m benchmarks.solver_convergence

bench-gradient: $(VENV)/run.installed ## gradient through the sweeps, and implicitly
	$(BIN)/python -m benchmarks.solver_gradient

bench-scaling: $(VENV)/run.installed ## time and memory over robots, steps, bodies and weights
	$(BIN)/python -m benchmarks.scaling

bench-drawn: $(VENV)/run.installed ## robots with numbers of their own against equal ones
	$(BIN)/python -m benchmarks.drawn_robots

bench-flow: $(VENV)/run.installed ## recipes for the gradient through time; an hour
	$(BIN)/python -m benchmarks.gradient_flow

bench-camera: $(VENV)/run.installed ## the camera's speed, and its gradient at edges
	$(BIN)/python -m benchmarks.camera_speed
	$(BIN)/python -m benchmarks.camera_edges

bench-report: $(VENV)/run.installed ## seconds of diffsim-report for 200 runs
	$(BIN)/python -m benchmarks.report_speed

bench-peers: $(VENV)/dev.installed ## MuJoCo and MJX on the same robot
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r benchmarks/peers/requirements.txt
	$(BIN)/python -m benchmarks.peers

bench-generations: $(VENV)/run.installed ## this engine and an older commit of it, taking turns
	$(BIN)/python -m benchmarks.generations

clean: ## remove what was built, not what was found
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache
