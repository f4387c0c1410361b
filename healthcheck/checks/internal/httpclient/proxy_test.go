package httpclient_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

// tunnel is a proxy that connects, also over connections that speak TLS.
func tunnel(conn net.Conn) {
	reader := bufio.NewReader(conn)
	req, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	if req.Method != http.MethodConnect {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nproxied")
		return
	}
	peer, err := net.Dial("tcp", req.Host)
	if err != nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer peer.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connected\r\n\r\n")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(conn, peer)
		_ = conn.Close()
	}()
	_, _ = io.Copy(peer, reader)
	_ = peer.Close()
	<-done
}

// socks takes the greeting of a SOCKS 5 client and answers its request with the code (RFC 1928).
func socks(code byte, then func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		buf := make([]byte, 512)
		_, _ = conn.Read(buf)
		_, _ = conn.Write([]byte{5, 0})
		_, _ = conn.Read(buf)
		_, _ = conn.Write([]byte{5, code, 0, 1, 127, 0, 0, 1, 0, 80})
		then(conn)
	}
}

func overTLS(cfg *tls.Config, handle func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) { handle(tls.Server(conn, cfg)) }
}

// What goes wrong at a proxy, or on the way to it, is told of the proxy.
func TestProxyThatFails(t *testing.T) {
	ca := certstest.NewCA(t)
	secure := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	expired := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(-time.Hour), "127.0.0.1")}}
	const unknown = "proxy-.test:3128" // refused by the resolver itself
	const plain, tls = "http://inside.test/", "https://inside.test/"
	good := serveTLS(t, secure, func(http.ResponseWriter, *http.Request) {})
	hanging := "https://" + serveRaw(t, hold)
	for _, tt := range []struct {
		name, target, proxy string
		reason              healthcheck.Reason
		text                string // PROXY is its host:port, TARGET that of the target
		ok                  bool
	}{
		{name: "refuses", target: plain, proxy: "http://" + checktest.Closed(t), reason: healthcheck.ReasonConnect, text: "connect to the proxy PROXY: connection refused"},
		{name: "refuses, https", target: tls, proxy: "http://" + checktest.Closed(t), reason: healthcheck.ReasonConnect, text: "connect to the proxy PROXY: connection refused"},
		{name: "https refuses", target: tls, proxy: "https://" + checktest.Closed(t), reason: healthcheck.ReasonConnect, text: "connect to the proxy PROXY: connection refused"},
		{name: "socks refuses", target: plain, proxy: "socks5://" + checktest.Closed(t), reason: healthcheck.ReasonConnect, text: "connect to the proxy PROXY: connection refused"},
		{name: "unknown name", target: plain, proxy: "http://" + unknown, reason: healthcheck.ReasonDNS, text: "the proxy: lookup " + strings.TrimSuffix(unknown, ":3128") + ": no such host"},
		{name: "hangs", target: plain, proxy: "http://" + serveRaw(t, hold), reason: healthcheck.ReasonTimeout, text: "wait for the answer of TARGET through the proxy PROXY: timed out after "},
		{name: "hangs at CONNECT", target: tls, proxy: "http://" + serveRaw(t, hold), reason: healthcheck.ReasonTimeout, text: "connect to TARGET through the proxy PROXY: timed out after "},
		{name: "hangs at its handshake", target: tls, proxy: "https://" + serveRaw(t, hold), reason: healthcheck.ReasonTimeout, text: "TLS handshake with the proxy PROXY: timed out after "},
		{name: "socks hangs", target: plain, proxy: "socks5://" + serveRaw(t, hold), reason: healthcheck.ReasonTimeout, text: "connect to TARGET through the proxy PROXY: timed out after "},
		{name: "closes at CONNECT", target: tls, proxy: "http://" + serveRaw(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }), reason: healthcheck.ReasonConnect, text: "connect to TARGET through the proxy PROXY: the peer closed the connection"},
		{name: "does not speak TLS", target: tls, proxy: "https://" + serveRaw(t, tunnel), reason: healthcheck.ReasonTLS, text: "TLS handshake with the proxy PROXY: "},
		{name: "bad certificate", target: tls, proxy: "https://" + serveRaw(t, overTLS(expired, tunnel)), reason: healthcheck.ReasonTLS, text: "TLS handshake with the proxy PROXY: tls: failed to verify certificate: x509: certificate has expired"},
		{name: "cannot connect", target: tls, proxy: "http://" + serveRaw(t, tunnel), reason: healthcheck.ReasonConnect, text: "connect to TARGET through the proxy PROXY: the proxy answered CONNECT with status 502"},
		{name: "socks cannot connect", target: plain, proxy: "socks5://" + serveRaw(t, socks(4, hold)), reason: healthcheck.ReasonConnect, text: "connect to TARGET through the proxy PROXY: "},
		{name: "target hangs in its handshake", target: hanging, proxy: "http://" + serveRaw(t, tunnel), reason: healthcheck.ReasonTimeout, text: "TLS handshake with TARGET through the proxy PROXY: timed out after "},
		{name: "good", target: good, proxy: "http://" + serveRaw(t, tunnel), ok: true},
		{name: "good https", target: good, proxy: "https://" + serveRaw(t, overTLS(secure, tunnel)), ok: true},
		{name: "good https, plain target", target: plain, proxy: "https://" + serveRaw(t, overTLS(secure, tunnel)), ok: true},
	} {
		for _, keep := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{true: " kept"}[keep], func(t *testing.T) {
				client := newClient(t, httpclient.Settings{URL: tt.target, ProxyURL: tt.proxy, KeepAlive: keep, TLSConfig: config.TLSConfig{CA: ca.PEM}})
				timeout := 5 * time.Second
				if tt.reason == healthcheck.ReasonTimeout {
					timeout = checktest.Timeout
				}
				start := time.Now()
				a, err := doFor(t, client, timeout)
				assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
				if tt.ok {
					require.NoError(t, err)
					assert.Equal(t, 200, a.Response.StatusCode)
					return
				}
				require.Error(t, err)
				assert.Equal(t, tt.reason, healthcheck.ReasonOf(err), "%v", err)
				target := host(tt.target)
				if !strings.Contains(target, ":") {
					target += map[string]string{plain: ":80", tls: ":443"}[tt.target]
				}
				assert.Contains(t, err.Error(), strings.NewReplacer("PROXY", host(tt.proxy), "TARGET", target).Replace(tt.text))
				assert.Empty(t, a.AppendCertificates(nil), "a certificate of the proxy is not that of the target")
			})
		}
	}
}

// Server name and client certificate are for the target, not for the proxy.
func TestTLSSettingsAreNotForTheProxy(t *testing.T) {
	ca := certstest.NewCA(t)
	end := time.Now().Add(time.Hour)
	client := ca.Issue(t, end, "client.test")
	cert, key := certstest.EncodePEM(t, &client)
	shown := make(chan int, 2)
	proxy := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, end, "127.0.0.1")}, ClientAuth: tls.RequestClientCert}
	address := serveRaw(t, func(conn net.Conn) {
		secure := tls.Server(conn, proxy)
		if secure.Handshake() != nil {
			return
		}
		shown <- len(secure.ConnectionState().PeerCertificates)
		tunnel(secure)
	})
	target := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, end, "a.test")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()},
		func(http.ResponseWriter, *http.Request) {})
	_, err := do(t, httpclient.Settings{URL: target, ProxyURL: "https://" + address, TLSConfig: config.TLSConfig{
		CA: ca.PEM, ServerName: "a.test", Cert: cert, Key: config.Secret(key),
	}})
	require.NoError(t, err)
	assert.Zero(t, <-shown)
}
