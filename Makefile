# Every target works on a fresh machine with Go; what else a target needs it
# installs into .cache (see test/setup). As root it also copies the templates of
# Debian's Alertmanager to /usr/share/prometheus, if nothing is there: that reads
# them from nowhere else.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED ?= 0
CACHE   := $(CURDIR)/.cache
LINT    := $(CACHE)/bin/golangci-lint
SUM     := $(CACHE)/bin/gotestsum
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
V       := github.com/prometheus/common/version
LDFLAGS := -s -w -X $(V).Version=$(VERSION) -X $(V).Revision=$(COMMIT)
# The race detector needs cgo, and so a C compiler.
RACE    := $(shell command -v gcc >/dev/null && echo -race)
# What is skipped is told at the end, with the reason.
GOTEST  := $(SUM) --format pkgname --format-hide-empty-pkg --

.PHONY: build test tools unit e2e soak lint demo bench fuzz assets clean help

build: ## build ./idp_exporter
	go build -trimpath -ldflags '$(LDFLAGS)' -o idp_exporter ./cmd/idp_exporter

demo: build ## build, then run the whole product on a built-in provider
	./idp_exporter demo

test: lint unit e2e ## everything: lint, unit tests, end-to-end tests, short fuzzing

tools: ## unpack what tests drive: real balancers, consoles, providers
	bash test/setup

unit: tools $(SUM) ## unit tests, with the race detector where there is a C compiler
	CGO_ENABLED=$(if $(RACE),1,0) $(GOTEST) $(RACE) -timeout 10m $$(go list ./... | grep -v '/test$$')

e2e: build tools $(SUM) ## end-to-end tests against real counterparts, which test/setup installs
	@rm -f $(CACHE)/one-broken-login.txt
	IDP_EXPORTER_BINARY=$(CURDIR)/idp_exporter $(GOTEST) -count=1 -timeout 15m ./test/
	@cat $(CACHE)/one-broken-login.txt 2>/dev/null || echo 'One broken login was not followed to the consoles: the list of skipped tests says why.'
	$(MAKE) fuzz FUZZCOUNT=4000

soak: build tools $(SUM) ## the long version of the end-to-end tests and of fuzzing
	IDP_EXPORTER_SOAK=1 CGO_ENABLED=$(if $(RACE),1,0) $(GOTEST) $(RACE) -count=1 -timeout 2h ./internal/...
	IDP_EXPORTER_BINARY=$(CURDIR)/idp_exporter IDP_EXPORTER_SOAK=1 $(GOTEST) -count=1 -timeout 4h ./test/
	$(MAKE) fuzz FUZZCOUNT=2000000

FUZZCOUNT ?= 200000
fuzz: ## run every fuzz target with FUZZCOUNT inputs
	bash test/fuzz $(FUZZCOUNT)

BENCH ?= all
bench: build ## print `bench: NAME VALUE UNIT (aim …)` lines; BENCH=NAME for one
	@go run ./test/bench -name '$(BENCH)' -binary ./idp_exporter

assets: ## make dashboards and packs for consoles anew
	go generate ./dashboards
	go run ./cmd/idp_exporter assets --force .

lint: $(LINT) ## formatting, go vet, golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(LINT) run ./...

$(LINT): test/tools/golangci-lint.version
	GOBIN=$(CACHE)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$$(cat $<)
	@touch $@

$(SUM): test/tools/gotestsum.version
	GOBIN=$(CACHE)/bin go install gotest.tools/gotestsum@$$(cat $<)
	@touch $@

clean: ## remove what was built and installed here
	rm -rf idp_exporter $(CACHE) test/node/node_modules

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10
