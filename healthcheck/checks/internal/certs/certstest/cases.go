package certstest

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/prometheus/common/config"
)

// Case is a certificate of a server and what a check with the settings makes of it.
type Case struct {
	Name     string
	Cert     tls.Certificate
	Settings config.TLSConfig
	Details  string  // part of the error; empty if the certificate is good
	Verified float64 // the measure
}

// Cases returns good and bad certificates for a server at 127.0.0.1. All end their life within an hour of
// now, before or after.
func Cases(t testing.TB) []Case {
	t.Helper()
	ca, other := NewCA(t), NewCA(t)
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	return []Case{
		{"right", ca.Issue(t, soon, "127.0.0.1"), config.TLSConfig{CA: ca.PEM}, "", 1},
		{"right by name", ca.Issue(t, soon, "server.example.org"), config.TLSConfig{CA: ca.PEM, ServerName: "server.example.org"}, "", 1},
		{"wrong host, not verified", ca.Issue(t, soon, "other.example.org"), config.TLSConfig{CA: ca.PEM, InsecureSkipVerify: true}, "", 0},
		{"wrong host", ca.Issue(t, soon, "192.0.2.1"), config.TLSConfig{CA: ca.PEM}, "certificate is valid for 192.0.2.1, not 127.0.0.1", 0},
		{"expired", ca.Issue(t, past, "127.0.0.1"), config.TLSConfig{CA: ca.PEM}, "certificate has expired", 0},
		{"unknown authority", other.Issue(t, soon, "127.0.0.1"), config.TLSConfig{CA: ca.PEM}, "unknown authority", 0},
	}
}
