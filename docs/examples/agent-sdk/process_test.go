package agent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// target is what the check of the agents looks at: an address on which nobody listens yet.
type target struct{ address string }

func database(t *testing.T) *target { return &target{freeAddress(t)} }

func (d *target) listen(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", d.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// agent is a running agent.
type agent struct{ status, metrics string }

// start runs an agent until the test ends.
func start(t *testing.T, program string, db *target) *agent {
	t.Helper()
	status, metrics := freeAddress(t), freeAddress(t)
	_, port, err := net.SplitHostPort(status)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), "STATUS_PORT="+port, "DB_ADDRESS="+db.address, "METRICS_ADDRESS="+metrics)
	out, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = out.Close()
		if text, err := os.ReadFile(out.Name()); err == nil && t.Failed() {
			t.Logf("%s", text)
		}
	})
	return &agent{status: "http://localhost:" + port + "/status", metrics: "http://" + metrics + "/metrics"}
}

// statusDocument is what /status answers.
type statusDocument struct {
	Status       string
	StatusChecks map[string]struct {
		Name   string
		Status struct{ Result, Details string }
	}
}

// until waits for a status of the agent, a minute at most: the SDK looks at it after five seconds for the first time.
func (a *agent) until(t *testing.T, want func(statusDocument) bool) statusDocument {
	t.Helper()
	return within(t, func() (s statusDocument, err error) {
		body, err := get(a.status)
		if err == nil {
			err = json.Unmarshal([]byte(body), &s)
		}
		if err == nil && !want(s) {
			err = fmt.Errorf("%s", body)
		}
		return s, err
	})
}

func within[T any](t *testing.T, try func() (T, error)) T {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var v T
		if v, err = try(); err == nil {
			return v
		}
	}
	require.NoError(t, err)
	panic("unreachable")
}

func get(url string) (string, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
