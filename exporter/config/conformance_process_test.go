package config_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
)

var conformProcess = conformer{
	echo: func(*testing.T) []func() any {
		return []func() any{func() any { return &processcheck.Config{Name: "no such process"} }}
	},
	open: []string{"name", "command_line", "pid_file", "cgroup", "unit", "user", "max_memory", "max_memory_each", "max_open_files"},
	fine: func(t testing.TB) []any {
		file := filepath.Join(t.TempDir(), "pid")
		require.NoError(t, os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600))
		return []any{
			&processcheck.Config{PIDFile: file, MaxOpenFiles: "100%"},
			&processcheck.Config{Name: filepath.Base(os.Args[0])},
		}
	},
	runs: 10_000,
}
