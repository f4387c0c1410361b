package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// binary is the program, built once for the tests that need a process of its own.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "healthcheck_exporter")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, program)
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

const patience = 20 * time.Second

func eventually(t *testing.T, condition func() bool, message ...any) {
	t.Helper()
	require.Eventually(t, condition, patience, 10*time.Millisecond, message...)
}

// outcome is what a command leaves behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// call carries out a command within this process. One that serves by mistake is ended.
func call(ctx context.Context, args ...string) outcome {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	var stdout, stderr lockedBuffer // a check that passes its deadline is logged on a goroutine of its own
	code := run(ctx, args, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

func writeConfig(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checks.yml")
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	return path
}

// newTarget serves 200 at /up, 503 at /down, and nothing until the end of the test at /hang.
func newTarget(t *testing.T) (url string) {
	t.Helper()
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/up":
		case "/hang":
			select {
			case <-req.Context().Done():
			case <-over:
			}
		default:
			http.Error(w, "tea\ttime\nis \x1b[31mover", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(over) })
	return s.URL
}

func httpCheck(endpoint, url, more string) string {
	return "  - { endpoint: " + endpoint + ", " + more + " http: { url: '" + url + "' } }\n"
}

// process is the program at work.
type process struct {
	*exec.Cmd
	url    string
	stdout *lockedBuffer
	stderr *lockedBuffer
	wait   func() error
}

type lockedBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// launch starts the program on a free port. It is killed at the end of the test, if not before.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	address := freeAddress(t)
	p := &process{Cmd: exec.Command(binary, append(args, "--web.listen-address="+address)...), url: "http://" + address}
	p.start(t, env)
	return p
}

func (p *process) start(t *testing.T, env []string) {
	t.Helper()
	p.stdout, p.stderr = &lockedBuffer{}, &lockedBuffer{}
	p.Stdout = p.stdout
	if p.Stderr == nil {
		p.Stderr = p.stderr
	}
	p.Env = append(cleanEnvironment(), env...)
	require.NoError(t, p.Start())
	p.wait = sync.OnceValue(p.Wait)
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		_ = p.wait()
	})
}

// cleanEnvironment is that of this process without the variables of the program.
func cleanEnvironment() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HEALTHCHECK_EXPORTER_") {
			env = append(env, e)
		}
	}
	return env
}

func (p *process) end(t *testing.T, s syscall.Signal) error {
	t.Helper()
	require.NoError(t, p.Process.Signal(s))
	return p.wait()
}

// get returns code and body, 0 and nothing while nobody answers.
func (p *process) get(path string) (int, string) {
	return fetch(p.url + path)
}

func (p *process) ready() bool {
	code, _ := p.get("/-/ready")
	return code == http.StatusOK
}

func fetch(url string) (int, string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, ""
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(body)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
