package healthcheck_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestCompatErrorCodes(t *testing.T) {
	assert.Equal(t, 1613, healthcheck.ErrAlreadyRunning.GetErrorCode())
	bad := &healthcheck.StatusConfiguration{HealthCheckPeriod: time.Hour}
	good := &healthcheck.StatusConfiguration{HealthCheckPeriod: time.Minute}
	assertCode(t, 1403, bad.ValidateCfg())
	assertCode(t, 1404, good.ValidateCfg())
	synctest.Test(t, func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "a", answer(healthcheck.FAIL, ""))
		assertCode(t, 1002, healthcheck.WaitForReady())
	})
}

func assertCode(t *testing.T, want int, err error) {
	t.Helper()
	coded, ok := errors.AsType[interface {
		error
		GetErrorCode() int
	}](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, want, coded.GetErrorCode())
	assert.ErrorContains(t, err, fmt.Sprintf("[Error Code %d] - ", want))
}

func TestCompatNoServer(t *testing.T) {
	t.Run("a negative port starts nothing, and is asked nothing", func(t *testing.T) {
		healthcheck.Isolate(t)
		logged := captureLog(t)
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: -1})
		server := healthcheck.NewServer(false)
		server.HandleRequests()
		assert.Nil(t, server.Addr())
		assert.Empty(t, logged())
		assert.NoError(t, healthcheck.CheckIsRunning())
		assert.Contains(t, healthcheck.QueryForStatus(-1), "Error querying for the status: could not query for the status")
	})
	t.Run("the zero Server", func(t *testing.T) {
		healthcheck.Isolate(t)
		(&healthcheck.Server{}).HandleRequests()
		assert.Nil(t, (&healthcheck.Server{}).Addr())
		assert.NoError(t, (&healthcheck.Server{}).Shutdown(t.Context()))

		var server healthcheck.Server
		server.Handle("/more", http.NotFoundHandler())
		port := serveOn(t, &server)
		assert.Equal(t, `{"name":"","status":"FAIL","statusChecks":{}}`, fetch(t, localURL(port, "/status")).body)
		assert.Equal(t, http.StatusNotFound, get(server.Handler(), "/debug/pprof/").Code)
	})
}

// TestCompatEndpoints decides which endpoints there can be. The original takes any. Here an endpoint is also the value of
// a label: it must be UTF-8, and an empty one would be no label, so that two series were one.
func TestCompatEndpoints(t *testing.T) {
	for name, endpoint := range map[string]string{"empty": "", "not UTF-8": "caf\xe9"} {
		t.Run(name, func(t *testing.T) {
			healthcheck.Isolate(t)
			for _, register := range []healthcheck.RegisterHealth{healthcheck.RegisterHealthcheck, healthcheck.RegisterOrUpdateHealthcheck} {
				id, err := register("name", endpoint, answer(healthcheck.OK, ""))
				assert.Empty(t, id)
				assert.Error(t, err)
				assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus(endpoint))
			}
		})
	}
	for endpoint, path := range map[string]string{
		"a/b": "/status/a%2Fb", "a b": "/status/a%20b", "a%b": "/status/a%25b", "{a}": "/status/%7Ba%7D", "ü?#": "/status/%C3%BC%3F%23",
	} {
		t.Run(endpoint, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "name", endpoint, answer("", "here"))
			h := healthcheck.NewServer(false).Handler()
			assert.Equal(t, `{"result":"","details":"here"}`, get(h, path).Body.String())
			var doc struct{ StatusChecks map[string]json.RawMessage }
			require.NoError(t, json.Unmarshal(get(h, "/status").Body.Bytes(), &doc))
			assert.Contains(t, doc.StatusChecks, endpoint)
		})
	}
	t.Run("a/b is not below a", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "name", "a/b", answer(healthcheck.OK, ""))
		assert.Equal(t, http.StatusNotFound, get(healthcheck.NewServer(false).Handler(), "/status/a/b").Code)
	})
}
