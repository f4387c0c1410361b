package healthcheck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// The signatures that programs written for the agent SDK compile against.
var (
	_ healthcheck.CheckStatus                                                = func(string) *healthcheck.Status { return nil }
	_ healthcheck.GetStatusLevel                                             = healthcheck.GetStatus
	_ healthcheck.RegisterHealth                                             = healthcheck.RegisterHealthcheck
	_ healthcheck.RegisterHealth                                             = healthcheck.RegisterOrUpdateHealthcheck
	_ func(name, endpoint string, c healthcheck.CheckStatus) (string, error) = healthcheck.RegisterHealthcheck
	_ func(endpoint string) healthcheck.StatusLevel                          = healthcheck.GetStatus
	_ func() healthcheck.StatusLevel                                         = healthcheck.RunChecks
	_ func() (string, string)                                                = healthcheck.GetGlobalStatus
	_ func()                                                                 = healthcheck.StartPeriodicHealthCheck
	_ func() error                                                           = healthcheck.WaitForReady
	_ func(name, version string)                                             = healthcheck.SetNameAndVersion
	_ func(healthcheck.StatusConfig)                                         = healthcheck.SetStatusConfig
	_ func() healthcheck.StatusConfig                                        = healthcheck.GetStatusConfig
	_ func() error                                                           = healthcheck.CheckIsRunning
	_ func(url string) (string, error)                                       = healthcheck.GetHealthcheckOutput
	_ func(port int) string                                                  = healthcheck.QueryForStatus
	_ func(httpprof bool) *healthcheck.Server                                = healthcheck.NewServer
	_ func(*healthcheck.Server)                                              = (*healthcheck.Server).HandleRequests
	_ func(*healthcheck.Server, string, http.Handler)                        = (*healthcheck.Server).Handle
	_ func(*healthcheck.Server) http.Handler                                 = (*healthcheck.Server).Handler
	_ func(*healthcheck.Server) net.Addr                                     = (*healthcheck.Server).Addr
	_ func(*healthcheck.Server, context.Context) error                       = (*healthcheck.Server).Shutdown
	_ func() *healthcheck.Registry                                           = healthcheck.Default
	_ func() healthcheck.StatusConfig                                        = healthcheck.NewStatusConfig
	_ error                                                                  = healthcheck.ErrAlreadyRunning

	_ healthcheck.StatusConfig = (*healthcheck.StatusConfiguration)(nil)
	_ healthcheck.StatusConfig = interface {
		GetPort() int
		GetHealthCheckPeriod() time.Duration
		GetHealthCheckInterval() time.Duration
		ValidateCfg() error
	}(nil)
	_ = healthcheck.StatusConfiguration{Port: 8989, HealthCheckPeriod: time.Minute, HealthCheckInterval: time.Minute}
	_ = healthcheck.Status{Result: healthcheck.OK, Details: ""}

	_ healthcheck.StatusLevel = "OK"
)

// answer returns a check that always gives the same status.
func answer(level healthcheck.StatusLevel, details string) healthcheck.CheckStatus {
	return func(string) *healthcheck.Status {
		return &healthcheck.Status{Result: level, Details: details}
	}
}

// switchable returns a check whose level can be changed.
func switchable(level healthcheck.StatusLevel) (healthcheck.CheckStatus, func(healthcheck.StatusLevel)) {
	var now atomic.Pointer[healthcheck.StatusLevel]
	now.Store(&level)
	return func(string) *healthcheck.Status {
		return &healthcheck.Status{Result: *now.Load()}
	}, func(l healthcheck.StatusLevel) { now.Store(&l) }
}

// marking returns a check that marks tr and is OK.
func marking(tr *trace) healthcheck.CheckStatus {
	return func(string) *healthcheck.Status {
		tr.mark()
		return &healthcheck.Status{Result: healthcheck.OK}
	}
}

// register adds a check to the package-level registry.
func register(t *testing.T, name, endpoint string, check healthcheck.CheckStatus) (id string) {
	t.Helper()
	id, err := healthcheck.RegisterHealthcheck(name, endpoint, check)
	require.NoError(t, err)
	return id
}

// get asks a handler.
func get(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return rec
}

func TestCompatConstants(t *testing.T) {
	assert.Equal(t, healthcheck.OK, healthcheck.StatusLevel("OK"))
	assert.Equal(t, healthcheck.FAIL, healthcheck.StatusLevel("FAIL"))
	assert.EqualError(t, healthcheck.ErrAlreadyRunning,
		"[Error Code 1613] - terminating agent, another instance of agent already running")

	full, err := json.Marshal(healthcheck.Status{Result: healthcheck.FAIL, Details: "down"})
	require.NoError(t, err)
	assert.Equal(t, `{"result":"FAIL","details":"down"}`, string(full))
	short, err := json.Marshal(healthcheck.Status{Result: healthcheck.OK})
	require.NoError(t, err)
	assert.Equal(t, `{"result":"OK"}`, string(short))
}

func TestCompatRegister(t *testing.T) {
	t.Run("id is a UUID and the check has run once", func(t *testing.T) {
		healthcheck.Isolate(t)
		var names []string
		id := register(t, "Amplify Central", "central", func(name string) *healthcheck.Status {
			names = append(names, name)
			return &healthcheck.Status{Result: healthcheck.OK}
		})
		assert.NoError(t, uuid.Validate(id))
		assert.Equal(t, []string{"Amplify Central"}, names, "called once, with its name")
		assert.Equal(t, healthcheck.OK, healthcheck.GetStatus("central"))
	})
	t.Run("duplicate", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "first", "central", answer(healthcheck.OK, ""))
		called := false
		id, err := healthcheck.RegisterHealthcheck("second", "central", func(string) *healthcheck.Status {
			called = true
			return nil
		})
		assert.Empty(t, id)
		assert.EqualError(t, err, "a check with the endpoint of central already exists")
		assert.False(t, called)
		assert.Equal(t, healthcheck.OK, healthcheck.GetStatus("central"))
	})
	t.Run("or update", func(t *testing.T) {
		healthcheck.Isolate(t)
		id, err := healthcheck.RegisterOrUpdateHealthcheck("first", "central", answer(healthcheck.OK, ""))
		require.NoError(t, err)
		assert.NoError(t, uuid.Validate(id))
		assert.Equal(t, healthcheck.OK, healthcheck.GetStatus("central"), "a new check is run")

		var name string
		again, err := healthcheck.RegisterOrUpdateHealthcheck("second", "central", func(n string) *healthcheck.Status {
			name = n
			return &healthcheck.Status{Result: healthcheck.FAIL, Details: "swapped"}
		})
		require.NoError(t, err)
		assert.Equal(t, id, again)
		assert.Equal(t, healthcheck.FAIL, healthcheck.RunChecks())
		assert.Equal(t, "first", name)
		assert.Contains(t, get(healthcheck.NewServer(false).Handler(), "/status").Body.String(),
			`"central":{"name":"first","endpoint":"central","status":{"result":"FAIL","details":"swapped"}}`)
	})
	t.Run("or update of a check that came first by the other way", func(t *testing.T) {
		healthcheck.Isolate(t)
		id := register(t, "first", "central", answer(healthcheck.OK, ""))
		again, err := healthcheck.RegisterOrUpdateHealthcheck("second", "central", answer(healthcheck.OK, ""))
		require.NoError(t, err)
		assert.Equal(t, id, again)
	})
	t.Run("or update without an endpoint", func(t *testing.T) {
		healthcheck.Isolate(t)
		id, err := healthcheck.RegisterOrUpdateHealthcheck("name", "", answer(healthcheck.OK, ""))
		assert.Error(t, err)
		assert.Empty(t, id)
	})
	t.Run("or update by many at once", func(t *testing.T) {
		healthcheck.Isolate(t)
		ids := make([]string, 16)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				var err error
				ids[i], err = healthcheck.RegisterOrUpdateHealthcheck("name", "central", answer(healthcheck.OK, ""))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		for _, id := range ids {
			assert.Equal(t, ids[0], id)
		}
	})
}

func TestCompatLevels(t *testing.T) {
	t.Run("FAIL until the first full round", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "a", answer(healthcheck.OK, ""))
		level, _ := healthcheck.GetGlobalStatus()
		assert.Equal(t, "FAIL", level)
		assert.Equal(t, http.StatusServiceUnavailable, get(healthcheck.NewServer(false).Handler(), "/status").Code)
		assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
		level, details := healthcheck.GetGlobalStatus()
		assert.Equal(t, "OK", level)
		assert.Empty(t, details)
	})
	t.Run("a round over no checks is OK", func(t *testing.T) {
		healthcheck.Isolate(t)
		level, _ := healthcheck.GetGlobalStatus()
		assert.Equal(t, "FAIL", level)
		assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
		level, details := healthcheck.GetGlobalStatus()
		assert.Equal(t, "OK", level)
		assert.Empty(t, details)
	})
	t.Run("unknown endpoint", func(t *testing.T) {
		healthcheck.Isolate(t)
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("nobody"))
	})
	t.Run("a never-run check is FAIL", func(t *testing.T) {
		healthcheck.Isolate(t)
		require.NoError(t, healthcheck.Default().Register(healthcheck.Check{Endpoint: "new", Func: alwaysOK}))
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("new"))
	})
	t.Run("details of the first failing check in order of registration", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "z", "z", answer(healthcheck.OK, "fine"))
		for i := 9; i > 0; i-- { // neither in the order of the alphabet nor of a map
			register(t, "x", fmt.Sprintf("x%d", i), answer(healthcheck.FAIL, fmt.Sprintf("x%d is down", i)))
		}
		assert.Equal(t, healthcheck.FAIL, healthcheck.RunChecks())
		level, details := healthcheck.GetGlobalStatus()
		assert.Equal(t, "FAIL", level)
		assert.Equal(t, "x9 is down", details)
	})
	t.Run("other results pass through and do not fail the whole", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "a", answer("DEGRADED", "slow disk"))
		assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
		assert.Equal(t, healthcheck.StatusLevel("DEGRADED"), healthcheck.GetStatus("a"))
		h := healthcheck.NewServer(false).Handler()
		one := get(h, "/status/a")
		assert.Equal(t, http.StatusOK, one.Code)
		assert.Equal(t, `{"result":"DEGRADED","details":"slow disk"}`, one.Body.String())
		assert.Equal(t, http.StatusOK, get(h, "/status").Code)
	})
	t.Run("a level that changes is seen with the next round", func(t *testing.T) {
		healthcheck.Isolate(t)
		check, set := switchable(healthcheck.OK)
		register(t, "a", "a", check)
		assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
		set(healthcheck.FAIL)
		assert.Equal(t, healthcheck.OK, healthcheck.GetStatus("a"))
		assert.Equal(t, healthcheck.FAIL, healthcheck.RunChecks())
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"))
		set(healthcheck.OK)
		assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
	})
}

func TestCompatWire(t *testing.T) {
	t.Run("the document of the contract", func(t *testing.T) {
		healthcheck.Isolate(t)
		healthcheck.SetNameAndVersion("agent", "1.2.3")
		register(t, "Amplify Central", "central", answer(healthcheck.OK, ""))
		healthcheck.RunChecks()
		rec := get(healthcheck.NewServer(false).Handler(), "/status")
		assert.Equal(t, http.StatusOK, rec.Code)
		assert.Equal(t, "application/json; charset=utf-8", rec.Header().Get("Content-Type"))
		assert.Equal(t, `{"name":"agent","version":"1.2.3","status":"OK","statusChecks":{"central":`+
			`{"name":"Amplify Central","endpoint":"central","status":{"result":"OK"}}}}`, rec.Body.String())
	})
	t.Run("without checks and version", func(t *testing.T) {
		healthcheck.Isolate(t)
		rec := get(healthcheck.NewServer(false).Handler(), "/status")
		assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
		assert.Equal(t, `{"name":"","status":"FAIL","statusChecks":{}}`, rec.Body.String())
	})
	t.Run("sorted and escaped", func(t *testing.T) {
		healthcheck.Isolate(t)
		healthcheck.SetNameAndVersion(`<a & "b">`, "ü\u2028")
		register(t, "B", "b", answer(healthcheck.FAIL, "<down> & \"out\"\\\n\x7f\x01\xff€"))
		register(t, "A", "a", answer(healthcheck.OK, "fine"))
		register(t, "C", "B", answer(healthcheck.OK, ""))
		healthcheck.RunChecks()
		rec := get(healthcheck.NewServer(false).Handler(), "/status")
		assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
		assert.Equal(t, `{"name":"\u003ca \u0026 \"b\"\u003e","version":"ü\u2028","status":"FAIL","statusChecks":{`+
			`"B":{"name":"C","endpoint":"B","status":{"result":"OK"}},`+
			`"a":{"name":"A","endpoint":"a","status":{"result":"OK","details":"fine"}},`+
			`"b":{"name":"B","endpoint":"b","status":{"result":"FAIL",`+
			`"details":"\u003cdown\u003e \u0026 \"out\"\\\n`+"\x7f"+`\u0001�€"}}}}`, rec.Body.String())
	})
	t.Run("one check", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "good", answer(healthcheck.OK, ""))
		register(t, "b", "bad", answer(healthcheck.FAIL, "no <route>"))
		h := healthcheck.NewServer(false).Handler()
		good, bad := get(h, "/status/good"), get(h, "/status/bad")
		assert.Equal(t, http.StatusOK, good.Code)
		assert.Equal(t, "application/json; charset=utf-8", good.Header().Get("Content-Type"))
		assert.Equal(t, `{"result":"OK"}`, good.Body.String())
		assert.Equal(t, http.StatusServiceUnavailable, bad.Code)
		assert.Equal(t, "application/json; charset=utf-8", bad.Header().Get("Content-Type"))
		assert.Equal(t, `{"result":"FAIL","details":"no \u003croute\u003e"}`, bad.Body.String())
	})
	t.Run("not found", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "central", answer(healthcheck.OK, ""))
		h := healthcheck.NewServer(false).Handler()
		for _, path := range []string{"/status/nobody", "/status/", "/status/central/", "/status/central/more", "/", "/metrics"} {
			rec := get(h, path)
			assert.Equal(t, http.StatusNotFound, rec.Code, path)
			assert.Equal(t, "404 page not found\n", rec.Body.String(), path)
		}
	})
	t.Run("late registration", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := httptest.NewServer(healthcheck.NewServer(false).Handler())
		defer server.Close()
		assert.Equal(t, http.StatusNotFound, fetch(t, server.URL+"/status/late").status)
		register(t, "Late", "late", answer(healthcheck.OK, ""))
		got := fetch(t, server.URL+"/status/late")
		assert.Equal(t, http.StatusOK, got.status)
		assert.Equal(t, `{"result":"OK"}`, got.body)
		assert.Contains(t, fetch(t, server.URL+"/status").body, `"late":{"name":"Late"`)
	})
	t.Run("no request runs a check", func(t *testing.T) {
		healthcheck.Isolate(t)
		calls := 0
		register(t, "a", "a", func(string) *healthcheck.Status {
			calls++
			return &healthcheck.Status{Result: healthcheck.OK}
		})
		h := healthcheck.NewServer(false).Handler()
		get(h, "/status")
		get(h, "/status/a")
		healthcheck.GetStatus("a")
		healthcheck.GetGlobalStatus()
		assert.Equal(t, 1, calls, "only by its registration")
	})
}

type fetched struct {
	status int
	header http.Header
	body   string
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// fetch gets a URL over a connection of its own.
func fetch(t *testing.T, url string) fetched {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return fetched{resp.StatusCode, resp.Header, string(body)}
}

func TestCompatGetHealthcheckOutput(t *testing.T) {
	t.Run("indented", func(t *testing.T) {
		healthcheck.Isolate(t)
		healthcheck.SetNameAndVersion("agent", "1.2.3")
		register(t, "A & B", "central", answer(healthcheck.OK, ""))
		healthcheck.RunChecks()
		server := httptest.NewServer(healthcheck.NewServer(false).Handler())
		defer server.Close()
		output, err := healthcheck.GetHealthcheckOutput(server.URL + "/status")
		require.NoError(t, err)
		assert.Equal(t, strings.Join([]string{
			`{`,
			`  "name": "agent",`,
			`  "version": "1.2.3",`,
			`  "status": "OK",`,
			`  "statusChecks": {`,
			`    "central": {`,
			`      "name": "A \u0026 B",`,
			`      "endpoint": "central",`,
			`      "status": {`,
			`        "result": "OK"`,
			`      }`,
			`    }`,
			`  }`,
			`}`,
		}, "\n"), output)
	})
	t.Run("output and error for 503", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := httptest.NewServer(healthcheck.NewServer(false).Handler())
		defer server.Close()
		output, err := healthcheck.GetHealthcheckOutput(server.URL + "/status")
		assert.EqualError(t, err, "healthcheck failed 503 Service Unavailable")
		assert.Equal(t, "{\n  \"name\": \"\",\n  \"status\": \"FAIL\",\n  \"statusChecks\": {}\n}", output)
	})

	broken := []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"cut before the answer", "could not query for the status", func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}},
		{"truncated body", "could not read the body of the response", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"name":`)
		}},
		{"endless body", "could not read the body of the response", func(w http.ResponseWriter, _ *http.Request) {
			chunk := bytes.Repeat([]byte{' '}, 1<<20)
			for range 17 {
				_, _ = w.Write(chunk)
			}
		}},
		{"garbage", "could not marshall into the expected type", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>not it</html>")
		}},
		{"another type", "could not marshall into the expected type", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":{"a":1}}`)
		}},
		{"empty", "could not marshall into the expected type", func(http.ResponseWriter, *http.Request) {}},
	}
	for _, tc := range broken {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			output, err := healthcheck.GetHealthcheckOutput(server.URL)
			assert.Empty(t, output)
			assert.ErrorContains(t, err, tc.want)
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		output, err := healthcheck.GetHealthcheckOutput(fmt.Sprintf("http://127.0.0.1:%d/status", freePort(t)))
		assert.Empty(t, output)
		assert.ErrorContains(t, err, "could not query for the status")
	})
	t.Run("no URL", func(t *testing.T) {
		output, err := healthcheck.GetHealthcheckOutput("http://a b/\x7f")
		assert.Empty(t, output)
		assert.ErrorContains(t, err, "could not query for the status")
	})
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// serveOn configures the package-level functions for a free port and listens on it.
func serveOn(t *testing.T, server *healthcheck.Server) (port int) {
	t.Helper()
	port = freePort(t)
	healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: port})
	server.HandleRequests()
	require.NotNil(t, server.Addr())
	t.Cleanup(func() { assert.NoError(t, server.Shutdown(context.Background())) })
	return port
}

func localURL(port int, path string) string { return fmt.Sprintf("http://localhost:%d%s", port, path) }

func TestCompatQueryForStatus(t *testing.T) {
	healthcheck.Isolate(t)
	healthcheck.RunChecks()
	port := serveOn(t, healthcheck.NewServer(false))
	assert.Equal(t, "{\n  \"name\": \"\",\n  \"status\": \"OK\",\n  \"statusChecks\": {}\n}", healthcheck.QueryForStatus(port))

	register(t, "a", "a", answer(healthcheck.FAIL, "down"))
	assert.Equal(t, "Error querying for the status: healthcheck failed 503 Service Unavailable", healthcheck.QueryForStatus(port))

	assert.Regexp(t, "^Error querying for the status: could not query for the status", healthcheck.QueryForStatus(freePort(t)))
}

func TestCompatStatusConfig(t *testing.T) {
	t.Run("defaults", func(t *testing.T) {
		c := healthcheck.NewStatusConfig()
		assert.Equal(t, 8989, c.GetPort())
		assert.Equal(t, 3*time.Minute, c.GetHealthCheckPeriod())
		assert.Equal(t, 30*time.Second, c.GetHealthCheckInterval())
		assert.NoError(t, c.ValidateCfg())
		assert.Equal(t, &healthcheck.StatusConfiguration{Port: 8989, HealthCheckPeriod: 3 * time.Minute, HealthCheckInterval: 30 * time.Second}, c)
	})
	t.Run("set and get", func(t *testing.T) {
		healthcheck.Isolate(t)
		assert.Nil(t, healthcheck.GetStatusConfig())
		c := healthcheck.NewStatusConfig()
		healthcheck.SetStatusConfig(c)
		assert.Same(t, c, healthcheck.GetStatusConfig())
		healthcheck.SetStatusConfig(nil)
		assert.Nil(t, healthcheck.GetStatusConfig())
	})

	const (
		badPeriod   = "[Error Code 1403] - invalid value for statusHealthCheckPeriod. Value must be between 1 and 5 minutes"
		badInterval = "[Error Code 1404] - invalid value for statusHealthCheckInterval. Value must be between 30 seconds and 5 minutes"
	)
	for _, tc := range []struct {
		period, interval time.Duration
		want             string
	}{
		{time.Minute, 30 * time.Second, ""},
		{5 * time.Minute, 5 * time.Minute, ""},
		{time.Minute - 1, time.Minute, badPeriod},
		{5*time.Minute + 1, time.Minute, badPeriod},
		{0, 0, badPeriod},
		{-time.Minute, time.Minute, badPeriod},
		{time.Minute, 30*time.Second - 1, badInterval},
		{time.Minute, 5*time.Minute + 1, badInterval},
		{time.Minute, 0, badInterval},
	} {
		t.Run(fmt.Sprintf("period %s interval %s", tc.period, tc.interval), func(t *testing.T) {
			err := (&healthcheck.StatusConfiguration{HealthCheckPeriod: tc.period, HealthCheckInterval: tc.interval}).ValidateCfg()
			if tc.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, tc.want)
		})
	}
}

func TestCompatWaitForReady(t *testing.T) {
	const notReady = "[Error Code 1002] - failed with timeout error.  Services are not ready"
	t.Run("at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "a", "a", answer(healthcheck.OK, ""))
			began := time.Now()
			assert.NoError(t, healthcheck.WaitForReady())
			assert.Zero(t, time.Since(began))
		})
	})
	t.Run("every 500 ms until OK", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			var tr trace
			register(t, "a", "a", func(string) *healthcheck.Status {
				tr.mark()
				if tr.count() < 5 {
					return &healthcheck.Status{Result: healthcheck.FAIL}
				}
				return &healthcheck.Status{Result: healthcheck.OK}
			})
			began := time.Now()
			assert.NoError(t, healthcheck.WaitForReady())
			assert.Equal(t, []time.Duration{0, 0, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond}, tr.since(began))
		})
	})
	t.Run("gives up after the period", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{HealthCheckPeriod: 90 * time.Second, HealthCheckInterval: 30 * time.Second})
			register(t, "a", "a", answer(healthcheck.FAIL, ""))
			began := time.Now()
			assert.EqualError(t, healthcheck.WaitForReady(), notReady)
			assert.Equal(t, 90*time.Second, time.Since(began))
		})
	})
	t.Run("after three minutes without a configuration", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "a", "a", answer(healthcheck.FAIL, ""))
			began := time.Now()
			assert.EqualError(t, healthcheck.WaitForReady(), notReady)
			assert.Equal(t, 3*time.Minute, time.Since(began))
		})
	})
	t.Run("a check that hangs does not hold it up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			release := make(chan struct{})
			register(t, "a", "a", answer(healthcheck.OK, ""))
			_, err := healthcheck.RegisterHealthcheck("b", "b", func(string) *healthcheck.Status {
				<-release
				return &healthcheck.Status{Result: healthcheck.OK}
			})
			require.NoError(t, err)
			began := time.Now()
			assert.EqualError(t, healthcheck.WaitForReady(), notReady)
			assert.Equal(t, 3*time.Minute, time.Since(began))
			close(release)
			synctest.Wait()
			assert.NoError(t, healthcheck.WaitForReady())
		})
	})
}

func TestCompatPeriodic(t *testing.T) {
	t.Run("at the interval of the configuration, whichever is set first", func(t *testing.T) {
		configure := func() {
			healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{HealthCheckPeriod: time.Minute, HealthCheckInterval: time.Minute})
		}
		for name, begin := range map[string]func(){
			"before": func() { configure(); healthcheck.StartPeriodicHealthCheck() },
			"after":  func() { healthcheck.StartPeriodicHealthCheck(); configure() },
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					healthcheck.Isolate(t)
					var tr trace
					register(t, "a", "a", marking(&tr))
					begin()
					pass(time.Minute)
					before := tr.count()
					pass(time.Hour)
					assert.Equal(t, before+60, tr.count())
				})
			})
		}
	})
	t.Run("every 30 s without a configuration, and only once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			var tr trace
			register(t, "a", "a", marking(&tr))
			for range 3 {
				healthcheck.StartPeriodicHealthCheck()
			}
			pass(time.Minute)
			before := tr.count()
			pass(time.Hour)
			assert.Equal(t, before+120, tr.count())
			level, _ := healthcheck.GetGlobalStatus()
			assert.Equal(t, "OK", level)
		})
	})
	t.Run("a new interval applies at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			var tr trace
			register(t, "a", "a", marking(&tr))
			healthcheck.StartPeriodicHealthCheck()
			pass(time.Hour)
			healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{HealthCheckInterval: 5 * time.Minute})
			pass(5 * time.Minute)
			before := tr.count()
			pass(time.Hour)
			assert.Equal(t, before+12, tr.count())
		})
	})
	t.Run("a runner of the program's own comes first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			startRegistry(t, healthcheck.Default())
			logged := captureLog(t)
			healthcheck.StartPeriodicHealthCheck()
			synctest.Wait()
			assert.Contains(t, logged(), healthcheck.ErrRunnerActive.Error())
		})
	})
	t.Run("a function swapped in runs at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "a", "a", answer(healthcheck.OK, ""))
			healthcheck.StartPeriodicHealthCheck()
			pass(time.Minute)
			_, err := healthcheck.RegisterOrUpdateHealthcheck("a", "a", answer(healthcheck.FAIL, "new"))
			require.NoError(t, err)
			synctest.Wait()
			assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"))
		})
	})
}

// captureLog collects what goes to the default logger until the test ends.
func captureLog(t *testing.T) (logged func() string) {
	t.Helper()
	var buf lockedBuffer
	old := slog.Default()
	slog.SetDefault(textLogger(&buf))
	t.Cleanup(func() { slog.SetDefault(old) })
	return buf.String
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestCompatCheckIsRunning(t *testing.T) {
	t.Run("nobody", func(t *testing.T) {
		healthcheck.Isolate(t)
		assert.NoError(t, healthcheck.CheckIsRunning(), "no configuration")
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{})
		assert.NoError(t, healthcheck.CheckIsRunning(), "port 0")
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: freePort(t)})
		assert.NoError(t, healthcheck.CheckIsRunning())
	})
	for name, level := range map[string]healthcheck.StatusLevel{"healthy twin": healthcheck.OK, "unhealthy twin": healthcheck.FAIL} {
		t.Run(name, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "a", "a", answer(level, ""))
			require.Equal(t, level, healthcheck.RunChecks())
			server := healthcheck.NewServer(false)
			serveOn(t, server)
			assert.ErrorIs(t, healthcheck.CheckIsRunning(), healthcheck.ErrAlreadyRunning)
			require.NoError(t, server.Shutdown(t.Context()))
			assert.NoError(t, healthcheck.CheckIsRunning())
		})
	}
	for name, handler := range map[string]http.HandlerFunc{
		"web page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"other JSON": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"name":"somebody","healthy":true}`)
		},
		"not found":   http.NotFound,
		"empty":       func(http.ResponseWriter, *http.Request) {},
		"rude closer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"status elsewhere": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"name":"agent","status":"OK","statusChecks":{}}`)
		},
	} {
		t.Run("another service: "+name, func(t *testing.T) {
			healthcheck.Isolate(t)
			server := httptest.NewServer(handler)
			defer server.Close()
			port := server.Listener.Addr().(*net.TCPAddr).Port
			healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: port})
			assert.NoError(t, healthcheck.CheckIsRunning())
		})
	}
}

func TestCompatServer(t *testing.T) {
	t.Run("no configuration or port 0 starts nothing", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := healthcheck.NewServer(false)
		server.HandleRequests()
		assert.Nil(t, server.Addr())
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{})
		server.HandleRequests()
		assert.Nil(t, server.Addr())
		assert.NoError(t, server.Shutdown(t.Context()), "nothing to shut down")
	})
	t.Run("listens on the port", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := healthcheck.NewServer(false)
		port := serveOn(t, server)
		assert.Equal(t, port, server.Addr().(*net.TCPAddr).Port)
		got := fetch(t, localURL(port, "/status"))
		assert.Equal(t, http.StatusServiceUnavailable, got.status)
		assert.Equal(t, "application/json; charset=utf-8", got.header.Get("Content-Type"))
		assert.Equal(t, `{"name":"","status":"FAIL","statusChecks":{}}`, got.body)
		server.HandleRequests()
		assert.Equal(t, port, server.Addr().(*net.TCPAddr).Port, "a second call for the same port changes nothing")
	})
	t.Run("moves to a new port", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := healthcheck.NewServer(false)
		first := serveOn(t, server)
		second := serveOn(t, server)
		assert.NotEqual(t, first, second)
		assert.Equal(t, second, server.Addr().(*net.TCPAddr).Port)
		assert.Equal(t, http.StatusServiceUnavailable, fetch(t, localURL(second, "/status")).status)
		assert.Eventually(t, func() bool {
			return strings.Contains(healthcheck.QueryForStatus(first), "could not query")
		}, 5*time.Second, 5*time.Millisecond, "the old port is given up")
	})
	t.Run("may be called again after Shutdown", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := healthcheck.NewServer(false)
		port := serveOn(t, server)
		require.NoError(t, server.Shutdown(t.Context()))
		assert.Nil(t, server.Addr())
		assert.Regexp(t, "could not query", healthcheck.QueryForStatus(port))
		server.HandleRequests()
		require.NotNil(t, server.Addr())
		assert.Equal(t, http.StatusServiceUnavailable, fetch(t, localURL(port, "/status")).status)
	})
	t.Run("a port in use is logged and the old one kept", func(t *testing.T) {
		healthcheck.Isolate(t)
		logged := captureLog(t)
		taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
		require.NoError(t, err)
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		server := healthcheck.NewServer(false)
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: port})
		server.HandleRequests()
		assert.Nil(t, server.Addr())
		assert.Contains(t, logged(), "level=ERROR")
		assert.Contains(t, logged(), fmt.Sprintf("port=%d", port))
		assert.Contains(t, logged(), "in use")

		kept := serveOn(t, server)
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: port})
		server.HandleRequests()
		assert.Equal(t, kept, server.Addr().(*net.TCPAddr).Port)
	})
	t.Run("a port out of range is logged", func(t *testing.T) {
		healthcheck.Isolate(t)
		logged := captureLog(t)
		server := healthcheck.NewServer(false)
		healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{Port: 70000})
		server.HandleRequests()
		assert.Nil(t, server.Addr())
		assert.Contains(t, logged(), "port=70000")
	})
	t.Run("Handle adds routes, also later", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := healthcheck.NewServer(false)
		port := serveOn(t, server)
		server.Handle("/metrics", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "metrics")
		}))
		assert.Equal(t, "metrics", fetch(t, localURL(port, "/metrics")).body)
		assert.Equal(t, "metrics", get(server.Handler(), "/metrics").Body.String())
	})
	t.Run("Shutdown waits for requests", func(t *testing.T) {
		healthcheck.Isolate(t)
		server := healthcheck.NewServer(false)
		began, proceed := make(chan struct{}), make(chan struct{})
		server.Handle("/slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(began)
			<-proceed
			_, _ = io.WriteString(w, "done")
		}))
		port := serveOn(t, server)
		body := make(chan string, 1)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, localURL(port, "/slow"), http.NoBody)
		require.NoError(t, err)
		go func() {
			resp, err := client.Do(req)
			if !assert.NoError(t, err) {
				close(body)
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			assert.NoError(t, err)
			body <- string(b)
		}()
		<-began
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, server.Shutdown(impatient), context.Canceled)
		close(proceed)
		assert.Equal(t, "done", <-body)
	})
	t.Run("pprof", func(t *testing.T) {
		healthcheck.Isolate(t)
		with, without := healthcheck.NewServer(true).Handler(), healthcheck.NewServer(false).Handler()
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol", "/debug/pprof/goroutine"} {
			assert.Equal(t, http.StatusOK, get(with, path).Code, path)
			assert.Equal(t, http.StatusNotFound, get(without, path).Code, path)
		}
	})
}

func TestCompatDifferences(t *testing.T) {
	t.Run("a nil status is FAIL", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "a", func(string) *healthcheck.Status { return nil })
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"))
		assert.Equal(t, `{"result":"FAIL","details":"the check returned no status"}`,
			get(healthcheck.NewServer(false).Handler(), "/status/a").Body.String())
	})
	t.Run("a panic is FAIL", func(t *testing.T) {
		healthcheck.Isolate(t)
		logged := captureLog(t)
		register(t, "a", "a", func(string) *healthcheck.Status { panic("out of cheese") })
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"))
		assert.Equal(t, `{"result":"FAIL","details":"panic: out of cheese"}`,
			get(healthcheck.NewServer(false).Handler(), "/status/a").Body.String())
		assert.Contains(t, logged(), "stack=")
	})
	t.Run("a nil check is FAIL", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "a", "a", nil)
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"))
	})
	t.Run("no lock is held while a check runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			h := healthcheck.NewServer(false).Handler()
			began := time.Now()
			register(t, "a", "a", func(string) *healthcheck.Status {
				healthcheck.SetNameAndVersion("from", "within")
				healthcheck.SetStatusConfig(healthcheck.NewStatusConfig())
				healthcheck.GetStatus("a")
				healthcheck.GetGlobalStatus()
				healthcheck.Default().Snapshot()
				get(h, "/status")
				get(h, "/status/a")
				_, err := healthcheck.RegisterOrUpdateHealthcheck("b", "b", answer(healthcheck.OK, ""))
				assert.NoError(t, err)
				_, err = healthcheck.RegisterHealthcheck("a", "a", answer(healthcheck.OK, ""))
				assert.Error(t, err)
				return &healthcheck.Status{Result: healthcheck.OK}
			})
			assert.Equal(t, healthcheck.OK, healthcheck.GetStatus("b"))
			assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
			assert.Zero(t, time.Since(began))
		})
	})
	t.Run("a check that asks for a round does not hang for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "a", "a", func(string) *healthcheck.Status {
				return &healthcheck.Status{Result: healthcheck.RunChecks()}
			})
			assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"), "it waited for itself, up to its deadline")
		})
	})
	t.Run("one that hangs delays nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			release := make(chan struct{})
			defer close(release)
			began := time.Now()
			register(t, "slow", "slow", func(string) *healthcheck.Status {
				<-release
				return &healthcheck.Status{Result: healthcheck.OK}
			})
			assert.Equal(t, 30*time.Second, time.Since(began), "the deadline is the default interval")
			var tr trace
			for i := range 10 {
				register(t, "fast", fmt.Sprintf("fast%d", i), func(string) *healthcheck.Status {
					tr.mark()
					time.Sleep(time.Second)
					return &healthcheck.Status{Result: healthcheck.OK}
				})
			}
			first := tr.count()
			began = time.Now()
			assert.Equal(t, healthcheck.FAIL, healthcheck.RunChecks())
			assert.Equal(t, time.Second, time.Since(began), "concurrently, and without the one that is stuck")
			assert.Equal(t, first+10, tr.count())
			assert.Equal(t, healthcheck.OK, healthcheck.GetStatus("fast3"))
			assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("slow"))
		})
	})
	t.Run("the deadline is the interval of the configuration", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{HealthCheckInterval: time.Minute})
			began := time.Now()
			register(t, "slow", "slow", func(string) *healthcheck.Status {
				time.Sleep(time.Hour)
				return nil
			})
			assert.Equal(t, time.Minute, time.Since(began))
			assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("slow"))
			pass(time.Hour)
		})
	})
}

// TestCompatHammer is for the race detector.
func TestCompatHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthcheck.Isolate(t)
		h := healthcheck.NewServer(false).Handler()
		healthcheck.StartPeriodicHealthCheck()
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 100 {
					endpoint := fmt.Sprintf("e%d", (g+i)%8)
					level := healthcheck.OK
					if i%3 == 0 {
						level = healthcheck.FAIL
					}
					_, err := healthcheck.RegisterOrUpdateHealthcheck(endpoint, endpoint, answer(level, strings.Repeat("x", i%5)))
					assert.NoError(t, err)
					healthcheck.SetNameAndVersion("agent", fmt.Sprint(i))
					healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{HealthCheckInterval: time.Duration(i%50+1) * time.Second})
					time.Sleep(time.Duration(i%7) * time.Second)
				}
			})
			wg.Go(func() {
				for range 100 {
					assert.True(t, json.Valid(get(h, "/status").Body.Bytes()))
					get(h, "/status/e1")
					healthcheck.GetStatus("e2")
					level, details := healthcheck.GetGlobalStatus()
					assert.True(t, level == "FAIL" || details == "")
					time.Sleep(1300 * time.Millisecond)
				}
			})
			wg.Go(func() {
				for range 20 {
					healthcheck.RunChecks()
					time.Sleep(7 * time.Second)
				}
			})
		}
		wg.Wait()
	})
}
