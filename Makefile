# Lockkeeper: what there is to make. "make" alone lists it.

SHELL       := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Tools are pinned here and run from the module cache; go.mod stays free of them.
GOFUMPT     := $(GO) run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
NFPM        := $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0

# Of each fuzz target, as "go test -fuzztime": 20000x or 1m. Empty: what scripts/fuzz.sh chooses.
FUZZTIME ?=
PARALLEL ?= 2

# The packages whose tests take longest, longest first: they begin first, so that no core is left
# without work while one of them ends.
LONGEST := internal/faults internal/sidecartest zkapi/clients sdk zkapi/differential cmd/lockkeeper lock quorum store

# The tests that internal/racetest leaves out under the race detector.
UNRACED := TestMemory|TestRulesTakenOut|TestSimulation|TestBadClients|TestHalfMessages|TestBadStreams|TestDeafStreams

# Modules of their own, whose requirements are not those of every user.
MODULES := internal/fencesql bench deploy/test

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the static binary bin/lockkeeper
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/lockkeeper ./cmd/lockkeeper

.PHONY: image
image: ## build the image lockkeeper:VERSION for amd64 and arm64 with buildah, the same bytes each time
	VERSION='$(VERSION)' scripts/build-image.sh lockkeeper:$(VERSION)
	buildah tag lockkeeper:$(VERSION) lockkeeper:latest

.PHONY: dist
dist: ## build tarballs and Debian packages into bin/dist, the same bytes each time
	VERSION='$(VERSION)' scripts/dist.sh $(NFPM)

.PHONY: test
test: test-deps check readme fuzz unit ## install what tests need, then everything that must pass before a push

.PHONY: test-deps
test-deps: ## install what the tests need on Debian, if it is missing
	@scripts/install-test-deps.sh

.PHONY: check
check: ## formatting, vet and staticcheck
	@scripts/check-format.sh $(GOFUMPT)
	$(GO) vet ./...
	$(STATICCHECK) ./...
	for module in $(MODULES); do (cd $$module && $(GO) vet ./... && $(STATICCHECK) ./...); done

.PHONY: unit
unit: ## all tests, in random order, with the race detector where that does not change what is measured
	$(GO) test -race -shuffle=on -p $(PARALLEL) -timeout 20m $(LONGEST:%=./%) ./...
	$(GO) test -shuffle=on -p 1 -timeout 20m -run '^($(UNRACED))$$' ./store ./znode ./internal/faults
	cd internal/fencesql && $(GO) test -race -shuffle=on -timeout 20m ./...
	cd bench && $(GO) test -shuffle=on -timeout 20m ./...
	cd deploy/test && $(GO) test -shuffle=on -timeout 20m ./...

.PHONY: fuzz
fuzz: ## each fuzz target with 3000 inputs, the ZooKeeper door's for about a minute; or with FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: readme
readme: ## run the commands of README.md
	@scripts/check-readme.sh

.PHONY: lint
lint: check ## check, and golangci-lint by .golangci.yml
	$(GOLANGCI) run ./...

.PHONY: vuln
vuln: ## known vulnerabilities of what we link (needs the network)
	@scripts/vuln.sh

.PHONY: bench
bench: ## Lockkeeper and its peers, side by side
	@if [ -f bench/go.mod ]; then cd bench && $(GO) run .; else echo "there is no benchmark yet"; exit 1; fi

.PHONY: cover
cover: ## test coverage, function by function, and as HTML in bin/cover.html
	@mkdir -p bin
	$(GO) test -p $(PARALLEL) -coverpkg=./... -coverprofile=bin/cover.out ./...
	$(GO) tool cover -func=bin/cover.out | tail -n 1
	$(GO) tool cover -html=bin/cover.out -o bin/cover.html

.PHONY: clean
clean: ## remove what make has built
	rm -rf bin
