package exporter_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

const (
	reloadSuccessful  = "healthcheck_exporter_config_last_reload_successful"
	reloadSuccessTime = "healthcheck_exporter_config_last_reload_success_timestamp_seconds"
)

// TestWaysToReload replaces one check by another, and asks for a reload in every way there is.
func TestWaysToReload(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal)
	for name, c := range map[string]struct {
		change func(*exporter.Options)
		ask    func(t *testing.T, r *running)
	}{
		"signal": {
			change: func(o *exporter.Options) { o.ReloadRequests = signals },
			ask:    func(*testing.T, *running) { signals <- syscall.SIGHUP },
		},
		"request": {
			change: enableLifecycle,
			ask: func(t *testing.T, r *running) {
				assert.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
			},
		},
		"content": {
			change: func(o *exporter.Options) { o.WatchInterval = 10 * time.Millisecond },
			ask:    func(*testing.T, *running) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTarget(t)
			f := newConfigFile(t, "name: before\nchecks:\n"+s.check("old"))
			r := start(t, f.path, c.change)
			eventually(t, r.ready)
			f.write("name: after\nversion: '2'\nchecks:\n" + s.check("new"))
			c.ask(t, r)
			eventually(t, func() bool { return r.has(`healthcheck_status{check="new"}`, 1) })
			assert.NotContains(t, r.get(t, "/metrics").Body, `check="old"`)
			assert.Equal(t, `{"name":"after","version":"2","status":"OK","statusChecks":{"new":{"name":"new","endpoint":"new","status":{"result":"OK"}}}}`, r.get(t, "/status").Body)
			assert.Equal(t, http.StatusNotFound, r.get(t, "/status/old").Code)
			assert.Equal(t, 1, s.count("old"))
			assert.Equal(t, 1, s.count("new"))
			assert.Contains(t, r.logs.String(), "added=1 changed=0 removed=1 unchanged=0")
		})
	}
}

// TestReloadKeepsWhatIsKnown counts the runs of hourly checks at their target: one that is run again without a reason
// shows, and so does one that is forgotten.
func TestReloadKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.answer("changed", http.StatusInternalServerError)
	f := newConfigFile(t, "checks:\n"+s.check("same")+s.check("changed")+s.check("renamed")+s.check("removed"))
	r := start(t, f.path, enableLifecycle, func(o *exporter.Options) { o.DurationHistogram = collector.HistogramClassic })
	eventually(t, r.ready)
	before := r.get(t, "/metrics").Body
	history := r.Registry().History("same")

	s.answer("changed", http.StatusOK)
	// Another order and layout, and other settings where the name says so.
	f.write("# new\nchecks:\n" + s.check("added") + s.check("changed", "failure_threshold: 2", "labels: { team: a }") +
		s.check("renamed", "name: Another name") + "\n\n" + s.check("same", "failure_threshold: 1 # the default"))
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	assert.NotContains(t, r.get(t, "/metrics").Body, `"removed"`, "its series vanish at once")
	assert.NotContains(t, r.get(t, "/status").Body, `"removed"`)
	eventually(t, func() bool {
		return r.has(`healthcheck_runs_total{check="changed",result="ok",team="a"}`, 1) && r.has(`healthcheck_status{check="added"}`, 1) &&
			r.has(`healthcheck_runs_total{check="renamed",result="ok"}`, 2)
	}, "what is new or changed runs at once")

	for endpoint, runs := range map[string]int{"same": 1, "changed": 2, "renamed": 2, "removed": 1, "added": 1} {
		assert.Equal(t, runs, s.count(endpoint), endpoint)
	}
	text := r.get(t, "/metrics").Body
	for line := range strings.Lines(before) {
		if strings.Contains(line, `check="same"`) {
			assert.Contains(t, text, line)
		}
	}
	assert.Equal(t, history, r.Registry().History("same"))
	assert.Len(t, r.Registry().History("changed"), 2)
	for series, want := range map[string]float64{
		`healthcheck_runs_total{check="changed",result="fail",team="a"}`:       1,
		`healthcheck_failures_total{check="changed",reason="status",team="a"}`: 1,
		`healthcheck_status_changes_total{check="changed",team="a"}`:           1,
		`healthcheck_status{check="changed",team="a"}`:                         1,
		`healthcheck_run_duration_seconds_count{check="same"}`:                 1,
		`healthcheck_run_duration_seconds_count{check="renamed"}`:              2,
		`healthcheck_run_duration_seconds_count{check="added"}`:                1,
	} {
		got, there := sample(text, series)
		assert.True(t, there, series)
		assert.InDelta(t, want, got, 0, series)
	}
	assert.Equal(t, 1, strings.Count(text, `healthcheck_status{check="changed"`), "no series with the old labels")
	assert.Contains(t, r.logs.String(), "added=1 changed=2 removed=1 unchanged=1")
}

// TestReloadKeepsServing adds a check that has not run: the whole stays OK until it has.
func TestReloadKeepsServing(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	f := newConfigFile(t, "name: x\nchecks:\n"+s.check("old"))
	r := start(t, f.path, enableLifecycle)
	eventually(t, r.ready)
	s.hang("new")
	s.answer("new", http.StatusTeapot)
	f.write("name: x\nchecks:\n" + s.check("old") + s.check("new"))
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	eventually(t, func() bool { return s.count("new") == 1 })
	got := r.get(t, "/status")
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Contains(t, got.Body, `"status":"OK"`)
	assert.Contains(t, got.Body, `not run yet`)
	assert.Equal(t, http.StatusOK, r.get(t, "/-/ready").Code)
	v, _ := r.metric(t, "healthcheck_overall_status")
	assert.InDelta(t, 1, v, 0)
	s.release("new")
	eventually(t, func() bool { return r.has("healthcheck_overall_status", 0) }, "its failure counts")
}

func TestBadReloadChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	good := "name: good\nchecks:\n" + s.check("central")
	f := newConfigFile(t, good)
	r := start(t, f.path, enableLifecycle)
	eventually(t, r.ready)
	status := r.get(t, "/status").Body
	successTime, _ := r.metric(t, reloadSuccessTime)
	assert.InDelta(t, float64(time.Now().Unix()), successTime, 60)

	for name, bad := range map[string]struct {
		yaml     string
		mistakes []string
	}{
		"several": {"name: bad\nchecks:\n" + s.check("central", "failing_interval: soon") + s.check("central") + "  - endpoint: x\n    ftp: {}\n", []string{
			"checks.yml:6: checks[0].failing_interval: ", "checks.yml:9: checks[1].endpoint: ", "checks.yml:15: checks[2]: unknown key ",
		}},
		"syntax":    {"checks: [\n", []string{"checks.yml:"}},
		"empty":     {"", []string{"checks.yml:1: "}},
		"no checks": {"name: bad\n", []string{"checks.yml:1: checks: is missing"}},
		"variable":  {"name: bad\nchecks:\n" + s.check("central", "name: ${NOT_SET_ANYWHERE}"), []string{"NOT_SET_ANYWHERE"}},
	} {
		f.write(bad.yaml)
		logged := len(r.logs.String())
		got := r.do(t, http.MethodPost, r.URL+"/-/reload")
		assert.Equal(t, http.StatusInternalServerError, got.Code, name)
		log := r.logs.String()[logged:]
		for _, mistake := range bad.mistakes {
			assert.Contains(t, got.Body, mistake, name)
			assert.Contains(t, log, mistake, name)
		}
		assert.Equal(t, len(bad.mistakes), strings.Count(log, "level=ERROR"), "%s: a line for each mistake: %s", name, log)
		v, _ := r.metric(t, reloadSuccessful)
		assert.Zero(t, v, name)
		at, _ := r.metric(t, reloadSuccessTime)
		assert.InDelta(t, successTime, at, 0, name)
		assert.Equal(t, status, r.get(t, "/status").Body, name)
	}

	require.NoError(t, os.Remove(f.path))
	got := r.do(t, http.MethodPost, r.URL+"/-/reload")
	assert.Contains(t, got.Body, "no such file")
	assert.Equal(t, status, r.get(t, "/status").Body)

	f.write(good)
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	v, _ := r.metric(t, reloadSuccessful)
	assert.InDelta(t, 1, v, 0)
	at, _ := r.metric(t, reloadSuccessTime)
	assert.Greater(t, at, successTime)
	assert.Equal(t, 1, s.count("central"), "it was never disturbed")
	assert.Contains(t, r.logs.String(), "added=0 changed=0 removed=0 unchanged=1")
}

// TestReloadWhileChecksHang has three checks hang. A reload neither waits for them nor runs one of them twice.
func TestReloadWhileChecksHang(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	all := []string{"same", "changed", "removed"}
	yaml := "checks:\n"
	for _, endpoint := range all {
		s.hang(endpoint)
		yaml += s.check(endpoint)
	}
	f := newConfigFile(t, yaml)
	r := start(t, f.path, enableLifecycle)
	eventually(t, func() bool { return s.count("same") == 1 && s.count("changed") == 1 && s.count("removed") == 1 })
	f.write("checks:\n" + s.check("same") + s.check("changed", "name: Changed"))
	began := time.Now()
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	assert.Less(t, time.Since(began), 10*time.Second, "not until the timeout")
	assert.NotContains(t, r.get(t, "/metrics").Body, `"removed"`)
	eventually(t, func() bool { return s.givenUp("removed") == 1 }, "a removed check is told to stop")
	assert.Equal(t, 1, s.count("same"))
	s.releaseAll()
	eventually(t, func() bool {
		return r.has(`healthcheck_status{check="same"}`, 1) && s.count("changed") == 2
	}, "the new definition runs once the old one has ended")
	assert.Equal(t, 1, s.count("same"))
	assert.Equal(t, 1, s.count("removed"))
}

func TestConcurrentReloads(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	f := newConfigFile(t, "checks:\n"+s.check("first"))
	signals := make(chan os.Signal)
	r := start(t, f.path, enableLifecycle, func(o *exporter.Options) { o.ReloadRequests = signals })
	eventually(t, r.ready)
	f.write("checks:\n" + s.check("first") + s.check("second"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			switch i % 3 {
			case 0:
				assert.NoError(t, r.Reload())
			case 1:
				signals <- syscall.SIGHUP
			default:
				a, err := r.try(http.MethodPost, r.URL+"/-/reload")
				assert.NoError(t, err)
				assert.Equal(t, http.StatusOK, a.Code)
			}
		})
	}
	wg.Wait()
	eventually(t, func() bool { return r.has(`healthcheck_status{check="second"}`, 1) })
	assert.Equal(t, 1, s.count("first"))
	assert.Equal(t, 1, s.count("second"), "added once")
}

// TestReloadStorm reloads in three ways, with good and bad files, while everything is read, for the race detector. Each
// scrape must be whole.
func TestReloadStorm(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	quick := func(endpoint, extra string) string {
		return "  - endpoint: " + endpoint + "\n    interval: 1s\n" + extra + "    http: { url: '" + s.URL + "/x', keep_alive: true }\n"
	}
	var files []string
	for i := range 4 {
		yaml := "name: " + fmt.Sprint("v", i) + "\nchecks:\n" + quick("always", "")
		for j := range 20 {
			if (i+j)%3 > 0 {
				yaml += quick(fmt.Sprint("c", j), fmt.Sprintf("    labels: { release: v%d }\n", i*(j%2)))
			}
		}
		files = append(files, yaml)
	}
	files = append(files, "checks: [\n")
	f := newConfigFile(t, files[0])
	signals := make(chan os.Signal)
	r := start(t, f.path, enableLifecycle, func(o *exporter.Options) {
		o.ReloadRequests, o.WatchInterval, o.DurationHistogram = signals, 5*time.Millisecond, collector.HistogramBoth
	})
	eventually(t, r.ready)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for _, path := range []string{"/metrics", "/metrics", "/status", "/status/c1", "/", "/-/ready"} {
		readers.Go(func() {
			for !stop.Load() {
				a, err := r.try(http.MethodGet, r.URL+path)
				if !assert.NoError(t, err) || path != "/metrics" {
					continue
				}
				families, err := textParser().TextToMetricFamilies(strings.NewReader(a.Body))
				if assert.NoError(t, err) {
					assert.Contains(t, maps.Collect(maps.All(families)), "healthcheck_exporter_build_info")
				}
			}
		})
	}
	for i := range 40 {
		f.write(files[i%len(files)])
		switch i % 3 {
		case 0:
			signals <- syscall.SIGHUP
		case 1:
			_, err := r.try(http.MethodPost, r.URL+"/-/reload")
			require.NoError(t, err)
		}
	}
	stop.Store(true)
	readers.Wait()
	f.write(files[1])
	eventually(t, func() bool {
		a, err := r.try(http.MethodGet, r.URL+"/status")
		return err == nil && strings.HasPrefix(a.Body, `{"name":"v1",`) && r.has(reloadSuccessful, 1)
	}, "the last file is in force")
	snapshot := r.Registry().Snapshot()
	for i := range snapshot.States {
		assert.NotEqual(t, "c2", snapshot.States[i].Check.Endpoint)
	}
	state, ok := r.Registry().Lookup("always")
	require.True(t, ok)
	good, _ := state.Runs() // what fails on a busy machine is the timeout of a second
	assert.Positive(t, good)
}
