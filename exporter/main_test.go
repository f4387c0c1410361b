package exporter_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

func TestMain(m *testing.M) {
	if os.Getenv(activatedVariable) != "" {
		os.Exit(serveActivated())
	}
	goleak.VerifyTestMain(m)
}

// patience is how long tests wait for what happens in milliseconds unless the machine is overloaded.
const patience = 20 * time.Second

func eventually(t *testing.T, condition func() bool, message ...any) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, message...)
}

// logBuffer is a writer that can be read meanwhile.
type logBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *logBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data.Reset()
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// configFile is a configuration on disk.
type configFile struct {
	t    *testing.T
	path string
}

func newConfigFile(t *testing.T, yaml string) configFile {
	t.Helper()
	f := configFile{t, filepath.Join(t.TempDir(), "checks.yml")}
	f.write(yaml)
	return f
}

// write replaces the file at once, as an editor or a tool of deployment does.
func (f configFile) write(yaml string) {
	f.t.Helper()
	temporary := f.path + ".new"
	require.NoError(f.t, os.WriteFile(temporary, []byte(yaml), 0o600))
	require.NoError(f.t, os.Rename(temporary, f.path))
}

// options returns options for a test: loopback, a free port, no watching, everything logged.
func options(file string, logs io.Writer) exporter.Options {
	o := exporter.DefaultOptions()
	o.ConfigFile = file
	o.ListenAddresses = []string{"127.0.0.1:0"}
	o.WatchInterval = 0
	o.Logger = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return o
}

// running is an exporter at work.
type running struct {
	*exporter.Exporter
	client
	URL  string
	logs *logBuffer
	stop func() error // ends it and returns what Run does
}

// start runs an exporter until the test ends.
func start(t *testing.T, file string, change ...func(*exporter.Options)) *running {
	t.Helper()
	logs := &logBuffer{}
	o := options(file, logs)
	for _, c := range change {
		c(&o)
	}
	e, err := exporter.New(t.Context(), o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	r := &running{Exporter: e, client: newClient(t, nil), URL: "http://" + e.Addr().String(), logs: logs}
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { assert.NoError(t, r.stop()) })
	return r
}

func enableLifecycle(o *exporter.Options) { o.EnableLifecycle = true }

func (r *running) get(t *testing.T, path string, header ...string) reply {
	t.Helper()
	return r.do(t, http.MethodGet, r.URL+path, header...)
}

// metric returns the value of a series of /metrics, and whether it is there.
func (r *running) metric(t *testing.T, series string) (float64, bool) {
	t.Helper()
	a := r.get(t, "/metrics")
	require.Equal(t, http.StatusOK, a.Code)
	return sample(a.Body, series)
}

// has reports whether a series has a value at the moment; it may be called off the test goroutine.
func (r *running) has(series string, value float64) bool {
	a, err := r.try(http.MethodGet, r.URL+"/metrics")
	if err != nil {
		return false
	}
	v, ok := sample(a.Body, series)
	return ok && v == value
}

func (r *running) ready() bool {
	a, err := r.try(http.MethodGet, r.URL+"/-/ready")
	return err == nil && a.Code == http.StatusOK
}

// sample returns the value of a series, written as in the text format.
func sample(text, series string) (float64, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return v, err == nil
		}
	}
	return 0, false
}

// client is an HTTP client that follows no redirect.
type client struct{ http *http.Client }

func newClient(t *testing.T, transport *http.Transport) client {
	t.Helper()
	if transport == nil {
		transport = &http.Transport{}
	}
	transport.DisableCompression = true
	t.Cleanup(transport.CloseIdleConnections)
	return client{&http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// reply is an answer with its body read.
type reply struct {
	Code   int
	Header http.Header
	Body   string
}

func (c client) do(t *testing.T, method, url string, header ...string) reply {
	t.Helper()
	a, err := c.try(method, url, header...)
	require.NoError(t, err)
	return a
}

// try is do for what may fail, and for other goroutines. Header has names and values in turn.
func (c client) try(method, url string, header ...string) (reply, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, url, http.NoBody)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

// target is a server to check, which counts the runs of each check by path and answers 200 until told otherwise.
type target struct {
	URL string

	mu     sync.Mutex
	hits   map[string]int
	codes  map[string]int
	hung   map[string]chan struct{}
	gone   map[string]int // requests that were given up while hung
	secret string         // of the last Authorization header
	open   map[net.Conn]bool
}

func newTarget(t *testing.T) *target {
	t.Helper()
	s := &target{hits: map[string]int{}, codes: map[string]int{}, hung: map[string]chan struct{}{}, gone: map[string]int{}, open: map[net.Conn]bool{}}
	server := httptest.NewUnstartedServer(s)
	server.Config.ConnState = s.connState
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(s.releaseAll)
	s.URL = server.URL
	return s
}

func (s *target) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := strings.TrimPrefix(req.URL.Path, "/")
	s.mu.Lock()
	s.hits[path]++
	s.secret = req.Header.Get("Authorization")
	hung, code := s.hung[path], s.codes[path]
	s.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-req.Context().Done():
			s.mu.Lock()
			s.gone[path]++
			s.mu.Unlock()
			return
		}
	}
	if code != 0 {
		w.WriteHeader(code)
	}
}

func (s *target) connState(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateClosed {
		delete(s.open, conn)
	} else {
		s.open[conn] = true
	}
}

// connections returns how many connections are open.
func (s *target) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *target) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

func (s *target) givenUp(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone[path]
}

func (s *target) authorization() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secret
}

func (s *target) answer(path string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[path] = code
}

// hang lets requests wait until release.
func (s *target) hang(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung[path] = make(chan struct{})
}

func (s *target) release(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.hung[path]; c != nil {
		close(c)
		delete(s.hung, path)
	}
}

func (s *target) releaseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, c := range s.hung {
		close(c)
		delete(s.hung, path)
	}
}

// check returns the YAML of an hourly check of a path of the target, with more lines to go beside its kind.
func (s *target) check(endpoint string, more ...string) string {
	b := "  - endpoint: " + endpoint + "\n    interval: 1h\n    timeout: 20s\n"
	for _, line := range more {
		b += "    " + line + "\n"
	}
	return b + "    http:\n      url: " + s.URL + "/" + endpoint + "\n"
}
