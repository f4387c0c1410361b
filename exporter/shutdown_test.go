package exporter_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// blockingReload sends a request that stays under way until feed is called: a reload of a configuration that is a
// pipe. It returns when the request has been taken up.
func blockingReload(t *testing.T, r *running, file configFile) (answer <-chan reply, feed func(yaml string)) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Rename(fifo, file.path))
	answers := make(chan reply, 1)
	go func() {
		a, err := r.try(http.MethodPost, r.URL+"/-/reload")
		if err != nil {
			a = reply{Body: err.Error()}
		}
		answers <- a
	}()
	pipe, err := os.OpenFile(file.path, os.O_WRONLY, 0) // waits for the reader
	require.NoError(t, err)
	return answers, func(yaml string) {
		_, _ = pipe.WriteString(yaml) // nobody may be left to read it
		require.NoError(t, pipe.Close())
	}
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	file := newConfigFile(t, "name: before\nchecks: []\n")
	r := start(t, file.path, enableLifecycle)
	answer, feed := blockingReload(t, r, file)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	eventually(t, func() bool {
		conn, err := net.Dial("tcp", r.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, "no new connection is taken")
	assert.Empty(t, stopped, "the request is waited for")
	feed("name: after\nchecks: []\n")
	got := <-answer
	assert.Equal(t, http.StatusOK, got.Code, got.Body)
	require.NoError(t, <-stopped)
}

// TestShutdownIsBounded has everything that can hang, hang: requests on two servers, and a check that heeds nothing.
func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	file := newConfigFile(t, "checks: []\n")
	second := freeAddress(t, "127.0.0.1")
	r := start(t, file.path, enableLifecycle, func(o *exporter.Options) { o.ListenAddresses = append(o.ListenAddresses, second) })
	began, release, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	require.NoError(t, r.Registry().Register(healthcheck.Check{
		Endpoint: "deaf", Interval: time.Hour, Timeout: time.Hour,
		Func: func(context.Context) error { close(began); <-release; close(returned); return nil },
	}))
	<-began
	answer, feed := blockingReload(t, r, file)
	waiting, err := net.Dial("tcp", second)
	require.NoError(t, err)
	defer waiting.Close()
	_, err = waiting.Write([]byte("POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")) // behind the other one
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.do(t, http.MethodGet, "http://"+second+"/-/healthy").Code, "its turn came after that")

	start := time.Now()
	require.NoError(t, r.stop())
	assert.Less(t, time.Since(start), 9*time.Second, "one grace of five seconds for all")
	assert.Zero(t, (<-answer).Code, "the request was cut off")
	assert.Contains(t, r.logs.String(), "check does not stop")
	requireFree(t, second)
	feed("checks: []\n")
	close(release)
	<-returned
}

// TestShutdownEndsEverything has a run under way, and a connection that a check keeps alive.
func TestShutdownEndsEverything(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.hang("slow")
	file := newConfigFile(t, "checks:\n"+s.check("kept")+"      keep_alive: true\n"+s.check("slow"))
	r := start(t, file.path)
	eventually(t, func() bool { return r.has(`healthcheck_status{check="kept"}`, 1) && s.count("slow") == 1 })
	require.Equal(t, 2, s.connections())
	began := time.Now()
	require.NoError(t, r.stop())
	assert.Less(t, time.Since(began), 5*time.Second, "a check that heeds its context holds nothing up")
	eventually(t, func() bool { return s.givenUp("slow") == 1 && s.connections() == 0 })
	assert.NotContains(t, r.logs.String(), "check is FAIL", "being interrupted is no failure")
	requireFree(t, r.Addr().String())
}

func TestRunWithoutTime(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	for range 20 {
		e, err := exporter.New(t.Context(), options(newConfigFile(t, "checks:\n"+s.check("central")).path, &logBuffer{}))
		require.NoError(t, err)
		runAndStop(t, e)
		requireFree(t, e.Addr().String())
	}
}
