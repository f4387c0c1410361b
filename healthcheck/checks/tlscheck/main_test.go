package tlscheck_test

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, c tlscheck.Config) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, tlscheck.New, c, time.Minute)
}

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 600)
}

// measured returns the values by name and label.
func measured(r healthcheck.Result) map[string]float64 {
	m := make(map[string]float64)
	for _, v := range r.Values {
		name := v.Measure.Name()
		for _, label := range v.Labels() {
			name += " " + label
		}
		m[name] = v.Value
	}
	return m
}

// serve speaks TLS, after what before says where it is not nil.
func serve(t testing.TB, cert tls.Certificate, before func(net.Conn)) string {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, func(conn net.Conn) {
		if before != nil {
			before(conn)
		}
		secure := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
		if secure.Handshake() == nil {
			_, _ = secure.Read(make([]byte, 1))
		}
	})
	return l.Addr().String()
}

// writePEM writes certificates and their keys into a file of the folder.
func writePEM(t *testing.T, dir, name string, list ...tls.Certificate) string {
	t.Helper()
	var text string
	for i := range list {
		cert, key := certstest.EncodePEM(t, &list[i])
		text += key + cert
	}
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
