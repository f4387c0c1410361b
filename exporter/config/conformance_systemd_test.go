package config_test

import (
	"io"
	"net"
	"testing"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck/systemdtest"
)

var conformSystemd = conformer{
	echo: func(t *testing.T) []func() any {
		address := systemdtest.Serve(t, systemdtest.Manager{})
		return []func() any{
			func() any { return &systemdcheck.Config{Unit: "nosuch.service", Address: address} },
			func() any { return &systemdcheck.Config{Units: []string{"nosuch.service"}, Address: address} },
		}
	},
	open: []string{"unit", "units", "ignore", "expect.active", "expect.sub", "expect.unit_file", "scope", "address"},
	silent: func(t *testing.T) any {
		address := systemdtest.Listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		return &systemdcheck.Config{Unit: "nginx.service", Address: address}
	},
	fine: func(t testing.TB) []any {
		address := systemdtest.Serve(t, systemdtest.Manager{
			"nginx.service": systemdtest.Unit("active", "running", systemdtest.Properties{"NRestarts": uint32(1)}),
		})
		return []any{
			&systemdcheck.Config{Unit: "nginx.service", Address: address},
			&systemdcheck.Config{FailedUnits: true, Address: address},
		}
	},
	runs: 10_000,
}
