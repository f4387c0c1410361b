package systemdcheck_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck/systemdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type config = systemdcheck.Config

func run(t *testing.T, c config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, systemdcheck.New, c, timeout)
}

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 1000)
}

// values returns what was measured, by name and label.
func values(r healthcheck.Result) map[string]float64 {
	all := make(map[string]float64)
	for _, v := range r.Values {
		all[strings.TrimPrefix(v.Measure.Name(), "systemd_")+" "+v.Label] = v.Value
	}
	return all
}

// say answers each connection with a text, and waits for its end.
func say(t *testing.T, text string) string {
	t.Helper()
	return systemdtest.Listen(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	})
}

// cut answers each connection with a text, and closes it.
func cut(t *testing.T, text string) string {
	t.Helper()
	return systemdtest.Listen(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.UnixConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	})
}

func machine() systemdtest.Manager {
	return systemdtest.Manager{
		"nginx.service": systemdtest.Unit("active", "running", systemdtest.Properties{
			"Result": "success", "NRestarts": uint32(3), "TasksCurrent": uint64(5), "MemoryCurrent": uint64(1 << 20),
		}),
		"app@1.service": systemdtest.Unit("active", "running", systemdtest.Properties{
			"NRestarts": uint32(0), "TasksCurrent": ^uint64(0), "MemoryCurrent": ^uint64(0), "UnitFileState": "disabled",
		}),
		"app@2.service": systemdtest.Unit("failed", "failed", systemdtest.Properties{"Result": "exit-code"}),
		"1-odd.service": systemdtest.Unit("odd", "odd", nil),
		"dash.target":   systemdtest.Unit("active", "active", nil),
		"gone.service":  {"LoadState": "masked", "ActiveState": "inactive", "SubState": "dead", "UnitFileState": "masked"},
		"day.timer": systemdtest.Unit("active", "waiting", systemdtest.Properties{
			"LastTriggerUSec": uint64(time.Now().Add(-time.Hour).UnixMicro()),
		}),
		"new.timer": systemdtest.Unit("active", "waiting", systemdtest.Properties{"LastTriggerUSec": uint64(0)}),
	}
}
