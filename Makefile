# Each target is one command; see README.md.
SHELL := /bin/bash
VENV := .venv
TRAIN := .cache/venv-train
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)/files/kepler_lens
SCENARIO ?= default
PART ?= all
STEP ?=
ONE_CORE = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
PLAY = scripts/play.py
BENCH_hard = hard_stars.py
BENCH_calibrate = calibrate.py all

# Exported as they were typed: make would take a dollar sign for the beginning of a variable.
TYPED = SOURCE STARS RECORDS LABELS BUNDLE KOI K2 INVENTORY VARS
$(foreach name,$(TYPED),$(if $(value $(name)),$(eval override export $(name) := $$(value $(name)))))

.DEFAULT_GOAL := help
.PHONY: help import transits dataset training scores status tag lab explorer lab-down test lint unit unit-long unit-train molecule bench bench-search bench-search-speed bench-training bench-scores bench-recipes model bench-transits bench-explorer bench-sky explorer-build mutants docs lock clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/controller: requirements/bootstrap.txt requirements/controller.txt
	@scripts/venv $(VENV) requirements/controller.txt && touch $@

$(VENV)/dev: requirements/bootstrap.txt requirements/dev.txt
	@scripts/venv $(VENV) requirements/dev.txt && touch $@ $(VENV)/controller

$(TRAIN)/ready: requirements/bootstrap.txt requirements/train-dev.txt
	@scripts/venv $(TRAIN) requirements/train-dev.txt && touch $@

import: $(VENV)/controller ## Stand up the lab and import light curves [SOURCE=… STARS=… VARS='k=v …']
	@$(PLAY) import.yml import_source=SOURCE import_stars=STARS

transits: $(VENV)/controller ## Search the lab's stars for planets [STARS=… VARS='k=v …']
	@$(PLAY) playbooks/transits.yml transits_stars=STARS

dataset: $(VENV)/controller ## Build a data set of labelled candidates on the fleet [LABELS=table.csv STARS=… VARS='k=v …']
	@$(PLAY) playbooks/dataset.yml dataset_labels=LABELS dataset_stars=STARS

training: $(VENV)/controller ## Train a network on labelled records [RECORDS=folder LABELS=… VARS='k=v …']
	@$(PLAY) playbooks/training.yml training_records=RECORDS training_labels=LABELS

scores: $(VENV)/controller ## Score the candidates that have no score of the model [BUNDLE=folder STARS=… VARS='k=v …']
	@$(PLAY) playbooks/scores.yml scores_stars=STARS scores_bundle=BUNDLE

status: $(VENV)/controller ## Print what the database holds, one key=value a line
	@scripts/quietly $(PLAY) playbooks/status.yml

tag: $(VENV)/controller ## Tag stars with their planets and candidates [KOI=… K2=…]
	@$(PLAY) playbooks/tag.yml tag_koi=KOI tag_k2=K2

lab: $(VENV)/controller ## Make the lab's containers and provision them, without an import
	@$(PLAY) playbooks/site.yml

explorer: $(VENV)/controller ## Make the lab with its front, by which guests come in, and print its address
	@FRONT=true $(PLAY) playbooks/explorer.yml

lab-down: $(VENV)/controller ## Remove the lab and all its traces
	@$(PLAY) playbooks/lab_down.yml

test: $(VENV)/dev ## Lint, unit tests and every Molecule scenario, three at a time
	@.ci/checks unit lint unit-long unit-train scenarios

lint: $(VENV)/dev ## ansible-lint, yamllint, ruff, mypy, argument_specs against defaults, the site of the documents
	@.ci/lint

unit: $(VENV)/dev ## Unit tests of the package, and of roles and playbooks without hosts, but for the long ones
	@pytest -m "not long" --numprocesses $$(($$(nproc) + 1)) --maxprocesses 4 --dist worksteal files/kepler_lens/tests tests

unit-long: $(VENV)/dev ## Unit tests that search whole stars, start fleets or run roles; minutes of a core
	@pytest -m long files/kepler_lens/tests tests

unit-train: $(TRAIN)/ready ## Unit tests of training, which need TensorFlow
	@OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 $(TRAIN)/bin/python -m pytest files/kepler_lens/tests/test_train.py

molecule: $(VENV)/dev ## One scenario, or a step of it on its lab [SCENARIO=default STEP=converge|verify|destroy]
	@STEP=$(STEP) .ci/checks $(SCENARIO)

bench: $(VENV)/dev ## Speed, size and memory, measured side by side in one run
	@LAB_NAME=bench LAB_PREFIX=10.87.40 LAB_PORT=0 PYTHONPATH=molecule:$(PYTHONPATH) python benchmarks/bench.py

bench-search: $(VENV)/dev ## How well planets are found, from FITS files; goes on where it stopped [PART=quick|all|table|hard|calibrate]
	@$(ONE_CORE) python benchmarks/$(or $(BENCH_$(PART)),search.py $(PART))

bench-search-speed: $(VENV)/dev ## One search beside gerbls, BoxLeastSquares and transitleastsquares
	@uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@$(ONE_CORE) python benchmarks/search_speed.py

bench-training: $(TRAIN)/ready ## How well planets are told from impostors; goes on where it stopped [PART=quick|all|table]
	@$(ONE_CORE) $(TRAIN)/bin/python benchmarks/training.py $(PART)

bench-scores: $(VENV)/dev ## What the model says of made impostors and planets; goes on where it stopped [PART=quick|all|table]
	@$(ONE_CORE) python benchmarks/impostors.py $(PART)

model: $(TRAIN)/ready ## Make the package's model anew; goes on where it stopped
	@PYTHON=$(TRAIN)/bin/python scripts/model

bench-recipes: $(VENV)/dev ## Whether both recipes of views give one score; ACCEPT=1 lists them in the package's model
	@$(ONE_CORE) python benchmarks/recipes.py $(if $(ACCEPT),--accept)

bench-transits: $(VENV)/dev ## The search on the fleet: two workers against one, and FETCH against it all
	@$(ONE_CORE) LAB_NAME=bench-transits LAB_PREFIX=10.87.45 LAB_PORT=0 PYTHONPATH=molecule:$(PYTHONPATH) python benchmarks/transits.py

bench-explorer: $(VENV)/dev ## How fast page and front are, each figure beside its promise; on a lab with a front, or one of its own
	@LAB_NAME=$${LAB_NAME:-bench-explorer} LAB_PREFIX=$${LAB_PREFIX:-10.87.46} LAB_PORT=0 PYTHONPATH=molecule:molecule/front/tests:$(PYTHONPATH) python benchmarks/explorer.py

bench-sky: $(VENV)/dev ## What everyday commands cost with 1,000 to 550,000 stars in the server; goes on where it stopped [STARS=550000]
	@LAB_NAME=bench-sky LAB_PREFIX=10.87.47 LAB_PORT=0 PYTHONPATH=molecule:$(PYTHONPATH) python benchmarks/sky.py

explorer-build: ## Build the page's files, explorer/dist, from explorer/src; needs node
	@scripts/explorer build

mutants: $(VENV)/dev ## Break package and roles one way at a time and report which test noticed [PART=package|roles|all]
	@python tests/mutants $(PART)

docs: $(VENV)/dev ## Write the tables of variables from meta/argument_specs.yml
	@python docs/variables.py

lock: $(VENV)/dev ## Compile the lock files anew
	@$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(LOCK) files/kepler_lens/pyproject.toml -o files/kepler_lens/requirements.txt
	@$(LOCK) files/kepler_lens/pyproject.toml --extra train -c files/kepler_lens/requirements.txt -o files/kepler_lens/requirements-train.txt
	@$(LOCK) files/kepler_lens/pyproject.toml --extra train-cuda -c files/kepler_lens/requirements.txt -o files/kepler_lens/requirements-train-cuda.txt
	@$(LOCK) requirements/train-dev.in files/kepler_lens/pyproject.toml --extra train -c files/kepler_lens/requirements-train.txt -o requirements/train-dev.txt
	@$(LOCK) requirements/controller.in -c files/kepler_lens/requirements.txt -o requirements/controller.txt
	@$(LOCK) requirements/dev.in files/kepler_lens/pyproject.toml --extra lightkurve --extra pandas -c files/kepler_lens/requirements.txt -c requirements/controller.txt -o requirements/dev.txt
	@$(LOCK) requirements/bench.in -c requirements/dev.txt -o requirements/bench.txt

clean: ## Remove what was made here, but not the lab
	@rm -rf $(VENV) .cache build dist
