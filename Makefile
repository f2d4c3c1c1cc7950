# The two commands a newcomer needs are `make run` and `make test`; each installs what is missing and builds what changed.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
QUESTION ?= Solve 7x + 12 = 61.

.PHONY: help run test test-server fuzz asan tidy style docs clean dependencies clang

help:
	@echo "make run     build, then stream an answer from the model that ships with the project (QUESTION='...')"
	@echo "make test    build and run every test"
	@echo "make test-server   the server, asked by the clients that people use and by a browser (QUICK=1: minutes)"
	@echo "make asan    the tests under the address and undefined-behaviour sanitizers"
	@echo "make fuzz    every fuzzer for SECONDS_EACH=60 seconds; SEED=N starts the same way each time"
	@echo "make tidy    clang-tidy on the files that differ from main; MOST=20 looks at so many at most"
	@echo "make style   .editorconfig's rules on the lines that differ from main"
	@echo "make docs    write docs/paths.md and docs/flags.md anew from the tables"
	@echo "make clean   remove build/"
	@echo "CUDA=ON compiles for GPUs where nvcc is, with or without a GPU here; CUDA=OFF never does"

dependencies:
	@tools/install_dependencies.sh

# Of the environment's CUDA, which may be a folder, these values alone are meant.
cuda := $(filter AUTO ON OFF,$(CUDA))

build/%/build.ninja: dependencies
	@[ ! -f $@ ] || [ -n "$(cuda)" ] || exit 0
	echo "mxpath: configuring build/$*"
	options="$(if $(WERROR),-DMXPATH_WERROR=$(WERROR)) $(if $(cuda),-DMXPATH_CUDA=$(cuda))"
	cmake --preset $* $$options >build-$*.log 2>&1 || { cat build-$*.log; rm -f build-$*.log; exit 1; }
	rm -f build-$*.log

run: build/release/build.ninja
	@echo "mxpath: building the program"
	cmake --build --preset release --target mxpath -- --quiet
	echo "mxpath: asking the demo model"
	build/release/mxpath run demo "$(QUESTION)"

test: build/release/build.ninja
	@echo "mxpath: building the program and its tests"
	cmake --build --preset release -- --quiet
	echo "mxpath: running the tests"
	python3 tools/check_includes.py
	python3 tools/check_types.py
	python3 tools/check_streams.py
	python3 tools/check_knobs.py
	python3 tools/check_isa_objects.py build/release
	ctest --preset release --output-on-failure -j "$$(nproc)"

test-server: build/release/build.ninja
	@cmake --build --preset release --target mxpath -- --quiet
	tests/server/clients/run.sh build/release/mxpath $(if $(QUICK),quick)
	$(if $(QUICK),,tests/server/page/run.sh build/release/mxpath)

clang:
	@tools/install_dependencies.sh clang libclang-rt-dev

tidy: dependencies
	@tools/install_dependencies.sh clang-tidy
	tools/check_tidy.sh "" $(MOST)

style:
	@python3 tools/check_style.py

asan: clang build/asan/build.ninja
	@echo "mxpath: building with sanitizers"
	cmake --build --preset asan -- --quiet
	echo "mxpath: running the tests under the sanitizers"
	ctest --preset asan --output-on-failure -j "$$(nproc)"

SECONDS_EACH ?= 60
SEED ?= 0
fuzz: clang build/asan/build.ninja
	@echo "mxpath: building the fuzzers"
	cmake --build --preset asan --target fuzzers -- --quiet
	echo "mxpath: running each fuzzer for $(SECONDS_EACH) seconds"
	tools/run_fuzzers.sh $(SECONDS_EACH) $(SEED)

docs: build/release/build.ninja
	@cmake --build --preset release --target make_docs -- --quiet
	build/release/make_docs docs

clean:
	@rm -rf build
