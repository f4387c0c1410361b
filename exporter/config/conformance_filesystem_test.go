package config_test

import (
	"testing"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
)

var conformFilesystem = conformer{
	echo: func(*testing.T) []func() any {
		return []func() any{func() any { return &filesystemcheck.Config{Path: "/nosuch"} }}
	},
	open: []string{"path", "min_free", "min_free_inodes"},
	fine: func(testing.TB) []any {
		return []any{&filesystemcheck.Config{Path: "/", MinFree: "0%", MinFreeInodes: "0%"}}
	},
	runs: 10_000,
}
