# What a developer does by hand; .ci/run does it all.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS = -s -w \
	-X github.com/prometheus/common/version.Version=$(VERSION) \
	-X github.com/prometheus/common/version.Revision=$(REVISION)

.PHONY: build test race lint fuzz golden docs rules bench bench-compare soak mutate ci

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
	deploy/sync

# The JSON Schema of the configuration, and the reference in docs.
docs:
	go generate ./exporter/config

# Alert rules with thresholds of your own: make rules PARAMETERS=mine.yml >healthcheck.rules.yml
# FORMAT=prometheusrule for the Prometheus Operator. alerts/parameters.yml has what there is.
FORMAT ?= rules
rules:
	@go run ./alerts/generate -parameters='$(PARAMETERS)' -format='$(FORMAT)'

# The table of exporter/BENCHMARKS.md; about ten minutes, on a machine that does nothing else.
bench:
	go run ./exporter/internal/bench

# Go benchmarks of this tree against those of another revision: make bench-compare OLD=main~5
COUNT ?= 6
bench-compare:
	.ci/bench-compare $(OLD) $(COUNT)

# The exporter and the library for SOAK, against a target that counts; SOAK_FLAGS as -soak.checks=5000.
SOAK ?= 1h
soak:
	go run ./exporter/internal/bench -soak=$(SOAK) -plot=exporter/soak.svg $(SOAK_FLAGS)

# Mistakes that no test sees; about half an hour.
mutate:
	.ci/mutate

ci:
	bash .ci/run
