package exporter_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// teams is a configuration of a main file and one for each of two teams.
type teams struct {
	t   *testing.T
	dir string
}

func newTeams(t *testing.T) teams {
	t.Helper()
	f := teams{t, t.TempDir()}
	f.write("main.yml", "include: [teams/*.yml]\nchecks: []\n")
	return f
}

func (f teams) write(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(f.t, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(f.t, os.Rename(path+".new", path))
}

func (f teams) path(name string) string { return filepath.Join(f.dir, name) }

func valid(f teams, name string) string {
	return fmt.Sprintf("healthcheck_exporter_config_file_valid{file=%q}", f.path(name))
}

// The file of one team is broken: its checks go on as they were, and the other team's changes are taken.
func TestBrokenFileOfATeam(t *testing.T) {
	t.Parallel()
	s, f := newTarget(t), newTeams(t)
	f.write("teams/a.yml", "checks:\n"+s.check("a"))
	f.write("teams/b.yml", "checks:\n"+s.check("b"))
	r := start(t, f.path("main.yml"), enableLifecycle)
	eventually(t, r.ready)
	assert.True(t, r.has(valid(f, "teams/a.yml"), 1))

	f.write("teams/a.yml", "checks:\n"+s.check("a")+s.check("a2")+"  oops")
	f.write("teams/b.yml", "checks:\n"+s.check("b")+s.check("b2"))
	answer := r.do(t, http.MethodPost, r.URL+"/-/reload")
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	assert.Contains(t, answer.Body, "teams/a.yml:")
	assert.NotContains(t, answer.Body, "teams/b.yml")
	eventually(t, func() bool { return r.has(`healthcheck_status{check="b2"}`, 1) }, "the other team's check is new")
	assert.True(t, r.has(`healthcheck_runs_total{check="a",result="ok"}`, 1), "and this one goes on")
	assert.True(t, r.has(valid(f, "teams/a.yml"), 0))
	assert.True(t, r.has(valid(f, "teams/b.yml"), 1))
	assert.True(t, r.has(reloadSuccessful, 0))
	assert.Contains(t, r.logs.String(), "its checks go on as they were")

	f.write("teams/a.yml", "checks:\n"+s.check("a")+s.check("a2"))
	require.Equal(t, http.StatusOK, r.do(t, http.MethodPost, r.URL+"/-/reload").Code)
	eventually(t, func() bool { return r.has(`healthcheck_status{check="a2"}`, 1) })
	assert.True(t, r.has(valid(f, "teams/a.yml"), 1))
	assert.True(t, r.has(reloadSuccessful, 1))
	assert.Equal(t, 1, s.count("a"))
}

// A file that is broken from the start is told of, and only its checks are missing; who wants it otherwise says so.
func TestBrokenFileAtTheStart(t *testing.T) {
	t.Parallel()
	s, f := newTarget(t), newTeams(t)
	f.write("teams/a.yml", "checks:\n"+s.check("a", "intervall: 3s"))
	f.write("teams/b.yml", "checks:\n"+s.check("b"))
	r := start(t, f.path("main.yml"))
	eventually(t, r.ready)
	assert.True(t, r.has(reloadSuccessful, 0))
	assert.True(t, r.has(valid(f, "teams/a.yml"), 0))
	assert.Contains(t, r.logs.String(), `did you mean \"interval\"?`)
	assert.Equal(t, http.StatusNotFound, r.get(t, "/status/a").Code)

	o := options(f.path("main.yml"), &logBuffer{})
	o.ConfigStrict = true
	_, err := exporter.New(t.Context(), o)
	require.ErrorContains(t, err, "teams/a.yml:5")
	_, err = exporter.Validate(options(f.path("main.yml"), &logBuffer{}))
	require.ErrorContains(t, err, "teams/a.yml:5", "whoever validates wants to know")
}

// One team's file changes a hundred times at random, broken or not, under load: no run of the other team's checks is
// lost, none of their counters goes back, and none of them is touched. The target counts the runs.
func TestTeamsReloadAtRandom(t *testing.T) {
	t.Parallel()
	const checks, reloads = 20, 100
	s, f := newTarget(t), newTeams(t)
	good := "defaults: {interval: 100ms, timeout: 100ms}\nchecks:\n"
	for i := range checks {
		good += fmt.Sprintf("  - endpoint: good-%d\n    http: {url: %s/good-%d}\n", i, s.URL, i)
	}
	f.write("teams/good.yml", good)
	f.write("teams/other.yml", "checks: []")
	r := start(t, f.path("main.yml"))
	eventually(t, r.ready)

	begun, stop := time.Now(), make(chan struct{})
	var scrapes sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); scrapes.Wait() })
	t.Cleanup(end)
	var backwards atomic.Int32
	for range 2 {
		scrapes.Go(func() {
			last := make(map[string]float64)
			for {
				select {
				case <-stop:
					return
				default:
				}
				reply, err := r.try(http.MethodGet, r.URL+"/metrics")
				if !assert.NoError(t, err) {
					return
				}
				for i := range checks {
					series := fmt.Sprintf(`healthcheck_runs_total{check="good-%d",result="ok"}`, i)
					now, there := sample(reply.Body, series)
					if !there || now < last[series] {
						backwards.Add(1)
					}
					last[series] = now
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	inForce := make(map[string]int) // the variant of each check of the other team
	for n := range reloads {
		if n%3 == 0 { // so that runs come between them
			runs := s.count("good-0")
			eventually(t, func() bool { return s.count("good-0") > runs })
		}
		file, next := "checks:\n", make(map[string]int)
		for i := range 1 + random.IntN(4) {
			endpoint, variant := fmt.Sprintf("other-%d", i), 1+random.IntN(2)
			next[endpoint] = variant
			file += s.check(endpoint, fmt.Sprintf("failure_threshold: %d", variant))
		}
		broken := random.IntN(2) == 0
		if broken {
			file += "  - endpoint: broken\n"
		}
		f.write("teams/other.yml", file)
		r.logs.reset()
		err := r.Reload()
		if broken {
			partly, ok := errors.AsType[*exporter.FilesError](err)
			require.True(t, ok, "%v", err)
			assert.Len(t, partly.Files, 1)
			assert.Contains(t, r.logs.String(), fmt.Sprintf("added=0 changed=0 removed=0 unchanged=%d kept=%d", checks, len(inForce)))
			continue
		}
		require.NoError(t, err)
		added, changed, removed, unchanged := compare(inForce, next)
		assert.Contains(t, r.logs.String(), fmt.Sprintf("added=%d changed=%d removed=%d unchanged=%d kept=0", added, changed, removed, checks+unchanged))
		inForce = next
	}
	end()
	assert.Zero(t, backwards.Load(), "a counter went back, or was missing")
	due := int(time.Since(begun)/(100*time.Millisecond)) - 10 // not those at the beginning and the end
	text := r.get(t, "/metrics").Body
	for i := range checks {
		endpoint := fmt.Sprintf("good-%d", i)
		runs, _ := sample(text, fmt.Sprintf(`healthcheck_runs_total{check=%q,result="ok"}`, endpoint))
		skipped, _ := sample(text, fmt.Sprintf(`healthcheck_skipped_runs_total{check=%q}`, endpoint))
		assert.GreaterOrEqual(t, int(runs+skipped), due, "%s: no run is lost", endpoint)
		assert.LessOrEqual(t, int(runs), s.count(endpoint), "%s: the target has seen them", endpoint)
	}
}

// compare returns what leads from one set of checks to another.
func compare(from, to map[string]int) (added, changed, removed, unchanged int) {
	for endpoint, variant := range to {
		switch before, known := from[endpoint]; {
		case !known:
			added++
		case before != variant:
			changed++
		default:
			unchanged++
		}
	}
	for endpoint := range from {
		if _, stays := to[endpoint]; !stays {
			removed++
		}
	}
	return added, changed, removed, unchanged
}
