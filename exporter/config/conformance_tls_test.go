package config_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

var conformTLS = conformer{
	echo: func(t *testing.T) []func() any {
		address := serveTCP(t, echoOnce)
		keystore := filepath.Join(t.TempDir(), "a.jks") // with a password that is another one
		require.NoError(t, os.WriteFile(keystore, []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00"+strings.Repeat("x", 20)), 0o600))
		return []func() any{
			func() any { return &tlscheck.Config{Address: address, TLSConfig: &promconfig.TLSConfig{}} },
			func() any { return &tlscheck.Config{Files: []string{filepath.Join(t.TempDir(), "nosuch")}} },
			func() any { return &tlscheck.Config{Files: []string{keystore}, Password: plantHere} },
			func() any { return &tlscheck.Config{Files: []string{keystore}, PasswordFile: plantHere} },
		}
	},
	open:  []string{"address", "starttls", "files", "tls_config.server_name", "ocsp", "refuse.versions[+]"},
	files: []string{"files[0]", "files[+]"},
	dials: func(address string) []any {
		return []any{
			&tlscheck.Config{Address: address}, &tlscheck.Config{Address: address, StartTLS: "smtp"}, &tlscheck.Config{Address: address, StartTLS: "ldap"},
		}
	},
	named: func(host string) any { return &tlscheck.Config{Address: host + ":443"} },
	fine: func(t testing.TB) []any {
		address, caFile := serveKindTLS(t)
		return []any{
			&tlscheck.Config{Address: address, TLSConfig: &promconfig.TLSConfig{InsecureSkipVerify: true}, MinValidity: time.Minute},
			&tlscheck.Config{Address: address, TLSConfig: &promconfig.TLSConfig{CAFile: caFile}},
			&tlscheck.Config{Files: []string{caFile}},
		}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		address, caFile := serveKindTLS(t)
		settings := &promconfig.TLSConfig{CAFile: caFile}
		return []served{{
			name: "tls", address: address, reason: healthcheck.ReasonTLS, also: healthcheck.ReasonTLS,
			config: func(address string) any { return &tlscheck.Config{Address: address, TLSConfig: settings} },
			wrong: func(address string) any {
				return &tlscheck.Config{Address: address, TLSConfig: settings, MinValidity: 240 * time.Hour}
			},
		}}
	},
}

// serveKindTLS speaks TLS, and nothing else, under all names of the tests. It sends no tickets, so that all it sends is
// needed.
func serveKindTLS(t testing.TB) (address, caFile string) {
	root := newAuthority(t, nil)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw}), 0o600))
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{root.issueFor(t, time.Now().Add(time.Hour), []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, peerName)},
	}
	return serveTCP(t, func(conn net.Conn) {
		_, _ = io.Copy(io.Discard, tls.Server(conn, cfg))
	}), caFile
}
