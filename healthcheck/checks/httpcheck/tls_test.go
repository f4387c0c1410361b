package httpcheck_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// serveTLS starts a server that speaks HTTP/2 too.
func serveTLS(t *testing.T, cfg *tls.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, req.Proto)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that fail
	server.TLS = cfg
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestCertificates(t *testing.T) {
	ca, stranger := certstest.NewCA(t), certstest.NewCA(t)
	future := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	tests := []struct {
		name     string
		cert     tls.Certificate
		settings config.TLSConfig
		end      time.Time
		details  string // regular expression; none: the check is OK
		verified float64
	}{
		{name: "valid", cert: ca.Issue(t, future, "127.0.0.1"), end: future, verified: 1},
		{name: "server_name", cert: ca.Issue(t, future, "good.test"), settings: config.TLSConfig{ServerName: "good.test"}, end: future, verified: 1},
		{name: "expired", cert: ca.Issue(t, past, "127.0.0.1"), end: past, details: "certificate has expired"},
		{name: "wrong host", cert: ca.Issue(t, future, "192.0.2.1"), end: future, details: "certificate is valid for 192.0.2.1, not 127.0.0.1"},
		{name: "unknown authority", cert: stranger.Issue(t, future, "127.0.0.1"), end: future, details: "unknown authority"},
		{name: "insecure", cert: ca.Issue(t, future, "127.0.0.1"), settings: config.TLSConfig{InsecureSkipVerify: true}, end: future, verified: 1},
		{name: "insecure, expired", cert: ca.Issue(t, past, "127.0.0.1"), settings: config.TLSConfig{InsecureSkipVerify: true}, end: past},
		{name: "insecure, wrong host", cert: ca.Issue(t, future, "192.0.2.1"), settings: config.TLSConfig{InsecureSkipVerify: true}, end: future},
		{name: "insecure, unknown authority", cert: stranger.Issue(t, future, "127.0.0.1"), settings: config.TLSConfig{InsecureSkipVerify: true}, end: future},
	}
	for _, tt := range tests {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
			for _, keep := range []bool{false, true} {
				t.Run(tt.name+" "+protocol+map[bool]string{true: " kept"}[keep], func(t *testing.T) {
					server := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{tt.cert}})
					tt.settings.CA = ca.PEM
					checker := newChecker(t, httpcheck.Config{
						URL: server.URL, TLSConfig: tt.settings, EnableHTTP2: protocol == "HTTP/2.0", KeepAlive: keep,
						Expect: httpcheck.Expect{BodyMatches: []string{"^" + protocol + "$"}},
					})
					for range 2 {
						res := checktest.RunChecker(t, checker, 5*time.Second)
						assert.Equal(t, tt.details != "", res.Failed(), res.Details)
						if res.Failed() {
							assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
							assert.Regexp(t, "^TLS handshake with 127.0.0.1:[0-9]+: .*"+tt.details, res.Details)
						} else {
							assert.EqualValues(t, 1, value(t, res, "tls_version_info", "TLS 1.3"))
						}
						assert.EqualValues(t, tt.end.Unix(), value(t, res, "tls_certificate_not_after_timestamp_seconds", ""))
						assert.InDelta(t, tt.verified, value(t, res, "tls_certificate_verified", ""), 0)
						value(t, res, "http_phase_duration_seconds", "tls")
					}
				})
			}
		}
	}
}

func TestTLSToPlainPort(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	url := strings.Replace(server.URL, "http:", "https:", 1)
	for name, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(name, func(t *testing.T) {
			res := check(t, httpcheck.Config{URL: url, EnableHTTP2: http2})
			assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
			assert.Regexp(t, "^TLS handshake with .*: (the peer does not speak TLS|http: server gave HTTP response to HTTPS client)$", res.Details)
		})
	}
}

func TestPlainToTLSPort(t *testing.T) {
	ca := certstest.NewCA(t)
	server := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}})
	res := check(t, httpcheck.Config{URL: strings.Replace(server.URL, "https:", "http:", 1)})
	assert.Equal(t, healthcheck.ReasonStatus, res.Reason)
	assert.Equal(t, "status 400, want 2xx: Client sent an HTTP request to an HTTPS server.", res.Details)
}

func TestHandshakeIsNotAnswered(t *testing.T) {
	for name, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(name, func(t *testing.T) {
			address := serveRaw(t, hold)
			checker := newChecker(t, httpcheck.Config{URL: "https://" + address, EnableHTTP2: http2})
			start := time.Now()
			res := checktest.RunChecker(t, checker, checktest.Timeout)
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
			assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
			assert.Regexp(t, "^TLS handshake with "+address+": timed out after", res.Details)
		})
	}
}

func TestHandshakeIsCut(t *testing.T) {
	address := serveRaw(t, func(conn net.Conn) { readRequest(conn) })
	res := check(t, httpcheck.Config{URL: "https://" + address})
	assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
	assert.Equal(t, "TLS handshake with "+address+": the peer closed the connection", res.Details)
}

func TestClientCertificate(t *testing.T) {
	ca := certstest.NewCA(t)
	end := time.Now().Add(time.Hour)
	server := serveTLS(t, &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, end, "127.0.0.1")},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	})
	res := check(t, httpcheck.Config{URL: server.URL, TLSConfig: config.TLSConfig{CA: ca.PEM}})
	assert.Equal(t, healthcheck.ReasonTLS, res.Reason, res.Details)
	assert.Regexp(t, "certificate required", res.Details)
	assert.EqualValues(t, 1, value(t, res, "tls_certificate_verified", ""), "the server's own certificate was good")

	client := ca.Issue(t, end, "client.test")
	cert, key := certstest.EncodePEM(t, &client)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, []byte(cert), 0o600))
	require.NoError(t, os.WriteFile(keyFile, []byte(key), 0o600))
	checker := newChecker(t, httpcheck.Config{URL: server.URL, TLSConfig: config.TLSConfig{CA: ca.PEM, CertFile: certFile, KeyFile: keyFile}})
	res = checktest.RunChecker(t, checker, 5*time.Second)
	assert.False(t, res.Failed(), res.Details)

	stranger := certstest.NewCA(t).Issue(t, end, "client.test")
	cert, key = certstest.EncodePEM(t, &stranger)
	require.NoError(t, os.WriteFile(certFile, []byte(cert), 0o600))
	require.NoError(t, os.WriteFile(keyFile, []byte(key), 0o600))
	res = checktest.RunChecker(t, checker, 5*time.Second)
	assert.Equal(t, healthcheck.ReasonTLS, res.Reason, "the files are read again: %s", res.Details)

	require.NoError(t, os.Remove(keyFile))
	res = checktest.RunChecker(t, checker, 5*time.Second)
	assert.Equal(t, healthcheck.ReasonTLS, res.Reason, res.Details)
	assert.Regexp(t, "unable to read file", res.Details)
}

func TestCAFileIsFollowed(t *testing.T) {
	ca, next := certstest.NewCA(t), certstest.NewCA(t)
	cert := next.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	server := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}})
	for name, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir()) // details name the file, and have no room for any length of path
			file := filepath.Join("etc", "ca.pem")
			require.NoError(t, os.Mkdir(filepath.Dir(file), 0o700))
			require.NoError(t, os.WriteFile(file, []byte(ca.PEM), 0o600))
			c := httpcheck.Config{URL: server.URL, KeepAlive: true, EnableHTTP2: http2, TLSConfig: config.TLSConfig{CAFile: filepath.Base(file)}}
			c.SetDirectory(filepath.Dir(file))
			checker := newChecker(t, c)
			res := checktest.RunChecker(t, checker, 5*time.Second)
			assert.Equal(t, healthcheck.ReasonTLS, res.Reason)

			require.NoError(t, os.WriteFile(file+".next", []byte(next.PEM), 0o600))
			require.NoError(t, os.Rename(file+".next", file))
			res = checktest.RunChecker(t, checker, 5*time.Second)
			assert.False(t, res.Failed(), res.Details)

			require.NoError(t, os.Remove(file))
			res = checktest.RunChecker(t, checker, 5*time.Second)
			assert.Equal(t, healthcheck.ReasonTLS, res.Reason, "also where a connection is kept")
			assert.Regexp(t, "ca_file: .*no such file", res.Details)
		})
	}
}

// TestMinValidity on both wires, of a kept connection too, and without TLS.
func TestMinValidity(t *testing.T) {
	ca := certstest.NewCA(t)
	end := time.Now().Add(48 * time.Hour)
	server := serveTLS(t, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.Issue(t, end, "127.0.0.1")}})
	for wire, c := range map[string]httpcheck.Config{"direct": {}, "pooled": {EnableHTTP2: true}, "kept": {KeepAlive: true}} {
		t.Run(wire, func(t *testing.T) {
			c.URL, c.TLSConfig = server.URL, config.TLSConfig{CA: ca.PEM}
			c.Expect.MinValidity = 24 * time.Hour
			checktest.RequireOK(t, check(t, c))
			c.Expect.MinValidity = 72 * time.Hour
			chk, err := httpcheck.New(c)
			require.NoError(t, err)
			for range 2 {
				res := checktest.RunChecker(t, chk, time.Minute)
				assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
				assert.Equal(t, "the certificate chain of "+strings.TrimPrefix(server.URL, "https://")+" expires at "+end.UTC().Format(time.DateTime+" UTC")+", sooner than in 3d", res.Details)
			}
			if closer, ok := chk.(io.Closer); ok {
				require.NoError(t, closer.Close())
			}
		})
	}
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	res := check(t, httpcheck.Config{URL: plain.URL, Expect: httpcheck.Expect{MinValidity: time.Hour}})
	assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
	assert.Contains(t, res.Details, "is not known, as TLS was not spoken")
	_, err := httpcheck.New(httpcheck.Config{URL: plain.URL, Expect: httpcheck.Expect{MinValidity: -time.Hour}})
	assert.Equal(t, []string{"expect.min_validity"}, checktest.Fields(t, err))
}
