# `make` before every commit, `make dev` to see a cluster, `make help` for the rest.

TOOL     := go tool -modfile=tools/go.mod
EXAMPLE  := examples/magnus-homer-datardos.hcl
# A number of inputs: a duration that ends while the machine is busy fails the run (golang/go#75804, Go 1.26).
FUZZTIME := 50000x
SOAK     := 10m
VERSION  ?= 0.0.0-dev
DIST     ?= dist
TARGETS  ?= linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64
PACKAGES ?= deb rpm
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

all: fmt lint test ## format, lint and test (the default)

dev: build ## run the example topology, all three nodes, on loopback
	./bin/unibus dev $(EXAMPLE)

build: ## build bin/unibus, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/unibus ./cmd/unibus

test: ## run the tests
	@[ "$$(id -u)" = 0 ] || echo "not root: the tests that need network namespaces are skipped"
	go test -timeout 60m ./...
	cd internal/webtest && go test -timeout 30m ./...

race: ## run the tests with the race detector (needs a C compiler)
	go test -race -timeout 60m ./...

lint: ## check style, imports, go.mod and dead code
	$(TOOL) golangci-lint run
	go mod tidy -diff
	@dead=$$($(TOOL) deadcode -test ./...) && { [ -z "$$dead" ] || { echo "$$dead"; exit 1; }; }

fmt: ## format the code
	$(TOOL) golangci-lint fmt

fuzz: ## fuzz every Fuzz function with FUZZTIME inputs
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$(dirname "$$file")" || exit 1; \
	done

soak: ## on an idle machine: watch three idle hosts for SOAK without an alarm, then name each fault in time (needs root)
	UNIBUS_SOAK=$(SOAK) go test -count 1 -timeout 0 -parallel 1 -v -run '^(TestSoak|TestView)$$' ./cmd/unibus

bench: ## compare with the stock nats-server, writes bench/RESULTS.md
	go run ./bench

cross: $(TARGETS:%=$(DIST)/unibus-%) ## build every target into dist, the same bit for bit wherever that is done

$(DIST)/unibus-%: FORCE
	CGO_ENABLED=0 GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) go build -trimpath -buildvcs=false \
		-ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/unibus

share: ## man pages and shell completion into dist/share
	@mkdir -p $(DIST)/share/completion
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o $(DIST)/unibus-host ./cmd/unibus
	$(DIST)/unibus-host man $(DIST)/share/man
	for shell in bash zsh fish powershell; do $(DIST)/unibus-host completion $$shell >$(DIST)/share/completion/$$shell || exit 1; done
	@rm $(DIST)/unibus-host

packages: cross share ## deb and rpm for every Linux target into dist
	for target in $(filter linux-%,$(TARGETS)); do for kind in $(PACKAGES); do \
		DIST=$(DIST) ARCH=$${target#linux-} VERSION=$(VERSION) go tool -modfile=tools/package/go.mod nfpm package \
			-f packaging/nfpm.yaml -p $$kind -t $(DIST)/ || exit 1; done; done

pictures: ## look at the page in Chromium, writes docs/page
	cd internal/webtest && UNIBUS_SCREENSHOTS=$(CURDIR)/docs/page go test -count 1 -run 'TestPage$$' .

clean: ## remove what was built
	rm -rf bin $(DIST)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.NOTPARALLEL:
.PHONY: all dev build test race lint fmt fuzz soak bench pictures cross share packages clean help FORCE
