package healthcheck_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// The wire format as types, to compare the handler with encoding/json.
type (
	wireDocument struct {
		Name    string                  `json:"name"`
		Version string                  `json:"version,omitempty"`
		Status  healthcheck.StatusLevel `json:"status"`
		Checks  map[string]wireCheck    `json:"statusChecks"`
	}
	wireCheck struct {
		Name     string             `json:"name"`
		Endpoint string             `json:"endpoint"`
		Status   healthcheck.Status `json:"status"`
	}
)

// assertDocument asserts that the handlers serve what encoding/json makes of the registry.
func assertDocument(t testing.TB, all, one http.Handler, reg *healthcheck.Registry, id healthcheck.Identity) {
	t.Helper()
	snap := reg.Snapshot()
	want := wireDocument{Name: id.Name, Version: id.Version, Status: snap.Level, Checks: map[string]wireCheck{}}
	for i := range snap.States {
		s := &snap.States[i]
		want.Checks[s.Check.Endpoint] = wireCheck{s.Check.Name, s.Check.Endpoint, s.Status()}
		assertJSON(t, one, "/status/"+s.Check.Endpoint, s.Status().Result, s.Status())
	}
	assertJSON(t, all, "/status", snap.Level, want)
}

func assertJSON(t testing.TB, h http.Handler, path string, level healthcheck.StatusLevel, want any) {
	t.Helper()
	body, err := json.Marshal(want)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
	require.NoError(t, err)
	req.URL.Path = path // as it is: an endpoint may hold anything
	req.SetPathValue("endpoint", path[min(len("/status/"), len(path)):])
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	assert.Equal(t, string(body), rec.Body.String())
	assert.Equal(t, map[bool]int{true: 503, false: 200}[level == healthcheck.FAIL], rec.Code)
	assert.Equal(t, "application/json; charset=utf-8", rec.Header().Get("Content-Type"))
}

func TestStatusHandlerShowsEveryChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		steps := &script{}
		reg := &healthcheck.Registry{}
		id := healthcheck.Identity{}
		all, one := healthcheck.StatusHandler(reg, func() healthcheck.Identity { return id }), healthcheck.CheckHandler(reg)
		last := ""
		changed := func(what string, change func()) {
			t.Helper()
			change()
			synctest.Wait()
			assertDocument(t, all, one, reg, id)
			now := get(all, "/status").Body.String()
			assert.NotEqual(t, last, now, what)
			assert.Equal(t, now, get(all, "/status").Body.String())
			last = now
		}
		run := func(res healthcheck.Result) func() {
			return func() {
				steps.then(res)
				_, err := reg.RunCheck(t.Context(), "a")
				require.NoError(t, err)
			}
		}
		check := healthcheck.Check{Endpoint: "a", Checker: steps}
		apply := func(err error) { t.Helper(); require.NoError(t, err) }
		fail := func(details string) healthcheck.Result {
			return healthcheck.Result{Level: healthcheck.FAIL, Details: details}
		}
		changed("nothing yet", func() {})
		changed("the round over no checks", func() { reg.Run(t.Context()) })
		changed("name", func() { id.Name = "agent" })
		changed("version", func() { id.Version = "1" })
		changed("register", func() { apply(reg.Register(check)) })
		changed("FAIL in the very words of a check that has not run", run(fail("not run yet")))
		changed("OK", run(good))
		changed("details of OK", run(healthcheck.Result{Details: "fine"}))
		changed("other level", run(healthcheck.Result{Level: "WARN", Details: "fine"}))
		changed("FAIL", run(fail("down")))
		changed("details of FAIL", run(fail("down and out")))
		changed("optional", func() { check.Optional = true; apply(reg.Update(check)) })
		changed("required", func() { check.Optional = false; apply(reg.Update(check)) })
		changed("renamed", func() { check.Name = "A"; apply(reg.Update(check)) })
		changed("a second check", func() { apply(reg.Register(healthcheck.Check{Endpoint: "b", Func: hang, Timeout: time.Second})) })
		changed("its deadline", func() { reg.Run(canceledAfter(t, 2*time.Second)) })
		changed("unregister", func() { apply(reg.Unregister("a")) })
		changed("replace", func() {
			apply(reg.Apply(healthcheck.Changes{Unregister: []string{"b"}, Register: []healthcheck.Check{{Endpoint: "b", Func: alwaysOK}}}))
		})
		release()
		changed("run", func() { reg.Run(t.Context()) })
	})
}

// canceledAfter returns a context that ends by itself. The steps of the test's script are not meant for it.
func canceledAfter(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestStatusHandlerShowsStuckChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: time.Second, Func: func(ctx context.Context) error {
			_ = hang(ctx)
			return fmt.Errorf("read: %w", ctx.Err())
		}})
		all, one := healthcheck.StatusHandler(reg, nil), healthcheck.CheckHandler(reg)
		startRegistry(t, reg)
		seen := make(map[string]bool)
		for range 300 {
			pass(100 * time.Millisecond)
			assertDocument(t, all, one, reg, healthcheck.Identity{})
			seen[get(all, "/status").Body.String()] = true
		}
		assert.GreaterOrEqual(t, len(seen), 4, "not run, timeout, and stuck for ten seconds and for twenty")
		release()
		for range 300 {
			pass(100 * time.Millisecond)
			assertDocument(t, all, one, reg, healthcheck.Identity{})
		}
	})
}

func TestStatusHandlerShowsLateDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: time.Second, Interval: time.Hour, Func: func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			return fmt.Errorf("read the banner: %w", ctx.Err())
		}})
		all, one := healthcheck.StatusHandler(reg, nil), healthcheck.CheckHandler(reg)
		startRegistry(t, reg)
		for range 30 {
			pass(100 * time.Millisecond)
			assertDocument(t, all, one, reg, healthcheck.Identity{})
		}
		assert.Contains(t, get(all, "/status").Body.String(), "read the banner: context deadline exceeded")
	})
}

func TestStatusHandlerIsCached(t *testing.T) {
	reg := newRegistry(t, many(1000, "c", func(context.Context, int) error { return nil })...)
	reg.Run(t.Context())
	h := healthcheck.StatusHandler(reg, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/status", http.NoBody)
	require.NoError(t, err)
	var writes []*byte
	ask := func() {
		h.ServeHTTP(writer(func(b []byte) { writes = append(writes, &b[0]) }), req)
	}
	ask()
	ask()
	assert.Same(t, writes[0], writes[1], "the same bytes in memory")
	reg.Run(t.Context())
	ask()
	assert.Same(t, writes[0], writes[2], "runs that change nothing are not seen")
	require.NoError(t, reg.Unregister("c1"))
	ask()
	assert.NotSame(t, writes[0], writes[3])
}

// writer is a ResponseWriter that passes on what is written.
type writer func(b []byte)

func (writer) Header() http.Header { return http.Header{} }
func (writer) WriteHeader(int)     {}
func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func TestCheckHandlerUnknown(t *testing.T) {
	rec := get(oneHandler(newRegistry(t)), "/status/nobody")
	assert.Equal(t, http.StatusNotFound, rec.Code)
	assert.Equal(t, "404 page not found\n", rec.Body.String())
}

func TestCheckHandlerOddEndpoints(t *testing.T) {
	reg := newRegistry(t)
	h := oneHandler(reg)
	for endpoint, path := range map[string]string{"a b": "a%20b", "a/b": "a%2Fb", "ä": "%C3%A4", "..": "%2E%2E", "a?b": "a%3Fb", "%": "%25"} {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Func: alwaysOK}))
		reg.Run(t.Context())
		if endpoint == ".." {
			continue // no client sends it: it means the parent
		}
		assert.Equal(t, http.StatusOK, get(h, "/status/"+path).Code, endpoint)
	}
}

func FuzzStatusDocument(f *testing.F) {
	f.Add(uint64(1), "agent", "1.2.3", "central", "Amplify Central", "")
	f.Add(uint64(2), "", "", "a", "", "<down> & \"out\" \\ \u2028\x00\x7f\xff")
	f.Add(uint64(3), "\xff", "\u2029", "ä€😀", "\t\n\r\b\f", "WARN")
	f.Add(uint64(4), "'", "/", "</script>", "a\xc3", "\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, seed uint64, name, version, endpoint, checkName, details string) {
		rng := rand.New(rand.NewPCG(seed, 0))
		reg := &healthcheck.Registry{}
		for i := range rng.IntN(6) {
			c := healthcheck.Check{
				Endpoint: endpoint[:min(len(endpoint), rng.IntN(len(endpoint)+1))] + fmt.Sprint(rng.IntN(20)),
				Name:     checkName,
				Optional: rng.IntN(3) == 0,
				Checker: checkerFunc(func(context.Context) healthcheck.Result {
					level := healthcheck.StatusLevel([]string{"OK", "FAIL", "", "WARN", details}[rng.IntN(5)])
					return healthcheck.Result{Level: level, Details: details[:rng.IntN(len(details)+1)]}
				}),
			}
			if err := reg.Register(c); err != nil && utf8.ValidString(c.Endpoint) {
				require.ErrorIs(t, err, healthcheck.ErrDuplicate, "check %d", i)
			}
		}
		id := healthcheck.Identity{Name: name, Version: version}
		all, one := healthcheck.StatusHandler(reg, func() healthcheck.Identity { return id }), healthcheck.CheckHandler(reg)
		assertDocument(t, all, one, reg, id)
		for range 3 {
			for _, s := range reg.Snapshot().States { // one after the other, since they share rng
				if rng.IntN(2) == 0 {
					_, err := reg.RunCheck(t.Context(), s.Check.Endpoint)
					require.NoError(t, err)
					assertDocument(t, all, one, reg, id)
				}
			}
		}
	})
}
