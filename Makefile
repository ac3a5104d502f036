# `make` before every commit, `make dev` to see a cluster, `make help` for the rest.

TOOL     := go tool -modfile=tools/go.mod
EXAMPLE  := examples/magnus-homer-datardos.hcl
FUZZTIME := 30s

all: fmt lint test ## format, lint and test (the default)

dev: build ## run the example topology, all three nodes, on loopback
	./bin/unibus dev $(EXAMPLE)

build: ## build bin/unibus, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/unibus ./cmd/unibus

test: ## run the tests
	@[ "$$(id -u)" = 0 ] || echo "not root: the tests that need network namespaces are skipped"
	go test -timeout 20m ./...

race: ## run the tests with the race detector (needs a C compiler)
	go test -race ./...

lint: ## check style, imports, go.mod and dead code
	$(TOOL) golangci-lint run
	go mod tidy -diff
	@dead=$$($(TOOL) deadcode -test ./...) && { [ -z "$$dead" ] || { echo "$$dead"; exit 1; }; }

fmt: ## format the code
	$(TOOL) golangci-lint fmt

fuzz: ## fuzz every Fuzz function for FUZZTIME
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$(dirname "$$file")" || exit 1; \
	done

bench: ## compare with the stock nats-server, writes bench/RESULTS.md
	go run ./bench

clean: ## remove what was built
	rm -rf bin

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.NOTPARALLEL:
.PHONY: all dev build test race lint fmt fuzz bench clean help
