package config_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

// conformers are the kinds that hold to what follows, each in a file of its own.
var conformers = map[string]conformer{
	dnscheck.Kind:        conformDNS,
	execcheck.Kind:       conformExec,
	filesystemcheck.Kind: conformFilesystem,
	grpccheck.Kind:       conformGRPC,
	httpcheck.Kind:       conformHTTP,
	icmpcheck.Kind:       conformICMP,
	memorycheck.Kind:     conformMemory,
	processcheck.Kind:    conformProcess,
	statuscheck.Kind:     conformStatus,
	systemdcheck.Kind:    conformSystemd,
	tcpcheck.Kind:        conformTCP,
	tlscheck.Kind:        conformTLS,
	udpcheck.Kind:        conformUDP,
	unixcheck.Kind:       conformUnix,
}

// requestParts returns what a client has sent.
func requestParts(r *http.Request) []string {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	parts := []string{r.Method, r.Host, r.URL.Path, r.URL.RawQuery, string(body), r.RequestURI}
	for _, values := range r.URL.Query() {
		parts = append(parts, values...)
	}
	for _, values := range r.Header {
		parts = append(parts, values...)
	}
	return parts
}

// echoer answers with what a peer has got and must not be shown, in another spelling each time.
type echoer struct{ next, all atomic.Int64 }

// echoes is that of the peer in use.
var echoes echoer

func (e *echoer) answer(got []string) string {
	var list []string
	for _, part := range got {
		for _, spelling := range echoOf(part) {
			if leaks(spelling, issued) || slices.ContainsFunc(plants, func(p string) bool { return leaks(spelling, p) }) {
				list = append(list, strings.Join(strings.Fields(spelling), " "))
			}
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	slices.Sort(list)
	list = slices.Compact(list)
	e.all.Store(int64(len(list)))
	return "got " + list[int(e.next.Add(1))%len(list)] + " of you"
}

func serveHTTP(t testing.TB, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return u.String()
}

// serveTCP gives each connection to handle and closes it then.
func serveTCP(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serveListener(t, l, handle)
	return l.Addr().String()
}

// serveListener gives each connection to handle and closes it then.
func serveListener(t testing.TB, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	var done sync.WaitGroup
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			done.Go(func() {
				handle(conn)
				_ = conn.Close()
				mu.Lock()
				defer mu.Unlock()
				delete(open, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		done.Wait()
	})
}

func silentTCP(t testing.TB) string {
	return serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
}

func silentUDP(t testing.TB) string {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p.LocalAddr().String()
}
