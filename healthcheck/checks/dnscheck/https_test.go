package dnscheck_test

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// serveHTTPS starts a web server with a certificate of its own and returns its address and settings that trust it.
func serveHTTPS(t *testing.T, host string, handler http.HandlerFunc) (address string, settings *config.TLSConfig) {
	t.Helper()
	ca := certstest.NewCA(t)
	return startHTTPS(t, host, ca.Issue(t, time.Now().Add(time.Hour), host), handler), &config.TLSConfig{CA: ca.PEM}
}

func startHTTPS(t *testing.T, host string, cert tls.Certificate, handler http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	require.NoError(t, server.Listener.Close())
	server.Listener = checktest.Listen(t, host)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// queryOf returns the message of a request (RFC 8484, section 4.1).
func queryOf(t *testing.T, r *http.Request) []byte {
	t.Helper()
	assert.Equal(t, "application/dns-message", r.Header.Get("Accept"))
	if r.Method == http.MethodGet {
		b, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
		assert.NoError(t, err)
		return b
	}
	assert.Equal(t, http.MethodPost, r.Method)
	assert.Equal(t, "application/dns-message", r.Header.Get("Content-Type"))
	b, err := io.ReadAll(r.Body)
	assert.NoError(t, err)
	return b
}

// answering answers with what handler says, after change.
func answering(t *testing.T, handler dns.HandlerFunc, change func([]byte) []byte) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		b := pack(t, handler, queryOf(t, r))
		if change != nil {
			b = change(b)
		}
		w.Header().Set("Content-Type", "application/dns-message")
		_, _ = w.Write(b)
	}
}

func TestOverHTTPS(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		var protocols, paths []string
		answer := zone(t, records...)
		address, settings := serveHTTPS(t, host, func(w http.ResponseWriter, r *http.Request) {
			protocols, paths = append(protocols, r.Proto), append(paths, r.URL.Path)
			answering(t, func(w dns.ResponseWriter, m *dns.Msg) {
				assert.Zero(t, m.Id, "so that caches know it again")
				answer(w, m)
			}, nil)(w, r)
		})
		for server, path := range map[string]string{
			address: "/dns-query", "https://" + address: "/dns-query", "https://" + address + "/": "/", "https://" + address + "/a/b": "/a/b",
			"https://" + address + "/q{?dns}": "/q", "https://" + address + "/q?profile=x": "/q",
		} {
			for _, method := range []string{"", "get"} {
				protocols, paths = nil, nil
				c := www(server, "https")
				c.Type, c.Method, c.TLSConfig = "", method, settings
				c.Expect.Answers = []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}
				r := run(t, c)
				checktest.RequireOK(t, r)
				assert.Equal(t, []string{"HTTP/2.0", "HTTP/2.0"}, protocols)
				assert.Equal(t, []string{path, path}, paths)
				v := values(r)
				assert.InDelta(t, 3, v["dns_answers"], 0)
				assert.InDelta(t, 1, v["tls_certificate_verified"], 0)
				assert.Greater(t, v["tls_certificate_not_after_timestamp_seconds"], float64(time.Now().Unix()))
				c.Expect.Answers = []string{"192.0.2.9"}
				assertFails(t, run(t, c), healthcheck.ReasonBody, "no answer is 192.0.2.9")
			}
		}
	}
}

func TestCertificatesOverHTTPS(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			c := www(startHTTPS(t, "127.0.0.1", tc.Cert, answering(t, zone(t, records...), nil)), "https")
			c.TLSConfig = &tc.Settings
			r := run(t, c)
			if tc.Details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonTLS, tc.Details)
			}
			assert.InDelta(t, tc.Verified, values(r)["tls_certificate_verified"], 0)
			assert.Positive(t, values(r)["tls_certificate_not_after_timestamp_seconds"])
		})
	}
}

// TestWrongOverHTTPS: answers that must not be believed, each in its way.
func TestWrongOverHTTPS(t *testing.T) {
	good := zone(t, records...)
	changed := func(change func([]byte) []byte) http.HandlerFunc { return answering(t, good, change) }
	typed := func(contentType string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			b := pack(t, good, queryOf(t, r))
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(b)
		}
	}
	const protocol = healthcheck.ReasonProtocol
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		reason  healthcheck.Reason
		details string
	}{
		"wrong id":        {changed(func(b []byte) []byte { b[1] = 1; return b }), protocol, "the answer is to another question"},
		"wrong question":  {changed(func(b []byte) []byte { b[13]++; return b }), protocol, "the answer is to another question"},
		"query":           {changed(func(b []byte) []byte { b[2] &^= 0x80; return b }), protocol, "the answer is to another question"},
		"cut":             {changed(func(b []byte) []byte { return b[:len(b)-3] }), protocol, "malformed answer"},
		"garbage":         {changed(func([]byte) []byte { return []byte("<html>") }), protocol, "malformed answer"},
		"nothing":         {changed(func([]byte) []byte { return nil }), protocol, "malformed answer"},
		"too long":        {changed(func(b []byte) []byte { return append(b, make([]byte, 70000)...) }), protocol, "longer than a message can be"},
		"a page":          {typed("text/html; charset=utf-8"), protocol, "the content type is text/html, want application/dns-message"},
		"no content type": {typed(""), protocol, "the content type is"},
		"with parameters": {typed("Application/DNS-Message; x=y"), healthcheck.ReasonNone, ""},
		"not there":       {http.NotFound, healthcheck.ReasonStatus, "query over https: status 404: 404 page not found"},
		"not allowed":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, healthcheck.ReasonAuth, "status 403"},
		"elsewhere":       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, healthcheck.ReasonStatus, "status 302"},
		"refused":         {answering(t, rcodeOnly(dns.RcodeRefused), nil), healthcheck.ReasonDNS, "rcode REFUSED, want NOERROR"},
		"closed":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, protocol, ""},
	} {
		for _, method := range []string{"POST", "GET"} {
			t.Run(name+" "+method, func(t *testing.T) {
				address, settings := serveHTTPS(t, "127.0.0.1", tc.handler)
				c := www(address, "https")
				c.Method, c.TLSConfig = method, settings
				r := run(t, c)
				if tc.reason == healthcheck.ReasonNone {
					checktest.RequireOK(t, r)
					return
				}
				assertFails(t, r, tc.reason, tc.details)
				assert.Equal(t, r.Details, run(t, c).Details, "the same in each run")
				if name != "closed" { // of which package net/http tells nothing
					assert.InDelta(t, 1, values(r)["tls_certificate_verified"], 0, "known whatever the answer is")
				}
			})
		}
	}
}

func TestUnreachableOverHTTPS(t *testing.T) {
	assertFails(t, run(t, www(checktest.Closed(t), "https")), healthcheck.ReasonConnect, "connection refused")
	plain, _ := listen(t)
	checktest.Serve(t, plain, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	assertFails(t, run(t, www(plain.Addr().String(), "https")), healthcheck.ReasonTLS, "")

	ended := make(chan struct{})
	for name, handler := range map[string]http.HandlerFunc{
		"slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{0})
				w.(http.Flusher).Flush()
				select {
				case <-ended:
				case <-time.After(10 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, settings := serveHTTPS(t, "127.0.0.1", handler)
			c := www(address, "https")
			c.TLSConfig = settings
			start := time.Now()
			assertFails(t, runFor(t, c, checktest.Timeout), healthcheck.ReasonTimeout, "timed out after")
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
		})
	}
}

// TestTokenInURL: a server that repeats it, in a record or as its name, does not get it shown.
func TestTokenInURL(t *testing.T) {
	const token = "correct-horse-battery"
	address, settings := serveHTTPS(t, "127.0.0.1", answering(t, replying(func(m *dns.Msg) {
		m.Answer = parse(t, `www.example.org. 60 IN TXT "`+token+`"`)
	}), nil))
	c := dnscheck.Config{Name: "www.example.org", Type: "TXT", Protocol: "https", TLSConfig: settings, Expect: dnscheck.Expect{Matches: []string{"^never$"}}}
	for _, servers := range [][]string{{"https://" + address + "/q?key=" + token}, {"https://" + address + "/q?key=" + token, address}} {
		c.Servers = servers
		r := run(t, c)
		assertFails(t, r, healthcheck.ReasonBody, `no answer matches "^never$"`)
		assert.NotContains(t, r.Details, token)
		assert.NotContains(t, c.Target(), token)
		for _, v := range r.Values {
			assert.NotContains(t, v.Label, token)
		}
	}
	_, err := dnscheck.New(dnscheck.Config{Name: "a", Protocol: "https", Server: "https://joe:" + token + "@192.0.2.1/"})
	require.ErrorContains(t, err, "has credentials")
	assert.NotContains(t, err.Error(), token)
	assert.True(t, strings.HasSuffix(dnscheck.Config{Name: "a", Protocol: "https", Server: "https://bücher.example/q{?dns}"}.Target(), " at https://bücher.example/q"))
}
