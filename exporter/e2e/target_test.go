//go:build tools

package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// targets is a server with a path for each check, which does what it is told.
type targets struct {
	*httptest.Server

	t     *testing.T // it, and no scenario, ends the servers
	mu    sync.Mutex
	paths map[string]http.HandlerFunc
}

func newTargets(t *testing.T) *targets {
	x := &targets{t: t, paths: make(map[string]http.HandlerFunc)}
	x.Server = httptest.NewServer(x)
	t.Cleanup(x.Close)
	return x
}

func (x *targets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	h := x.paths[r.URL.Path]
	x.mu.Unlock()
	if h == nil {
		h = up
	}
	h(w, r)
}

// turn makes a path do something else from now on, and returns the time.
func (x *targets) turn(path string, h http.HandlerFunc) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.paths[path] = h
	return time.Now()
}

func up(http.ResponseWriter, *http.Request) {}

func down(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
}

// hang does not answer until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// flap fails some requests, answers some, and so on.
func flap(failing, working int64) http.HandlerFunc {
	var requests atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if (requests.Add(1)-1)%(failing+working) < failing {
			down(w, r)
		}
	}
}

// silent returns the address of a server that takes connections and never says anything.
func (x *targets) silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn) // until the client gives up
			})
		}
	})
	x.t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

// expiring returns the address of a TLS server whose certificate is valid until then, and the certificate of its authority
// in PEM.
func (x *targets) expiring(t *testing.T, until time.Time) (address string, authorityPEM []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, authority, key.Public(), key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(up))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	server.StartTLS()
	x.t.Cleanup(server.Close)
	return server.Listener.Addr().String(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca})
}
