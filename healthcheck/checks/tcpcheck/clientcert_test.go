package tcpcheck_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// TestClientCertificate: a server that wants a certificate and gets none, or not the right one, says so in TLS 1.3 when
// the handshake is over for the client.
func TestClientCertificate(t *testing.T) {
	ca, other := certstest.NewCA(t), certstest.NewCA(t)
	soon := time.Now().Add(time.Hour)
	server := ca.Issue(t, soon, "127.0.0.1")
	settings := func(from *certstest.CA) *config.TLSConfig {
		client := from.Issue(t, soon, "client.example.org")
		cert, key := certstest.EncodePEM(t, &client)
		return &config.TLSConfig{CA: ca.PEM, Cert: cert, Key: config.Secret(key)}
	}
	none, good, bad := &config.TLSConfig{CA: ca.PEM}, settings(ca), settings(other)
	for _, tc := range []struct {
		what     string
		auth     tls.ClientAuthType
		settings *config.TLSConfig
		details  string // none: OK
	}{
		{"none, required", tls.RequireAndVerifyClientCert, none, "certificate required"},
		{"bad, required", tls.RequireAndVerifyClientCert, bad, "unknown certificate authority"},
		{"good, required", tls.RequireAndVerifyClientCert, good, ""},
		{"none, asked for", tls.VerifyClientCertIfGiven, none, ""},
		{"bad, asked for", tls.VerifyClientCertIfGiven, bad, "unknown certificate authority"},
		{"none, not asked for", tls.NoClientCert, none, ""},
		{"good, not asked for", tls.NoClientCert, good, ""},
	} {
		for version, dialogs := range map[uint16][][]tcpcheck.Step{
			tls.VersionTLS12: {nil},
			tls.VersionTLS13: {nil, {{Send: "QUIT\r\n"}}, {{Expect: "^220 "}, {Send: "QUIT\r\n", Expect: "^221"}}},
		} {
			for _, dialog := range dialogs {
				t.Run(tc.what+" "+tls.VersionName(version), func(t *testing.T) {
					l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), &tls.Config{
						Certificates: []tls.Certificate{server}, ClientAuth: tc.auth, ClientCAs: ca.Pool(),
						MinVersion: version, MaxVersion: version,
					})
					checktest.Serve(t, l, smtp)
					r := run(t, tcpcheck.Config{Address: l.Addr().String(), TLSConfig: tc.settings, Dialog: dialog})
					if tc.details == "" {
						checktest.RequireOK(t, r)
						return
					}
					details := tc.details
					if version == tls.VersionTLS12 {
						details = "" // there all refusals are the same
					}
					assertFails(t, r, healthcheck.ReasonTLS, details)
					assert.Contains(t, r.Details, "remote error: tls: ")
					assert.Positive(t, values(r)["tls"])
				})
			}
		}
	}
}

// TestClientCertificateSilence: a server that asks for a certificate and then neither says nor refuses anything is OK
// after a short wait; one that closes the connection has refused.
func TestClientCertificateSilence(t *testing.T) {
	ca := certstest.NewCA(t)
	serverConfig := &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")},
		ClientAuth:   tls.RequestClientCert, SessionTicketsDisabled: true,
	}
	shake := func(then func(net.Conn)) func(net.Conn) {
		return func(raw net.Conn) {
			conn := tls.Server(raw, serverConfig)
			assert.NoError(t, conn.Handshake())
			then(conn)
		}
	}
	c := tcpcheck.Config{
		Address: serve(t, shake(drain)), TLSConfig: &config.TLSConfig{CA: ca.PEM},
	}
	checktest.RequireOK(t, run(t, c))

	c.Address = serve(t, shake(func(conn net.Conn) { _ = conn.Close() }))
	assertFails(t, run(t, c), healthcheck.ReasonTLS,
		"tls handshake with "+c.Address+": client certificate: the peer closed the connection")
}
