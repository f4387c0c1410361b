package httpclient_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

var phases = healthcheck.NewMeasure("test_phase_duration_seconds", "Time of a phase.", "phase")

// serveTLS starts a server with the certificate and returns its URL.
func serveTLS(t testing.TB, cfg *tls.Config, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that fail
	server.TLS = cfg
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func redirectTo(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, url, http.StatusMovedPermanently)
	}
}

// host returns host:port of a URL.
func host(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "/")
	return rest
}

func certificates(a *httpclient.Answer) map[string]float64 {
	return checktest.Values(healthcheck.Result{Values: a.AppendCertificates(nil)}, certs.Version.LabelName(0))
}

func measured(a *httpclient.Answer) []string {
	var names []string
	for _, v := range a.AppendPhases(nil, phases) {
		names = append(names, v.Label)
	}
	return names
}

// What fails after a redirect is told of the hop that failed, and of none before it.
func TestHopThatFails(t *testing.T) {
	ca, stranger := certstest.NewCA(t), certstest.NewCA(t)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	strange := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{stranger.Issue(t, end, "127.0.0.1")}}, func(http.ResponseWriter, *http.Request) {})
	refused := "http://" + checktest.Closed(t)
	closes := "http://" + serveRaw(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) })
	hangs := "http://" + serveRaw(t, hold)
	cuts := "http://" + serveRaw(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
	})
	const unknown = "http://next-.test" // refused by the resolver itself
	for _, tt := range []struct {
		name, next string
		reason     healthcheck.Reason
		text       string
		phases     string
		verified   float64 // -1: not measured
	}{
		{"bad certificate", strange, healthcheck.ReasonTLS, "TLS handshake with " + host(strange) + ": ", "connect tls", 0},
		{"refused", refused, healthcheck.ReasonConnect, "connect to " + host(refused) + ": connection refused", "connect", -1},
		{"unknown host", unknown, healthcheck.ReasonDNS, "lookup " + host(unknown) + ": no such host", "", -1},
		{"closes", closes, healthcheck.ReasonProtocol, "wait for the answer of " + host(closes) + ": the peer closed the connection", "connect processing", -1},
		{"hangs", hangs, healthcheck.ReasonTimeout, "wait for the answer of " + host(hangs) + ": timed out after ", "connect processing", -1},
		{"cut in the body", cuts, healthcheck.ReasonProtocol, "read the answer of " + host(cuts) + ": the peer closed the connection", "connect processing transfer", -1},
	} {
		for wire, http2 := range wires {
			for name, start := range map[string]string{
				"http":  serve(t, redirectTo(tt.next)),
				"https": serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, end, "127.0.0.1")}}, redirectTo(tt.next)),
			} {
				t.Run(strings.Join([]string{tt.name, name, wire}, " "), func(t *testing.T) {
					client := newClient(t, httpclient.Settings{URL: start, EnableHTTP2: http2, Follow: follow, TLSConfig: config.TLSConfig{CA: ca.PEM}})
					timeout := 5 * time.Second
					if tt.reason == healthcheck.ReasonTimeout {
						timeout = checktest.Timeout
					}
					a, err := doFor(t, client, timeout)
					if tt.next == cuts {
						require.NoError(t, err)
						assert.Equal(t, 200, a.Response.StatusCode)
						err = a.BodyErr
					} else {
						assert.Nil(t, a.Response, "that of the hop before is not that of the run")
					}
					require.Error(t, err)
					assert.Equal(t, tt.reason, healthcheck.ReasonOf(err), "%v", err)
					assert.Contains(t, err.Error(), tt.text)
					assert.Equal(t, 1, a.Redirects)
					got := measured(a)
					if len(got) > 0 && got[0] == "resolve" {
						got = got[1:]
					}
					assert.Equal(t, tt.phases, strings.Join(got, " "))
					verified, ok := certificates(a)["tls_certificate_verified"]
					assert.Equal(t, tt.verified >= 0, ok, "a certificate of the hop")
					if ok {
						assert.InDelta(t, tt.verified, verified, 0)
					}
				})
			}
		}
	}
}

// Over several hops, the chain that ends first counts, and all must be verified.
func TestCertificatesOfSeveralHops(t *testing.T) {
	ca, stranger := certstest.NewCA(t), certstest.NewCA(t)
	soon, late := time.Now().Add(time.Hour).Truncate(time.Second), time.Now().Add(48*time.Hour).Truncate(time.Second)
	old := &tls.Config{Certificates: []tls.Certificate{stranger.Issue(t, late, "127.0.0.1")}, MaxVersion: tls.VersionTLS12}
	last := serveTLS(t, old, func(http.ResponseWriter, *http.Request) {})
	second := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, soon, "127.0.0.1")}}, redirectTo(last))
	plain := serve(t, redirectTo(second))
	first := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, late, "127.0.0.1")}}, redirectTo(plain))
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			client := newClient(t, httpclient.Settings{URL: first, EnableHTTP2: http2, Follow: follow, KeepAlive: true, TLSConfig: config.TLSConfig{CA: ca.PEM, InsecureSkipVerify: true}})
			for range 2 {
				a, err := doFor(t, client, 5*time.Second)
				require.NoError(t, err)
				assert.Equal(t, 3, a.Redirects)
				assert.Equal(t, map[string]float64{
					"tls_certificate_not_after_timestamp_seconds": float64(soon.Unix()), "tls_certificate_verified": 0, "TLS 1.2": 1, "TLS 1.3": 1,
				}, certificates(a))
				assert.Equal(t, []string{"resolve", "connect", "tls", "processing", "transfer"}, measured(a))
			}
		})
	}
}

// The server name and the client certificate of the configuration are for its host only.
func TestTLSSettingsStayWithTheirHost(t *testing.T) {
	ca := certstest.NewCA(t)
	end := time.Now().Add(time.Hour)
	client := ca.Issue(t, end, "client.test")
	cert, key := certstest.EncodePEM(t, &client)
	asked := make(chan int, 10) // certificates that a server was shown
	note := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			asked <- len(req.TLS.PeerCertificates)
			next(w, req)
		}
	}
	server := func(name string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, end, name)}, ClientAuth: tls.RequestClientCert}
	}
	last := serveTLS(t, server("localhost"), note(func(http.ResponseWriter, *http.Request) {}))
	last = strings.Replace(last, "127.0.0.1", "localhost", 1)
	same := serveTLS(t, server("a.test"), note(redirectTo(last)))
	first := serveTLS(t, server("a.test"), note(redirectTo(same)))
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			a, err := do(t, httpclient.Settings{URL: first, EnableHTTP2: http2, Follow: follow, TLSConfig: config.TLSConfig{
				CA: ca.PEM, ServerName: "a.test", Cert: cert, Key: config.Secret(key),
			}})
			require.NoError(t, err)
			assert.InDelta(t, 1, certificates(a)["tls_certificate_verified"], 0)
			assert.Equal(t, []int{1, 1, 0}, []int{<-asked, <-asked, <-asked}, "the third host is another one")
		})
	}
}

// Nothing that only the host of the configuration may see goes anywhere else, nor back there afterwards.
func TestNothingFollowsToAnotherHost(t *testing.T) {
	tokens := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"sesame","token_type":"Bearer","expires_in":3600}`)
	})
	var first, other string
	seen := make(chan http.Header, 10)
	other = serve(t, func(w http.ResponseWriter, req *http.Request) {
		seen <- req.Header
		http.SetCookie(w, &http.Cookie{Name: "theirs", Value: "1"})
		http.Redirect(w, req, first+"/back", http.StatusFound)
	})
	first = serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/back" {
			seen <- req.Header
			return
		}
		assert.NotEmpty(t, req.Header.Get("Authorization")+req.Header.Get("X-Api-Key")+req.Header.Get("Cookie"))
		http.Redirect(w, req, strings.Replace(other, "127.0.0.1", "localhost", 1)+"/there", http.StatusFound)
	})
	file := checktest.WriteFile(t, "sesame")
	for name, s := range map[string]httpclient.Settings{
		"headers":          {Headers: map[string]string{"X-Api-Key": "sesame", "Cookie": "a=sesame", "Authorization": "Bearer sesame", "Proxy-Authorization": "x", "Host": "a.test"}},
		"user information": {URL: "ann:sesame@"},
		"basic auth":       {BasicAuth: &config.BasicAuth{Username: "ann", Password: "sesame"}},
		"password file":    {BasicAuth: &config.BasicAuth{Username: "ann", PasswordFile: file}},
		"credentials":      {Authorization: &config.Authorization{Credentials: "sesame"}},
		"credentials file": {Authorization: &config.Authorization{CredentialsFile: file}},
		"oauth2":           {OAuth2: &config.OAuth2{ClientID: "me", ClientSecretFile: file, TokenURL: tokens}},
	} {
		for wire, http2 := range wires {
			t.Run(name+" "+wire, func(t *testing.T) {
				s.URL = "http://" + strings.TrimPrefix(s.URL, "http://")
				if !strings.Contains(s.URL, host(first)) {
					s.URL += host(first)
				}
				s.EnableHTTP2, s.Follow = http2, follow
				a, err := do(t, s)
				require.NoError(t, err)
				assert.Equal(t, 2, a.Redirects)
				assert.Equal(t, 200, a.Response.StatusCode)
				for range 2 {
					header := <-seen
					for name := range header {
						assert.Contains(t, []string{"User-Agent", "Connection", "Accept-Encoding"}, name)
					}
				}
			})
		}
	}
}

// Cookies live as long as a run, and go where they belong.
func TestCookies(t *testing.T) {
	var other string
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/ui":
			if cookie, err := req.Cookie("sid"); err == nil {
				_, _ = io.WriteString(w, cookie.Value+" "+req.Header.Get("Cookie"))
				return
			}
			http.Redirect(w, req, "/login", http.StatusFound)
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "new-session", Path: "/", HttpOnly: true})
			http.SetCookie(w, &http.Cookie{Name: "narrow", Value: "1", Path: "/login"})
			http.SetCookie(w, &http.Cookie{Name: "lang", Value: "de", Path: "/"})
			http.Redirect(w, req, "/ui", http.StatusFound)
		case "/away":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "new-session", Path: "/"})
			http.Redirect(w, req, other, http.StatusFound)
		}
	})
	other = strings.Replace(serve(t, func(_ http.ResponseWriter, req *http.Request) {
		assert.Empty(t, req.Header.Get("Cookie"))
	}), "127.0.0.1", "localhost", 1)
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			client := newClient(t, httpclient.Settings{URL: server + "/ui", EnableHTTP2: http2, Follow: follow, Headers: map[string]string{"Cookie": "lang=en; theme=dark"}})
			for range 2 {
				a, err := doFor(t, client, 5*time.Second)
				require.NoError(t, err)
				assert.Equal(t, 2, a.Redirects, "each run begins without")
				assert.Equal(t, "new-session theme=dark; sid=new-session; lang=de", string(a.Body))
				assert.NotContains(t, a.BodyExcerpt(), "new-session", "a session is a secret")
			}
			_, err := do(t, httpclient.Settings{URL: server + "/away", EnableHTTP2: http2, Follow: follow})
			require.NoError(t, err)
		})
	}
}

// A body that arrived, but cannot be read, is no failure of its hop: the others count too.
func TestBadCodingAfterARedirect(t *testing.T) {
	ca := certstest.NewCA(t)
	first := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}, redirectTo(serveCoded(t, "gzip", "no gzip")))
	a, err := do(t, httpclient.Settings{URL: first, Follow: follow, WholeBody: true, TLSConfig: config.TLSConfig{CA: ca.PEM}})
	require.NoError(t, err)
	require.ErrorContains(t, a.BodyErr, "content coding gzip: ")
	assert.Contains(t, measured(a), "tls")
	assert.Contains(t, certificates(a), "tls_certificate_verified")
}

func TestRedirectToNonsense(t *testing.T) {
	for location, text := range map[string]string{
		"http://[::1/":           "status 301: the location is not a valid URL",
		"gopher://127.0.0.1/":    "status 301: the location has not the scheme http or https",
		"http://127.0.0.1:70000": "status 301: the location has a port that is not in 1 to 65535",
		"http://:80/":            "status 301: the location names no host",
		"http://a..b/":           "status 301: the location has a host that must be a host name or an IP address",
		"javascript:alert(1)":    "status 301: the location has not the scheme http or https",
	} {
		a, err := do(t, httpclient.Settings{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusMovedPermanently)
		}), Follow: follow})
		require.EqualError(t, err, text)
		assert.Equal(t, 301, a.Response.StatusCode, "this is the answer that the run ended with")
	}
}
