package config_test

import (
	"testing"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
)

var conformMemory = conformer{
	echo: func(*testing.T) []func() any {
		return []func() any{func() any { return &memorycheck.Config{MinAvailable: "100%"} }}
	},
	open: []string{"min_available", "source"},
	fine: func(testing.TB) []any { return []any{&memorycheck.Config{MinAvailable: "0%"}} },
	runs: 10_000,
}
