package exporter_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// webFiles are a certificate for this machine with its key, and a place for a web configuration beside them.
type webFiles struct {
	dir  string
	pool *x509.CertPool
}

func newWebFiles(t *testing.T) webFiles {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "exporter"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	f := webFiles{dir: t.TempDir(), pool: x509.NewCertPool()}
	require.True(t, f.pool.AppendCertsFromPEM(cert))
	f.write(t, "cert.pem", string(cert))
	f.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return f
}

func (f webFiles) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const (
	webTLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
	// webUsers knows alice, whose password is "correct horse".
	webUsers = "basic_auth_users:\n  alice: $2a$04$FiPWAX/RXJfveS18pX.YHOnn5Pbb1c5BQV7HGEepEZdJF53oG35pq\n"
)

func TestTLSAndBasicAuth(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	s := newTarget(t)
	checks := newConfigFile(t, "checks:\n"+s.check("central")).path
	for name, web := range map[string]string{"tls.yml": webTLS, "users.yml": webUsers, "both.yml": webTLS + webUsers} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := f.write(t, name, web)
			r := start(t, checks, func(o *exporter.Options) {
				o.WebConfigFile, o.EnableLifecycle, o.EnablePprof = path, true, true
				o.ListenAddresses = []string{"127.0.0.1:0", "127.0.0.1:0"}
			})
			secure := strings.Contains(web, "tls_server_config")
			if secure {
				plain, err := r.try(http.MethodGet, r.URL+"/metrics")
				if err == nil { // the server says in plain text that it wants TLS
					assert.Equal(t, http.StatusBadRequest, plain.Code)
				}
				r.URL = strings.Replace(r.URL, "http:", "https:", 1)
				r.client = newClient(t, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.pool}})
			}
			var credentials []string
			if strings.Contains(web, "basic_auth_users") {
				credentials = basic("alice", "correct horse")
				for _, wrong := range [][]string{nil, basic("alice", "wrong"), basic("bob", "correct horse")} {
					for _, route := range []string{"/", "/metrics", "/status", "/status/central", "/-/ready", "/debug/pprof/", "/nowhere"} {
						got := r.get(t, route, wrong...)
						assert.Equal(t, http.StatusUnauthorized, got.Code, "%s %v", route, wrong)
						assert.NotContains(t, got.Body, "central")
					}
					assert.Equal(t, http.StatusUnauthorized, r.do(t, http.MethodPost, r.URL+"/-/reload", wrong...).Code)
				}
			}
			eventually(t, func() bool {
				a, err := r.try(http.MethodGet, r.URL+"/-/ready", credentials...)
				return err == nil && a.Code == http.StatusOK
			})
			for _, route := range []string{"/", "/metrics", "/status", "/status/central", "/-/healthy", "/debug/pprof/"} {
				assert.Equal(t, http.StatusOK, r.get(t, route, credentials...).Code, route)
			}
			assert.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload", credentials...).Code)
			assert.NotContains(t, r.logs.String(), "correct horse")
		})
	}
}

// basic returns the header that logs a user in.
func basic(user, password string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

// TestOwnAddressWithTLS is about the embedded configuration, whose first check is the exporter itself: neither a
// certificate that nobody knows nor a password makes it fail.
func TestOwnAddressWithTLS(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	path := f.write(t, "web.yml", webTLS+webUsers)
	r := start(t, "", func(o *exporter.Options) { o.WebConfigFile = path })
	r.client = newClient(t, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.pool}})
	r.URL = strings.Replace(r.URL, "http:", "https:", 1)
	login := basic("alice", "correct horse")
	eventually(t, func() bool {
		return strings.Contains(r.get(t, "/metrics", login...).Body, `healthcheck_status{check="exporter"} 1`)
	})
	assert.Contains(t, r.get(t, "/metrics", login...).Body, `target="https://`+r.Addr().String()+`/-/healthy"} 1`)
	assert.Contains(t, r.get(t, "/status/exporter", login...).Body, `"OK"`)
}

func TestBadWebConfiguration(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	s := newTarget(t)
	checks := newConfigFile(t, "checks:\n"+s.check("central")).path
	for name, web := range map[string]string{
		"unknown.yml": "tls_server_confg: {}\n",
		"cert.yml":    strings.Replace(webTLS, "cert.pem", "nowhere.pem", 1),
		"swapped.yml": "tls_server_config:\n  cert_file: key.pem\n  key_file: cert.pem\n",
		"hash.yml":    "basic_auth_users:\n  alice: correct horse\n",
		"syntax.yml":  "tls_server_config: [\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t, "127.0.0.1")
			o := options(checks, &logBuffer{})
			o.ListenAddresses, o.WebConfigFile = []string{address}, f.write(t, name, web)
			_, err := exporter.New(t.Context(), o)
			require.ErrorContains(t, err, "web configuration")
			assert.ErrorContains(t, err, name)
			requireFree(t, address)
		})
	}
	o := options(checks, &logBuffer{})
	o.WebConfigFile = filepath.Join(f.dir, "nowhere.yml")
	_, err := exporter.New(t.Context(), o)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Zero(t, s.count("central"), "nothing was started")
}

// TestServerFails takes the web configuration away between New and Run: the first server that fails ends them all.
func TestServerFails(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	web := f.write(t, "web.yml", webTLS)
	addresses := []string{freeAddress(t, "127.0.0.1"), freeAddress(t, "127.0.0.1")}
	o := options(newConfigFile(t, "checks: []\n").path, &logBuffer{})
	o.ListenAddresses, o.WebConfigFile = addresses, web
	e, err := exporter.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, os.Remove(web))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.ErrorContains(t, e.Run(ctx), "serve on 127.0.0.1:")
	require.NoError(t, ctx.Err())
	for _, address := range addresses {
		requireFree(t, address)
	}
}
