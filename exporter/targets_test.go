package exporter_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// inventory is a server of lists of targets, as for Prometheus' http_sd.
type inventory struct {
	*httptest.Server
	mu     sync.Mutex
	names  []string
	broken bool
	hold   chan struct{} // nil, or closed when lists may be had
}

func newInventory(t *testing.T, names ...string) *inventory {
	t.Helper()
	i := &inventory{names: names}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *inventory) set(broken bool, names ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.names, i.broken = names, broken
}

func (i *inventory) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if i.hold != nil {
		select {
		case <-i.hold:
		case <-req.Context().Done():
			return
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if i.broken {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_ = json.NewEncoder(w).Encode([]map[string]any{{"targets": i.names, "labels": map[string]string{"zone": "z"}}})
}

// group returns the YAML of a check for each name that the inventory has.
func (s *target) group(i *inventory, more ...string) string {
	return s.check("x-${target.host}", append([]string{
		"labels: { zone: '${target.labels.zone}' }",
		fmt.Sprintf("targets: [{ http: { url: '%s', refresh_interval: 1s } }]", i.URL),
	}, more...)...)
}

// A target that comes or goes is a check that comes or goes, and nothing else is touched; a source that fails keeps what
// it had.
func TestTargetsComeAndGo(t *testing.T) {
	t.Parallel()
	s, i := newTarget(t), newInventory(t, "a", "b")
	f := newConfigFile(t, "checks:\n"+s.check("x-taken")+s.group(i))
	r := start(t, f.path, enableLifecycle)
	runs := func(name string) string {
		return fmt.Sprintf(`healthcheck_runs_total{check="x-%s",result="ok",zone="z"}`, name)
	}
	eventually(t, func() bool { return r.has(runs("a"), 1) && r.has(runs("b"), 1) })
	eventually(t, r.ready)
	const targets = `healthcheck_exporter_discovery_targets{check="x-${target.host}",source="http[0]"}`
	assert.True(t, r.has(targets, 2), r.get(t, "/metrics").Body)

	i.set(false, "c", "b", "taken")
	eventually(t, func() bool { return r.has(runs("c"), 1) })
	text := r.get(t, "/metrics").Body
	assert.NotContains(t, text, `check="x-a"`)
	assert.Contains(t, text, runs("b")+" 1")
	eventually(t, func() bool {
		return r.has(`healthcheck_exporter_discovery_dropped_targets{check="x-${target.host}",source="http[0]"}`, 1)
	}, "its endpoint is taken")
	assert.Contains(t, r.logs.String(), "its endpoint is that of another check")

	i.set(true)
	eventually(t, func() bool {
		v, _ := r.metric(t, `healthcheck_exporter_discovery_failures_total{check="x-${target.host}",source="http[0]"}`)
		return v > 0
	})
	assert.True(t, r.has(runs("b"), 1))

	// A reload with another setting touches the checks of all targets, and loses none.
	f.write("checks:\n" + s.check("x-taken") + s.group(i, "failure_threshold: 2"))
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	eventually(t, func() bool { return r.has(runs("b"), 2) && r.has(runs("c"), 2) })
	assert.Contains(t, r.logs.String(), "added=0 changed=2 removed=0 unchanged=1")

	// One that frees an endpoint leaves it to the target that wanted it.
	f.write("checks:\n" + s.group(i, "failure_threshold: 2"))
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	eventually(t, func() bool { return r.has(runs("taken"), 2) }, "with the counters of its endpoint")

	i.set(false)
	eventually(t, func() bool { return r.has(targets, 0) }, "an empty answer is believed")
	eventually(t, func() bool { return !strings.Contains(r.get(t, "/metrics").Body, `healthcheck_status{check="x-`) })
	assert.Equal(t, 1, s.count("x-a"))
}

// A command that runs checks once finds their targets first.
func TestCheckOnceFindsTargets(t *testing.T) {
	t.Parallel()
	s, i := newTarget(t), newInventory(t, "a", "b")
	snapshot, err := exporter.CheckOnce(t.Context(), options(newConfigFile(t, "checks:\n"+s.group(i)).path, &logBuffer{}))
	require.NoError(t, err)
	var names []string
	for k := range snapshot.States {
		names = append(names, snapshot.States[k].Check.Endpoint)
	}
	slices.Sort(names)
	assert.Equal(t, []string{"x-a", "x-b"}, names)
}

// What is found only after a while is waited for: an exporter is not ready before it has checked its first targets. A
// source that fails keeps nobody waiting.
func TestReadyWaitsForTargets(t *testing.T) {
	t.Parallel()
	s, i := newTarget(t), newInventory(t, "a", "b")
	i.hold = make(chan struct{})
	release := sync.OnceFunc(func() { close(i.hold) })
	t.Cleanup(release)
	dead := newInventory(t)
	dead.Close()
	r := start(t, newConfigFile(t, "checks:\n"+s.check("x-static")+s.group(i)+strings.ReplaceAll(s.group(dead), "x-$", "y-$")).path)
	eventually(t, func() bool { return r.has(`healthcheck_runs_total{check="x-static",result="ok"}`, 1) })
	answer := r.get(t, "/-/ready")
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	eventually(t, func() bool {
		return strings.Contains(r.get(t, "/-/ready").Body, "not all targets have been looked for")
	})
	assert.Zero(t, s.count("x-a"))
	release()
	eventually(t, r.ready)
	assert.Positive(t, s.count("x-a"))
	assert.Positive(t, s.count("x-b"))
}
