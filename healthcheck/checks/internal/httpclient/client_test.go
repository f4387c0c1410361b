package httpclient_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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

// A server may answer a large request before it has read it, and never read it.
func TestAnswerWhileTheBodyIsSent(t *testing.T) {
	ca := certstest.NewCA(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	early := func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 512))
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge")
		<-t.Context().Done()
	}
	for name, url := range map[string]string{
		"http":  "http://" + serveRaw(t, early),
		"https": "https://" + serveRaw(t, overTLS(cfg, early)),
	} {
		for wire, http2 := range wires {
			t.Run(name+" "+wire, func(t *testing.T) {
				a, err := do(t, httpclient.Settings{URL: url, EnableHTTP2: http2, Method: "PUT", KeepAlive: true, Body: strings.Repeat("x", 8<<20), WholeBody: true, TLSConfig: config.TLSConfig{CA: ca.PEM}})
				require.NoError(t, err)
				assert.Equal(t, 413, a.Response.StatusCode)
				assert.Equal(t, "large", string(a.Body))
			})
		}
	}
}

// A large body does not keep the connection from being kept.
func TestLargeBodyAndKeptConnection(t *testing.T) {
	var connections sync.Map
	url := serve(t, func(_ http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		assert.EqualValues(t, 1<<20, n)
		connections.Store(req.RemoteAddr, true)
	})
	client := newClient(t, httpclient.Settings{URL: url, Method: "PUT", KeepAlive: true, Body: strings.Repeat("x", 1<<20)})
	for range 3 {
		_, err := doFor(t, client, 5*time.Second)
		require.NoError(t, err)
	}
	n := 0
	connections.Range(func(any, any) bool { n++; return true })
	assert.Equal(t, 1, n)
}

// A kept connection on which nothing comes takes the run to its deadline and no further.
func TestKeptConnectionHangs(t *testing.T) {
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			var connections atomic.Int32
			address := serveRaw(t, func(conn net.Conn) {
				connections.Add(1)
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				hold(conn)
			})
			client := newClient(t, httpclient.Settings{URL: "http://" + address, EnableHTTP2: http2, KeepAlive: true})
			_, err := doFor(t, client, 5*time.Second)
			require.NoError(t, err)
			start := time.Now()
			_, err = doFor(t, client, checktest.Timeout)
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
			require.ErrorContains(t, err, "wait for the answer of "+address+": timed out after ")
			assert.Equal(t, healthcheck.ReasonTimeout, healthcheck.ReasonOf(err))
			assert.EqualValues(t, 1, connections.Load())
			_, err = doFor(t, client, 5*time.Second)
			require.NoError(t, err, "the next run connects anew")
		})
	}
}

// What comes on an idle connection is no answer to the next request. (The transport of net/http may be a moment late to
// see it.)
func TestUnaskedAnswer(t *testing.T) {
	said := make(chan struct{})
	address := serveRaw(t, func(conn net.Conn) {
		for {
			if _, err := conn.Read(make([]byte, 4096)); err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			<-said
			_, _ = io.WriteString(conn, "HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n")
			said <- struct{}{}
		}
	})
	client := newClient(t, httpclient.Settings{URL: "http://" + address, KeepAlive: true})
	for range 3 {
		a, err := doFor(t, client, 5*time.Second)
		require.NoError(t, err)
		assert.Equal(t, 200, a.Response.StatusCode)
		said <- struct{}{}
		<-said
	}
}

// One client may have several runs at once: a checker under two endpoints.
func TestSeveralRunsAtOnce(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/" {
			http.SetCookie(w, &http.Cookie{Name: "n", Value: req.URL.RawQuery})
			http.Redirect(w, req, "/next", http.StatusFound)
			return
		}
		_, _ = fmt.Fprint(w, strings.Repeat("UP", 1000))
	})
	for wire, http2 := range wires {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprint(wire, keep), func(t *testing.T) {
				client := newClient(t, httpclient.Settings{URL: url, EnableHTTP2: http2, KeepAlive: keep, Follow: follow, WholeBody: true})
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						for range 20 {
							a, err := client.Do(t.Context())
							assert.NoError(t, err)
							assert.Equal(t, 1, a.Redirects)
							assert.Equal(t, strings.Repeat("UP", 1000), string(a.Body))
							a.Release()
						}
					})
				}
				time.AfterFunc(time.Millisecond, func() { _ = client.Close() })
				wg.Wait()
			})
		}
	}
}

// An answer that somebody keeps, or gives back twice, does not spoil the next one.
func TestAnswerIsReleased(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "answer ", n.Add(1)) })
	client := newClient(t, httpclient.Settings{URL: url, WholeBody: true})
	one, err := client.Do(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "answer 1", string(one.Body))
	one.Release()
	one.Release()
	two, err := client.Do(t.Context())
	require.NoError(t, err)
	three, err := client.Do(t.Context())
	require.NoError(t, err)
	one.Release()
	assert.Empty(t, one.Body)
	assert.Empty(t, one.AppendPhases(nil, phases))
	assert.Empty(t, one.AppendCertificates(nil))
	assert.Equal(t, 200, one.Response.StatusCode)
	assert.Equal(t, "answer 2", string(two.Body))
	assert.Equal(t, "answer 3", string(three.Body))
}

// A context that goes on after a run keeps nothing of it.
func TestNothingIsLeftOnALongContext(t *testing.T) {
	tokens := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"sesame","token_type":"Bearer","expires_in":1}`)
	})
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			ctx := &countingContext{Context: t.Context()}
			client := newClient(t, httpclient.Settings{URL: url, EnableHTTP2: http2, OAuth2: &config.OAuth2{ClientID: "me", ClientSecret: "x", TokenURL: tokens}})
			for range 3 {
				a, err := client.Do(ctx)
				require.NoError(t, err)
				a.Release()
			}
			require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Zero(c, ctx.registered.Load()) }, checktest.Promptly, time.Millisecond)
		})
	}
}

// countingContext counts the functions that wait for its end.
type countingContext struct {
	context.Context
	registered atomic.Int32
}

func (c *countingContext) Done() <-chan struct{} { return make(chan struct{}) }

// AfterFunc is found by package context.
func (c *countingContext) AfterFunc(func()) func() bool {
	c.registered.Add(1)
	return sync.OnceValue(func() bool { c.registered.Add(-1); return true })
}
