package healthcheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// long is a text of n bytes.
func long(n int) string { return strings.Repeat("x", n) }

func TestCompatDetails(t *testing.T) {
	const most, least = 64 << 10, 4 << 10
	t.Run("whole up to 64 KiB, good or bad", func(t *testing.T) {
		healthcheck.Isolate(t)
		text := long(most-1) + "\n"
		register(t, "A", "good", answer(healthcheck.OK, text))
		register(t, "A", "bad", answer(healthcheck.FAIL, text))
		healthcheck.RunChecks()
		h := healthcheck.NewServer(false).Handler()
		for _, endpoint := range []string{"good", "bad"} {
			var s healthcheck.Status
			require.NoError(t, json.Unmarshal(get(h, "/status/"+endpoint).Body.Bytes(), &s))
			assert.Equal(t, text, s.Details)
		}
		assert.Contains(t, get(h, "/status").Body.String(), long(most-1)+`\n`)
		_, details := healthcheck.GetGlobalStatus()
		assert.Equal(t, text, details)
	})
	t.Run("cut beyond, at a rune", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "A", "a", answer(healthcheck.FAIL, long(most-1)+"€"))
		assert.Equal(t, long(most-1), lookup(t, healthcheck.Default(), "a").Status().Details)
	})
	t.Run("the history keeps 4 KiB", func(t *testing.T) {
		healthcheck.Isolate(t)
		register(t, "A", "a", answer(healthcheck.FAIL, long(most)))
		assert.Equal(t, long(least), healthcheck.Default().History("a")[0].Details)
	})
	t.Run("observers and the log are told 4 KiB", func(t *testing.T) {
		healthcheck.Isolate(t)
		logged := captureLog(t)
		var told string
		healthcheck.Default().Observe(func(_ *healthcheck.Check, o healthcheck.Outcome) { told = o.Details })
		register(t, "A", "a", answer(healthcheck.FAIL, long(most)))
		assert.Equal(t, long(least), told)
		assert.Less(t, len(logged()), 2*least)
	})
	t.Run("others have 4 KiB", func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error { return errors.New(long(most)) }})
		reg.Run(t.Context())
		assert.Equal(t, long(least), lookup(t, reg, "a").Status().Details)
	})
	for checks, want := range map[int]int{128: most, 256: most / 2, 2048: least, 5000: least} {
		t.Run(fmt.Sprintf("all of %d checks together are bounded", checks), func(t *testing.T) {
			list := make([]healthcheck.Check, checks)
			text := long(2 * most)
			for i := range list {
				list[i] = healthcheck.Check{Endpoint: fmt.Sprint(i), Checker: healthcheck.FromStatus("", answer(healthcheck.FAIL, text))}
			}
			reg := newRegistry(t, list...)
			for i := range 3 {
				_, err := reg.RunCheck(t.Context(), fmt.Sprint(i))
				require.NoError(t, err)
				assert.Len(t, lookup(t, reg, fmt.Sprint(i)).Status().Details, want)
			}
		})
	}
	t.Run("what is cut off is not kept", func(t *testing.T) {
		const checks, size = 16, 4 << 20
		list := make([]healthcheck.Check, checks)
		for i := range list {
			list[i] = healthcheck.Check{Endpoint: fmt.Sprint(i), Checker: healthcheck.FromStatus("", func(string) *healthcheck.Status {
				return &healthcheck.Status{Result: healthcheck.FAIL, Details: long(size)}
			})}
			if i%2 == 0 {
				list[i].Checker, list[i].Func = nil, func(context.Context) error { return errors.New(long(size)) }
			}
		}
		reg := newRegistry(t, list...)
		before := liveHeap()
		for i := range checks {
			_, err := reg.RunCheck(t.Context(), fmt.Sprint(i))
			require.NoError(t, err)
		}
		assert.Less(t, int64(liveHeap())-int64(before), int64(size), "of %d that the checks said", checks*size)
		runtime.KeepAlive(reg)
	})
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
