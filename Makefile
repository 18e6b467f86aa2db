# Each target does its own set-up, see scripts/setup. `make help` lists them.
STORE ?= sqlite
TRANSPORT ?= sqlite
WORKERS ?= 1
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
SEEDS ?= 20000
SEED ?= 1
PYTHON ?= python3
with_emulators := tests/emulators/with-emulators

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test bench fuzz simulate format clean setup-build setup-dynamodb setup-test setup-fuzz

help:
	@echo 'make demo                 runs 1,000 orders through a saga, its state in SQLite'
	@echo 'make demo STORE=dynamodb  the same on DynamoDB Local, started and stopped by itself'
	@echo 'make demo WORKERS=4       the same by four processes, two of which are killed on the way'
	@echo 'make test                 builds and runs every test and check'
	@echo 'make bench                runs the benchmarks'
	@echo 'make fuzz                 runs the fuzz targets, each for FUZZ_SECONDS=20'
	@echo 'make simulate             runs SEEDS=20000 simulations, from SEED=1 on'
	@echo 'make format               formats the sources in place'
	@echo 'make clean                removes what was built'

setup-build setup-dynamodb setup-test setup-fuzz: setup-%:
	@scripts/setup $*

# CMake does not watch its presets; all else it watches by itself.
build/%/build.ninja: CMakePresets.json | setup-build
	@cmake --preset $* -Wno-dev
	@touch $@

demo_program := build/release/examples/order_saga
build-demo: setup-build build/release/build.ninja
	@cmake --build --preset release -j $(JOBS) --target order_saga
.PHONY: build-demo

# What is not SQLite runs in an emulator, and bears its name. One worker is the program itself.
demo_emulators := $(filter-out sqlite,$(STORE) $(TRANSPORT))
demo_dynamodb := --store 'dynamodb://sagas?region=us-east-1&endpoint={dynamodb}'
demo_sqs := --transport 'sqs://sagas?region=us-east-1&endpoint={sqs}'
demo_workers := $(if $(filter-out 1,$(WORKERS)),--workers $(WORKERS))
ifneq ($(filter-out sqlite dynamodb,$(STORE)),)
demo:
	@echo "make demo: no STORE '$(STORE)'; there is sqlite (the default) and dynamodb" >&2; exit 2
else ifneq ($(filter-out sqlite sqs,$(TRANSPORT)),)
demo:
	@echo "make demo: no TRANSPORT '$(TRANSPORT)'; there is sqlite (the default) and sqs" >&2; exit 2
else ifeq ($(demo_emulators),)
demo: build-demo
	@$(demo_program) $(demo_workers)
else
demo: setup-dynamodb build-demo
	@$(with_emulators) $(demo_emulators) -- \
	  $(demo_program) $(foreach it,$(demo_emulators),$(demo_$(it))) $(demo_workers)
endif

test: setup-test build/release/build.ninja build/asan/build.ninja build/fuzz/build.ninja
	@cmake --build --preset release -j $(JOBS)
	@cmake --build --preset asan -j $(JOBS) --target unit_tests conformance_tests protocol_tests
	@cmake --build --preset fuzz -j $(JOBS)
	@JOBS=$(JOBS) $(with_emulators) dynamodb sqs -- scripts/run-tests

bench: setup-dynamodb build/release/build.ninja
	@cmake --build --preset release -j $(JOBS)
	@$(with_emulators) dynamodb sqs -- scripts/run-bench

fuzz: setup-fuzz build/fuzz/build.ninja
	@JOBS=$(JOBS) scripts/run-fuzz $(FUZZ_SECONDS)

simulate: setup-test build/release/build.ninja
	@cmake --build --preset release -j $(JOBS) --target simulation_test
	@SAGABUS_SEED=$(SEED) SAGABUS_SIMULATION_SEEDS=$(SEEDS) \
	  build/release/tests/simulation/simulation_test --gtest_filter='Simulation.EveryEffect*'

format: setup-test
	@$(PYTHON) scripts/checks/format.py --fix

clean:
	rm -rf build
