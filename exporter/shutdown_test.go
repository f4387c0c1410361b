package exporter_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// silentPipe puts a pipe in the place of a file, with somebody at its other end who writes nothing until feed is called.
// The function reading tells whether somebody reads it.
func silentPipe(t *testing.T, path string) (reading func() bool, feed func(yaml string)) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Rename(fifo, path))
	pipe, err := os.OpenFile(path, os.O_RDWR, 0) // which does not wait for a reader
	require.NoError(t, err)
	t.Cleanup(func() { _ = pipe.Close() }) // feed may have done so
	reading = func() bool {
		links, err := filepath.Glob("/proc/self/fd/*")
		require.NoError(t, err)
		ours := slices.DeleteFunc(links, func(link string) bool {
			to, err := os.Readlink(link)
			return err != nil || to != path
		})
		return len(ours) == 2
	}
	return reading, func(yaml string) {
		_, _ = pipe.WriteString(yaml) // nobody may be left to read it
		require.NoError(t, pipe.Close())
	}
}

// blockingReload sends a request that stays under way until feed is called: a reload of a configuration that is a
// pipe. It returns when the request has been taken up.
func blockingReload(t *testing.T, r *running, file configFile) (answer <-chan reply, feed func(yaml string)) {
	t.Helper()
	reading, feed := silentPipe(t, file.path)
	answers := make(chan reply, 1)
	go func() {
		a, err := r.try(http.MethodPost, r.URL+"/-/reload")
		if err != nil {
			a = reply{Body: err.Error()}
		}
		answers <- a
	}()
	eventually(t, reading)
	return answers, feed
}

// TestPipeHoldsNothingUp has the configuration become a pipe with a silent other end, for each way to ask for a reload,
// and a file that only a kind of check reads.
func TestPipeHoldsNothingUp(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(r *running, signals chan os.Signal){
		"signal": func(_ *running, signals chan os.Signal) { signals <- syscall.SIGHUP },
		"method": func(r *running, _ chan os.Signal) { go func() { _ = r.Reload() }() },
		"request": func(r *running, _ chan os.Signal) {
			go func() { _, _ = r.try(http.MethodPut, r.URL+"/-/reload") }()
		},
	} {
		for _, which := range []string{"checks.yml", "ca.pem"} {
			t.Run(name+" "+which, func(t *testing.T) {
				t.Parallel()
				file := newConfigFile(t, "checks: []\n")
				signals := make(chan os.Signal, 1)
				r := start(t, file.path, enableLifecycle, func(o *exporter.Options) { o.ReloadRequests = signals })
				file.write("checks:\n  - { endpoint: a, http: { url: 'https://127.0.0.1:1', tls_config: { ca_file: ca.pem } } }\n")
				path := filepath.Join(filepath.Dir(file.path), which)
				reading, feed := silentPipe(t, path)
				ask(r, signals)
				eventually(t, reading)
				began := time.Now()
				require.NoError(t, r.stop())
				assert.Less(t, time.Since(began), 9*time.Second)
				feed("")
			})
		}
	}
}

// TestFileThatHangs has a reload read a file that never ends. It is given up, is not tried again until something changes,
// and does not keep later ones from a better configuration.
func TestFileThatHangs(t *testing.T) {
	t.Parallel()
	file := newConfigFile(t, "checks: []\n")
	logs := &logBuffer{}
	o := options(file.path, logs)
	o.WatchInterval = 5 * time.Millisecond
	e, err := exporter.New(t.Context(), o)
	require.NoError(t, err)
	e.SetPatience(30 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	dir := filepath.Dir(file.path)
	configFile{t, filepath.Join(dir, "cert.pem")}.write("")
	_, feed := silentPipe(t, filepath.Join(dir, "key.pem"))
	file.write("checks:\n  - { endpoint: a, http: { url: 'https://127.0.0.1:1', tls_config: { cert_file: cert.pem, key_file: key.pem } } }\n")
	const text = "reading has not ended within 30ms"
	eventually(t, func() bool { return strings.Contains(logs.String(), text) })
	for range 7 {
		require.ErrorContains(t, e.Reload(), text)
	}
	require.ErrorContains(t, e.Reload(), "8 earlier readings of the configuration still hang")
	assert.Equal(t, 1, strings.Count(logs.String(), text), "the watcher has tried once")
	feed("")
	file.write("name: better\nchecks: []\n")
	eventually(t, func() bool { return strings.Count(logs.String(), "configuration read") == 2 })
	cancel()
	require.NoError(t, <-ended)
}

// TestPipeAtTheStart is stopped while it reads what it needs to start.
func TestPipeAtTheStart(t *testing.T) {
	t.Parallel()
	for _, which := range []string{"checks.yml", "ca.pem", "key.pem"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			file := newConfigFile(t, "checks:\n  - { endpoint: a, http: { url: 'https://127.0.0.1:1', tls_config: { ca_file: ca.pem } } }\n")
			dir := filepath.Dir(file.path)
			o := options(file.path, &logBuffer{})
			if which == "key.pem" {
				o.WebConfigFile = filepath.Join(dir, "web.yml")
				configFile{t, filepath.Join(dir, "cert.pem")}.write("")
				configFile{t, o.WebConfigFile}.write("tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n")
			}
			reading, feed := silentPipe(t, filepath.Join(dir, which))
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 3)
			go func() { _, err := exporter.New(ctx, o); failed <- err }()
			eventually(t, reading)
			cancel()
			require.ErrorIs(t, <-failed, context.Canceled)
			if which == "checks.yml" {
				_, err := exporter.CheckOnce(ctx, o)
				require.ErrorIs(t, err, context.Canceled)
				_, err = exporter.Wait(ctx, o, nil)
				require.ErrorIs(t, err, context.Canceled)
			}
			feed("")
		})
	}
}

// TestPipeNobodyWritesTo is a mistake like any other, at once.
func TestPipeNobodyWritesTo(t *testing.T) {
	t.Parallel()
	file := newConfigFile(t, "checks: []\n")
	r := start(t, file.path, enableLifecycle)
	pipe := func(name string) {
		require.NoError(t, syscall.Mkfifo(filepath.Join(filepath.Dir(file.path), name+".new"), 0o600))
		require.NoError(t, os.Rename(filepath.Join(filepath.Dir(file.path), name+".new"), filepath.Join(filepath.Dir(file.path), name)))
	}
	pipe("checks.yml")
	got := r.do(t, http.MethodPut, r.URL+"/-/reload")
	assert.Equal(t, http.StatusInternalServerError, got.Code)
	assert.Contains(t, got.Body, "checks.yml: this is a pipe that nobody writes to")
	pipe("secret")
	file.write("name: ${file:secret}\nchecks: []\n")
	got = r.do(t, http.MethodPost, r.URL+"/-/reload")
	assert.Contains(t, got.Body, "${file:secret}: not a regular file")

	o := options(file.path, &logBuffer{})
	pipe("web.yml")
	o.WebConfigFile = filepath.Join(filepath.Dir(file.path), "web.yml")
	_, err := exporter.New(t.Context(), o)
	require.ErrorContains(t, err, "web.yml: not a regular file")
}

// TestConfigurationFromAPipe is what a shell makes of <(command).
func TestConfigurationFromAPipe(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	go func() {
		_, _ = write.WriteString("name: piped\n")
		_, _ = write.WriteString("checks: []\n")
		_ = write.Close()
	}()
	r := start(t, fmt.Sprintf("/dev/fd/%d", read.Fd()), enableLifecycle)
	assert.Contains(t, r.get(t, "/status").Body, `"name":"piped"`)
	assert.Equal(t, http.StatusInternalServerError, r.do(t, http.MethodPost, r.URL+"/-/reload").Code, "it can be read once")
	assert.Contains(t, r.get(t, "/status").Body, `"name":"piped"`)
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
