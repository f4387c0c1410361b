package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// A package of the agent SDK's shape, with types of its own. docs/examples/agent-sdk has the same tests with the SDK itself.
type (
	foreignLevel  string
	foreignStatus struct {
		Result  foreignLevel `json:"result"`
		Details string       `json:"details,omitempty"`
	}
	foreignCheck func(name string) *foreignStatus

	foreign struct {
		mux    http.ServeMux
		checks map[string]func() *foreignStatus
		names  []string // in order of registration
	}
)

func (f *foreign) RegisterHealthcheck(name, endpoint string, check foreignCheck) (string, error) {
	if f.checks[endpoint] != nil {
		return "", fmt.Errorf("a check with the endpoint of %s already exists", endpoint)
	}
	if f.checks == nil {
		f.checks = make(map[string]func() *foreignStatus)
	}
	f.checks[endpoint] = func() *foreignStatus { return check(name) }
	f.names = append(f.names, name)
	f.mux.HandleFunc("/status/"+endpoint, http.NotFound) // panics at what is no pattern
	return endpoint, nil
}

func (f *foreign) GetStatus(endpoint string) foreignLevel {
	check, ok := f.checks[endpoint]
	if !ok {
		return "FAIL"
	}
	return check().Result
}

// The agent SDK's package would be imported under the name sdk.
func ExampleAdoptInto() {
	var sdk foreign
	var reg healthcheck.Registry
	err := reg.Register(healthcheck.Check{Endpoint: "db", Func: func(context.Context) error { return errNoRoute }})
	if err == nil {
		err = healthcheck.AdoptInto(sdk.RegisterHealthcheck, &reg, "db")
	}
	fmt.Println(sdk.GetStatus("db"), err)
	// Output: FAIL <nil>
}

var errNoRoute = errors.New("no route to host")

func TestAdoptInto(t *testing.T) {
	t.Run("without a runner the other package runs the checks", func(t *testing.T) {
		var calls atomic.Int64
		var down atomic.Bool
		reg := newRegistry(t, healthcheck.Check{Endpoint: "db", Name: "Database", Func: func(context.Context) error {
			calls.Add(1)
			if down.Load() {
				return errNoRoute
			}
			return nil
		}})
		var sdk foreign
		require.NoError(t, healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg, "db"))
		assert.Equal(t, []string{"Database"}, sdk.names)
		assert.Equal(t, &foreignStatus{Result: "OK"}, sdk.checks["db"]())
		down.Store(true)
		assert.Equal(t, &foreignStatus{Result: "FAIL", Details: "no route to host"}, sdk.checks["db"]())
		assert.EqualValues(t, 2, calls.Load())
		assert.EqualValues(t, 2, runs(lookup(t, reg, "db")), "as runs of our own")
	})
	t.Run("with a runner it is told the state", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var tr trace
			reg := newRegistry(t, healthcheck.Check{Endpoint: "db", FailureThreshold: 2, Func: func(context.Context) error {
				if tr.mark(); tr.count() > 1 {
					return errNoRoute
				}
				return nil
			}})
			var sdk foreign
			require.NoError(t, healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg, "db"))
			stop := startRegistry(t, reg)
			pass(9 * time.Second)
			first := tr.count()
			for range 5 {
				sdk.checks["db"]()
			}
			assert.Equal(t, first, tr.count(), "nothing was run")
			pass(time.Minute)
			assert.Equal(t, &foreignStatus{Result: "FAIL", Details: "no route to host"}, sdk.checks["db"]())
			stop()
			first = tr.count()
			sdk.checks["db"]()
			assert.Equal(t, first+1, tr.count(), "the runner has ended: no state grows old")
		})
	})
	t.Run("before the first run it is FAIL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, healthcheck.Check{Endpoint: "db", InitialDelay: time.Minute})
			startRegistry(t, reg)
			var sdk foreign
			require.NoError(t, healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg))
			assert.Equal(t, &foreignStatus{Result: "FAIL", Details: "not run yet"}, sdk.checks["db"]())
			pass(2 * time.Minute)
			assert.Equal(t, &foreignStatus{Result: "OK"}, sdk.checks["db"]())
		})
	})
	t.Run("a check that hangs holds it up until its timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			check, release := hanging(t)
			reg := newRegistry(t, healthcheck.Check{Endpoint: "db", Timeout: time.Second, Func: check})
			var sdk foreign
			require.NoError(t, healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg))
			began := time.Now()
			assert.EqualValues(t, "FAIL", sdk.GetStatus("db"))
			assert.EqualValues(t, "FAIL", sdk.GetStatus("db"))
			assert.Equal(t, time.Second, time.Since(began), "once, then it is stuck")
			release()
		})
	})
	t.Run("levels", func(t *testing.T) {
		fails := func(context.Context) error { return errNoRoute }
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "blank", Checker: healthcheck.FromStatus("", answer("", "undecided"))},
			healthcheck.Check{Endpoint: "other", Checker: healthcheck.FromStatus("", answer("WARN", ""))},
			healthcheck.Check{Endpoint: "optional", Func: fails, Optional: true},
			healthcheck.Check{Endpoint: "gone", Func: alwaysOK},
		)
		var sdk foreign
		require.NoError(t, healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg))
		require.NoError(t, reg.Unregister("gone"))
		assert.Equal(t, &foreignStatus{Details: "undecided"}, sdk.checks["blank"]())
		assert.Equal(t, &foreignStatus{Result: "WARN"}, sdk.checks["other"]())
		assert.Equal(t, &foreignStatus{Result: "DEGRADED", Details: "no route to host"}, sdk.checks["optional"]())
		assert.Equal(t, &foreignStatus{Result: "FAIL", Details: "no check has this endpoint"}, sdk.checks["gone"]())
	})
	t.Run("what cannot be adopted", func(t *testing.T) {
		for _, endpoint := range []string{"payments api", "{db}", "a/", "/a", "a//b", ".", "..", "a/../b", "a\tb"} {
			reg := newRegistry(t, healthcheck.Check{Endpoint: "good"}, healthcheck.Check{Endpoint: endpoint})
			var sdk foreign
			err := healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg, "good", endpoint, "nobody")
			assert.ErrorContains(t, err, fmt.Sprintf("adopt %q: there can be no route of this name", endpoint))
			assert.ErrorIs(t, err, healthcheck.ErrNotFound)
			assert.ErrorContains(t, err, `adopt "nobody"`)
			assert.Empty(t, sdk.checks, "all or nothing")
		}
	})
	t.Run("what the other package refuses", func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a"}, healthcheck.Check{Endpoint: "b/c"}, healthcheck.Check{Endpoint: "ü%?#"})
		var sdk foreign
		_, err := sdk.RegisterHealthcheck("a", "a", func(string) *foreignStatus { return nil })
		require.NoError(t, err)
		assert.EqualError(t, healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg), `adopt "a": a check with the endpoint of a already exists`)
		assert.Len(t, sdk.checks, 3, "the others are there")
	})
	t.Run("into this very package", func(t *testing.T) {
		healthcheck.Isolate(t)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "db", Func: func(context.Context) error { return errNoRoute }})
		require.NoError(t, healthcheck.AdoptInto(healthcheck.RegisterHealthcheck, reg))
		assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("db"))
	})
}

func TestAdoptCheck(t *testing.T) {
	theirs := map[string]*foreignStatus{"ok": {Result: "OK"}, "bad": {Result: "FAIL", Details: "down"}, "blank": {}, "nil": nil}
	check := func(name string) *foreignStatus { return theirs[name] }
	var checks []healthcheck.Check
	for name := range theirs {
		checks = append(checks, healthcheck.Check{Endpoint: name, Checker: healthcheck.AdoptCheck(name, check)})
	}
	checks = append(checks,
		healthcheck.Check{Endpoint: "named type", Checker: healthcheck.AdoptCheck("bad", foreignCheck(check))},
		healthcheck.Check{Endpoint: "no function", Checker: healthcheck.AdoptCheck("bad", foreignCheck(nil))})
	reg := newRegistry(t, checks...)
	reg.Run(t.Context())
	for endpoint, want := range map[string]healthcheck.Status{
		"ok":         {Result: healthcheck.OK},
		"bad":        {Result: healthcheck.FAIL, Details: "down"},
		"named type": {Result: healthcheck.FAIL, Details: "down"},
		"blank":      {},
		"nil":        {Result: healthcheck.FAIL, Details: "the check returned no status"},
	} {
		assert.Equal(t, want, lookup(t, reg, endpoint).Status(), endpoint)
	}
	assert.Equal(t, healthcheck.FAIL, lookup(t, reg, "no function").Status().Result)
}

func TestAdoptStatus(t *testing.T) {
	var sdk foreign
	level := foreignLevel("OK")
	_, err := sdk.RegisterHealthcheck("Central", "central", func(string) *foreignStatus { return &foreignStatus{Result: level} })
	require.NoError(t, err)
	reg := newRegistry(t,
		healthcheck.Check{Endpoint: "central", Checker: healthcheck.AdoptStatus("central", sdk.GetStatus)},
		healthcheck.Check{Endpoint: "nobody", Checker: healthcheck.AdoptStatus("nobody", sdk.GetStatus)})
	for _, level = range []foreignLevel{"OK", "", "WARN"} {
		reg.Run(t.Context())
		assert.Equal(t, healthcheck.Status{Result: healthcheck.StatusLevel(level)}, lookup(t, reg, "central").Status())
	}
	level = "FAIL"
	reg.Run(t.Context())
	assert.Equal(t, healthcheck.Status{Result: healthcheck.FAIL, Details: `GetStatus("central") is FAIL`}, lookup(t, reg, "central").Status())
	assert.Equal(t, healthcheck.Status{Result: healthcheck.FAIL, Details: `GetStatus("nobody") is FAIL`}, lookup(t, reg, "nobody").Status())
}
