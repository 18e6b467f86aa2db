# Each target does its own set-up, see scripts/setup. `make help` lists them.
STORE ?= sqlite
JOBS ?= $(shell nproc)
PYTHON ?= python3
with_emulators := tests/emulators/with-emulators

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test bench format clean setup-build setup-dynamodb setup-test

help:
	@echo 'make demo                 runs 1,000 orders through a saga, its state in SQLite'
	@echo 'make demo STORE=dynamodb  the same on DynamoDB Local, started and stopped by itself'
	@echo 'make test                 builds and runs every test and check'
	@echo 'make bench                runs the benchmarks'
	@echo 'make format               formats the sources in place'
	@echo 'make clean                removes what was built'

setup-build setup-dynamodb setup-test: setup-%:
	@scripts/setup $*

# CMake does not watch its presets; all else it watches by itself.
build/%/build.ninja: CMakePresets.json | setup-build
	@cmake --preset $* -Wno-dev
	@touch $@

demo_program := build/release/examples/order_saga
build-demo: setup-build build/release/build.ninja
	@cmake --build --preset release -j $(JOBS) --target order_saga
.PHONY: build-demo

ifeq ($(STORE),sqlite)
demo: build-demo
	@$(demo_program)
else ifeq ($(STORE),dynamodb)
demo: setup-dynamodb build-demo
	@$(with_emulators) dynamodb -- $(demo_program) \
	  --store 'dynamodb://sagas?region=us-east-1&endpoint={dynamodb}'
else
demo:
	@echo "make demo: no STORE '$(STORE)'; there is sqlite (the default) and dynamodb" >&2; exit 2
endif

test: setup-test build/release/build.ninja build/asan/build.ninja
	@cmake --build --preset release -j $(JOBS)
	@cmake --build --preset asan -j $(JOBS) --target unit_tests conformance_tests protocol_tests
	@JOBS=$(JOBS) $(with_emulators) dynamodb sqs -- scripts/run-tests

bench: setup-dynamodb build/release/build.ninja
	@cmake --build --preset release -j $(JOBS)
	@$(with_emulators) dynamodb -- scripts/run-bench

format: setup-test
	@$(PYTHON) scripts/checks/format.py --fix

clean:
	rm -rf build
