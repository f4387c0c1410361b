package exporter_test

import (
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

func onHealthAddress(o *exporter.Options) { o.HealthListenAddresses = []string{"127.0.0.1:0"} }

// TestHealthAddress has an exporter that wants TLS and a password for all else.
func TestHealthAddress(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	s := newTarget(t)
	s.hang("slow")
	second := freeAddress(t, "127.0.0.1")
	web := f.write(t, "web.yml", webTLS+webUsers)
	r := start(t, newConfigFile(t, "checks:\n"+s.check("slow")).path, onHealthAddress, func(o *exporter.Options) {
		o.WebConfigFile, o.EnableLifecycle, o.EnablePprof = web, true, true
		o.HealthListenAddresses = append(o.HealthListenAddresses, second)
	})
	eventually(t, func() bool {
		return strings.Contains(r.logs.String(), `msg="serving health" address=`+r.HealthAddr().String())
	})
	for _, address := range []string{r.HealthAddr().String(), second} {
		url := "http://" + address
		got := r.do(t, http.MethodGet, url+"/-/healthy")
		assert.Equal(t, http.StatusOK, got.Code)
		assert.Contains(t, got.Body, "is healthy")
		assert.Equal(t, http.StatusOK, r.do(t, http.MethodHead, url+"/-/healthy").Code)
		assert.Equal(t, http.StatusServiceUnavailable, r.do(t, http.MethodGet, url+"/-/ready").Code)
		for _, path := range []string{"/", "/metrics", "/status", "/status/slow", "/-/reload", "/-/healthy/", "/-/", "/debug/pprof/", "/debug/pprof/heap", "//metrics", "/-/ready/../../metrics"} {
			assert.Equal(t, http.StatusNotFound, r.do(t, http.MethodGet, url+path).Code, path)
		}
		assert.Equal(t, http.StatusNotFound, r.do(t, http.MethodPost, url+"/-/reload").Code)
		require.NoError(t, exporter.Healthy(t.Context(), exporter.HealthyOptions{
			HealthListenAddresses: []string{address}, ListenAddresses: []string{"127.0.0.1:1"}, WebConfigFile: "/nonexistent.yml", SystemdSocket: true,
		}))
	}
	s.release("slow")
	eventually(t, func() bool {
		a, err := r.try(http.MethodGet, "http://"+second+"/-/ready")
		return err == nil && a.Code == http.StatusOK
	})
	require.ErrorContains(t, exporter.Healthy(t.Context(), exporter.HealthyOptions{HealthListenAddresses: []string{r.Addr().String()}}), "speaks TLS", "not the main one")
	require.NoError(t, r.stop())
	requireFree(t, second)
	requireFree(t, r.HealthAddr().String())
}

// TestHealthAddressOutlivesTheRest asks while a request of the main server is waited for.
func TestHealthAddressOutlivesTheRest(t *testing.T) {
	t.Parallel()
	file := newConfigFile(t, "checks: []\n")
	r := start(t, file.path, enableLifecycle, onHealthAddress)
	health := "http://" + r.HealthAddr().String()
	eventually(t, r.ready)
	answer, feed := blockingReload(t, r, file)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	eventually(t, func() bool {
		a, err := r.try(http.MethodGet, health+"/-/ready")
		return err == nil && a.Code == http.StatusServiceUnavailable && strings.Contains(a.Body, "it is stopping")
	})
	eventually(t, func() bool {
		conn, err := net.Dial("tcp", r.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, "the main one takes no connection")
	assert.Equal(t, http.StatusOK, r.do(t, http.MethodGet, health+"/-/healthy").Code)
	assert.Empty(t, stopped)
	feed("checks: []\n")
	assert.Equal(t, http.StatusOK, (<-answer).Code)
	require.NoError(t, <-stopped)
	requireFree(t, r.HealthAddr().String())
}

func TestHealthAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	main, first := freeAddress(t, "127.0.0.1"), freeAddress(t, "127.0.0.1")
	o := options(newConfigFile(t, "checks: []\n").path, &logBuffer{})
	o.ListenAddresses, o.HealthListenAddresses = []string{main}, []string{first, taken.Addr().String()}
	_, err = exporter.New(t.Context(), o)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.ErrorContains(t, err, taken.Addr().String())
	requireFree(t, main)
	requireFree(t, first)

	o.HealthListenAddresses, o.SystemdSocket = []string{"nowhere"}, true
	err = o.Validate()
	require.ErrorContains(t, err, `listen on "nowhere": missing port`)
	var wrong *exporter.OptionError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "HealthListenAddresses", wrong.Option)

	o = options(newConfigFile(t, "x: 1\n").path, &logBuffer{})
	o.HealthListenAddresses = []string{first}
	_, err = exporter.New(t.Context(), o)
	require.Error(t, err)
	requireFree(t, first)
	assert.Nil(t, start(t, newConfigFile(t, "checks: []\n").path).HealthAddr())
}
