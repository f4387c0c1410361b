package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
)

// handshake connects with the settings to a server with the certificate and returns what Values makes of it.
func handshake(t *testing.T, settings config.TLSConfig, host string, server *tls.Config) ([]healthcheck.Value, error) {
	t.Helper()
	source, err := certs.NewSource(settings)
	require.NoError(t, err)
	cfg, err := source.ConfigFor(host)
	require.NoError(t, err)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = tls.Server(conn, server).HandshakeContext(context.Background())
	}()

	raw, err := new(net.Dialer).DialContext(t.Context(), "tcp", ln.Addr().String())
	require.NoError(t, err)
	defer raw.Close()
	_, values, err := certs.Handshake(t.Context(), raw, cfg)
	return values, err
}

func TestValues(t *testing.T) {
	ca, stranger := certstest.NewCA(t), certstest.NewCA(t)
	future := time.Now().Add(time.Hour).Truncate(time.Second)
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	tests := []struct {
		name     string
		cert     tls.Certificate
		host     string
		settings config.TLSConfig
		fails    bool
		end      time.Time
		verified float64
	}{
		{name: "valid name", cert: ca.Issue(t, future, "good.test"), host: "good.test", end: future, verified: 1},
		{name: "valid address", cert: ca.Issue(t, future, "127.0.0.1"), host: "127.0.0.1", end: future, verified: 1},
		{name: "server_name", cert: ca.Issue(t, future, "good.test"), host: "127.0.0.1", settings: config.TLSConfig{ServerName: "good.test"}, end: future, verified: 1},
		{name: "expired", cert: ca.Issue(t, past, "good.test"), host: "good.test", fails: true, end: past},
		{name: "wrong name", cert: ca.Issue(t, future, "other.test"), host: "good.test", fails: true, end: future},
		{name: "unknown authority", cert: stranger.Issue(t, future, "good.test"), host: "good.test", fails: true, end: future},
		{name: "insecure, valid", cert: ca.Issue(t, future, "good.test"), host: "good.test", settings: config.TLSConfig{InsecureSkipVerify: true}, end: future, verified: 1},
		{name: "insecure, valid address", cert: ca.Issue(t, future, "::1"), host: "::1", settings: config.TLSConfig{InsecureSkipVerify: true}, end: future, verified: 1},
		{name: "insecure, expired", cert: ca.Issue(t, past, "good.test"), host: "good.test", settings: config.TLSConfig{InsecureSkipVerify: true}, end: past},
		{name: "insecure, wrong name", cert: ca.Issue(t, future, "other.test"), host: "good.test", settings: config.TLSConfig{InsecureSkipVerify: true}, end: future},
		{name: "insecure, wrong address", cert: ca.Issue(t, future, "other.test"), host: "127.0.0.1", settings: config.TLSConfig{InsecureSkipVerify: true}, end: future},
		{name: "insecure, unknown authority", cert: stranger.Issue(t, future, "good.test"), host: "good.test", settings: config.TLSConfig{InsecureSkipVerify: true}, end: future},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.CA = ca.PEM
			values, err := handshake(t, tt.settings, tt.host, &tls.Config{Certificates: []tls.Certificate{tt.cert}})
			want := []healthcheck.Value{
				{Measure: certs.NotAfter, Value: float64(tt.end.Unix())},
				{Measure: certs.Verified, Value: tt.verified},
			}
			if tt.fails {
				require.Error(t, err)
				assert.Equal(t, healthcheck.ReasonTLS, healthcheck.ReasonOf(err))
			} else {
				require.NoError(t, err)
				want = append([]healthcheck.Value{{Measure: certs.Version, Label: "TLS 1.3", Value: 1}}, want...)
			}
			assert.Equal(t, want, values)
		})
	}
}

func TestValuesOfNoHandshake(t *testing.T) {
	assert.Empty(t, certs.Values(nil, nil, "good.test", nil, errors.New("connection reset")))
}

// An old root that is about to go does not end the life of a chain that a newer root vouches for too.
func TestValuesOfTwoChains(t *testing.T) {
	ca := certstest.NewCA(t)
	soon, late := time.Now().Add(time.Hour), time.Now().Add(time.Hour*48)
	server := parse(t, ca, late)
	oldRoot, newRoot := parse(t, ca, soon), parse(t, ca, late.Add(time.Hour))
	state := &tls.ConnectionState{
		Version:          tls.VersionTLS12,
		PeerCertificates: server,
		VerifiedChains:   [][]*x509.Certificate{append(server[:1:1], oldRoot...), append(server[:1:1], newRoot...)},
	}
	values := certs.Values(nil, nil, "good.test", state, nil)
	require.Len(t, values, 3)
	assert.Equal(t, "TLS 1.2", values[0].Label)
	assert.EqualValues(t, late.Unix(), values[1].Value)
}

func TestSourceFollowsTheCAFile(t *testing.T) {
	ca, next := certstest.NewCA(t), certstest.NewCA(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, []byte(ca.PEM), 0o600))
	source, err := certs.NewSource(config.TLSConfig{CAFile: file})
	require.NoError(t, err)

	first, err := source.Config()
	require.NoError(t, err)
	again, err := source.Config()
	require.NoError(t, err)
	assert.Same(t, first, again, "an unchanged file is not read again")

	replace(t, file, next.PEM)
	changed, err := source.Config()
	require.NoError(t, err)
	assert.True(t, changed.RootCAs.Equal(next.Pool()))

	replace(t, file, "not a certificate")
	_, err = source.Config()
	require.Error(t, err)
	assert.Equal(t, healthcheck.ReasonTLS, healthcheck.ReasonOf(err))

	require.NoError(t, os.Remove(file))
	_, err = source.Config()
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, healthcheck.ReasonTLS, healthcheck.ReasonOf(err))

	replace(t, file, ca.PEM)
	_, err = source.Config()
	require.NoError(t, err, "a file that comes back is good again")
}

// Checks without TLS settings share what they connect with; what each makes of it for its host is its own.
func TestSourcesWithoutSettings(t *testing.T) {
	one, err := certs.NewSource(config.TLSConfig{})
	require.NoError(t, err)
	other, err := certs.NewSource(config.TLSConfig{})
	require.NoError(t, err)
	assert.Same(t, one, other)

	forOne, err := one.ConfigFor("one.test")
	require.NoError(t, err)
	forOther, err := other.ConfigFor("other.test")
	require.NoError(t, err)
	assert.Equal(t, "one.test", forOne.ServerName)
	assert.Equal(t, "other.test", forOther.ServerName)
	assert.False(t, forOne.InsecureSkipVerify)
	assert.Nil(t, forOne.RootCAs, "those of the system")
	shared, err := one.Config()
	require.NoError(t, err)
	assert.Empty(t, shared.ServerName)
}

func TestNewSourceRefuses(t *testing.T) {
	for name, settings := range map[string]config.TLSConfig{
		"missing file":        {CAFile: filepath.Join(t.TempDir(), "none")},
		"no certificate":      {CA: "none"},
		"certificate, no key": {Cert: "x"},
		"versions":            {MinVersion: config.TLSVersions["TLS13"], MaxVersion: config.TLSVersions["TLS12"]},
		"secret manager":      {CARef: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certs.NewSource(settings)
			assert.Error(t, err)
		})
	}
}

func parse(t *testing.T, ca *certstest.CA, notAfter time.Time) []*x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(ca.Issue(t, notAfter, "good.test").Certificate[0])
	require.NoError(t, err)
	return []*x509.Certificate{cert}
}

// replace puts a new file in place of the old one, as tools that renew certificates do.
func replace(t *testing.T, file, content string) {
	t.Helper()
	next := file + ".next"
	require.NoError(t, os.WriteFile(next, []byte(content), 0o600))
	require.NoError(t, os.Rename(next, file))
}
