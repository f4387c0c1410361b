package healthcheck_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestCompatEmptyLevel: &Status{} is neither OK, as callers compare GetStatus with OK, nor FAIL, as the whole does not.
func TestCompatEmptyLevel(t *testing.T) {
	t.Run("passes through", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "A", "a", func(string) *healthcheck.Status { return &healthcheck.Status{} })
		register(t, "B", "b", answer("", "undecided"))
		assert.Empty(t, healthcheck.GetStatus("a"))
		assert.Equal(t, healthcheck.OK, healthcheck.RunChecks())
		level, details := healthcheck.GetGlobalStatus()
		assert.Equal(t, "OK", level)
		assert.Empty(t, details)

		h := healthcheck.NewServer(false).Handler()
		one, all := get(h, "/status/a"), get(h, "/status")
		assert.Equal(t, http.StatusOK, one.Code)
		assert.Equal(t, `{"result":""}`, one.Body.String())
		assert.Equal(t, http.StatusOK, all.Code)
		assert.Equal(t, `{"name":"","status":"OK","statusChecks":{`+
			`"a":{"name":"A","endpoint":"a","status":{"result":""}},`+
			`"b":{"name":"B","endpoint":"b","status":{"result":"","details":"undecided"}}}}`, all.Body.String())
		assert.False(t, lookup(t, healthcheck.Default(), "a").Failing())
	})
	t.Run("each change shows", func(t *testing.T) {
		healthcheck.Isolate(t)
		check, set := switchable(healthcheck.OK)
		register(t, "A", "a", check)
		h := healthcheck.NewServer(false).Handler()
		for _, level := range []healthcheck.StatusLevel{"", "OK", "", "FAIL", "", "DEGRADED", "", "OK"} {
			set(level)
			healthcheck.RunChecks()
			assert.Equal(t, level, healthcheck.GetStatus("a"))
			assert.Contains(t, get(h, "/status").Body.String(), fmt.Sprintf(`"status":{"result":%q}`, level))
		}
	})
	t.Run("through a checker around it", func(t *testing.T) {
		inner := healthcheck.FromStatus("a", answer("", ""))
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: checkerFunc(inner.Check)})
		reg.Run(t.Context())
		assert.Equal(t, healthcheck.Status{}, lookup(t, reg, "a").Status())
	})
	t.Run("past the deadline it is FAIL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			healthcheck.Isolate(t)
			register(t, "A", "a", func(string) *healthcheck.Status {
				time.Sleep(time.Hour)
				return &healthcheck.Status{}
			})
			pass(time.Hour)
			assert.Equal(t, healthcheck.FAIL, healthcheck.GetStatus("a"))
		})
	})
	t.Run("of any other check it means OK", func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Details: "fine"}
		})})
		reg.Run(t.Context())
		assert.Equal(t, healthcheck.Status{Result: healthcheck.OK, Details: "fine"}, lookup(t, reg, "a").Status())
	})
}
