# What a developer does by hand; .ci/run does it all.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS = -s -w \
	-X github.com/prometheus/common/version.Version=$(VERSION) \
	-X github.com/prometheus/common/version.Revision=$(REVISION)

.PHONY: build test race lint fuzz golden bench bench-compare soak ci

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o healthcheck_exporter ./cmd/healthcheck_exporter

test:
	go test ./...

race:
	go test -race ./...

lint:
	.ci/tool lint golangci-lint run

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 20s
fuzz:
	.ci/fuzz $(FUZZTIME)

golden:
	UPDATE_GOLDEN=1 go test ./collector ./alerts ./dashboards

# The table of exporter/BENCHMARKS.md; about ten minutes, on a machine that does nothing else.
bench:
	go run ./exporter/internal/bench

# Go benchmarks of this tree against those of another revision: make bench-compare OLD=main~5
COUNT ?= 6
bench-compare:
	.ci/bench-compare $(OLD) $(COUNT)

soak:
	go run ./exporter/internal/bench -soak=10m -plot=exporter/soak.svg

ci:
	bash .ci/run
