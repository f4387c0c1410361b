package exporter_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func watchClosely(o *exporter.Options) { o.WatchInterval = 10 * time.Millisecond }

// TestConfigMap changes the configuration as the kubelet does: the file is a link into ..data, which is a link to a
// folder, and that link is replaced.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	dir := t.TempDir()
	mount := func(version, yaml string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, "..v"+version), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "..v"+version, "checks.yml"), []byte(yaml), 0o600))
		require.NoError(t, os.Symlink("..v"+version, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	mount("1", "checks:\n"+s.check("first"))
	file := filepath.Join(dir, "checks.yml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "checks.yml"), file))
	r := start(t, file, watchClosely)
	eventually(t, r.ready)
	mount("2", "checks:\n"+s.check("first")+s.check("second"))
	eventually(t, func() bool { return r.has(`healthcheck_status{check="second"}`, 1) })
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "..v1")))
	mount("3", "checks: nonsense")
	eventually(t, func() bool { return r.has(reloadSuccessful, 0) })
	mount("4", "checks:\n"+s.check("second"))
	eventually(t, func() bool { return r.has(reloadSuccessful, 1) })
	assert.Equal(t, http.StatusNotFound, r.get(t, "/status/first").Code)
	assert.Equal(t, 1, s.count("first"))
	assert.Equal(t, 1, s.count("second"))
}

// TestSecretRotates changes only the file that a check refers to.
func TestSecretRotates(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	f := newConfigFile(t, "checks:\n"+s.check("same")+s.check("rotated")+"      authorization: { credentials: '${file:token}' }\n")
	token := configFile{t, filepath.Join(filepath.Dir(f.path), "token")}
	token.write("hunter2-first\n")
	r := start(t, f.path, watchClosely)
	eventually(t, r.ready)
	for i, secret := range []string{"hunter2-second", "hunter2-third"} {
		token.write(secret)
		eventually(t, func() bool { return s.count("rotated") == i+2 })
		assert.Equal(t, "Bearer "+secret, s.authorization())
	}
	require.NoError(t, os.Remove(token.path))
	eventually(t, func() bool { return r.has(reloadSuccessful, 0) })
	assert.Contains(t, r.logs.String(), "${file:token}: no such file")
	token.write("hunter2-third")
	eventually(t, func() bool { return r.has(reloadSuccessful, 1) })
	assert.Equal(t, 3, s.count("rotated"), "the same secret is the same check")
	assert.Equal(t, 1, s.count("same"))
	assert.NotContains(t, r.logs.String(), "hunter2")
}

func TestFileIsDeletedAndComesBack(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	yaml := "checks:\n" + s.check("central")
	f := newConfigFile(t, yaml)
	r := start(t, f.path, watchClosely)
	eventually(t, r.ready)
	for range 3 {
		require.NoError(t, os.Remove(f.path))
		eventually(t, func() bool { return r.has(reloadSuccessful, 0) })
		assert.Equal(t, http.StatusOK, r.get(t, "/status").Code)
		f.write(yaml)
		eventually(t, func() bool { return r.has(reloadSuccessful, 1) })
	}
	require.NoError(t, os.Remove(f.path))
	require.NoError(t, os.Mkdir(f.path, 0o700))
	eventually(t, func() bool {
		return strings.Contains(r.logs.String(), "this is a folder") || strings.Count(r.logs.String(), "no such file") == 4
	})
	require.NoError(t, os.Remove(f.path))
	f.write(yaml)
	eventually(t, func() bool { return r.has(reloadSuccessful, 1) })
	assert.Equal(t, 1, s.count("central"), "all the while it was left alone")
}

// recording runs an exporter without sockets in a synctest bubble and takes down when each check ran.
type recording struct {
	*exporter.Exporter
	logs *logBuffer

	mu   sync.Mutex
	runs map[string][]time.Duration // since the start
}

func record(t *testing.T, file string, change ...func(*exporter.Options)) *recording {
	t.Helper()
	r := &recording{logs: &logBuffer{}, runs: make(map[string][]time.Duration)}
	o := options(file, r.logs)
	for _, c := range change {
		c(&o)
	}
	var err error
	r.Exporter, err = exporter.NewWithoutSockets(o)
	require.NoError(t, err)
	start := time.Now()
	stop := r.Registry().Observe(func(c *healthcheck.Check, o healthcheck.Outcome) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.runs[c.Endpoint] = append(r.runs[c.Endpoint], o.Start.Sub(start).Round(time.Millisecond))
	})
	t.Cleanup(stop)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-ended) })
	return r
}

func (r *recording) times() map[string][]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	copied := maps.Clone(r.runs)
	for k := range copied {
		copied[k] = slices.Clone(copied[k])
	}
	return copied
}

func memoryCheck(endpoint, settings string) string {
	return "  - { endpoint: " + endpoint + ", " + settings + ", memory: {} }\n"
}

// TestReloadKeepsSchedules compares the runs of ten minutes with reloads to those of ten minutes without.
func TestReloadKeepsSchedules(t *testing.T) {
	t.Parallel()
	same := memoryCheck("a", "interval: 7s") + memoryCheck("b", "interval: 1m, initial_delay: 30s") + memoryCheck("c", "interval: 13s, timeout: 1s")
	run := func(reload bool) (times map[string][]time.Duration) {
		f := newConfigFile(t, "checks:\n"+same+memoryCheck("changing", "interval: 5m"))
		synctest.Test(t, func(t *testing.T) {
			r := record(t, f.path)
			for i := range 60 {
				time.Sleep(10 * time.Second)
				if reload {
					f.write("checks:\n" + memoryCheck("changing", "interval: 5m, name: n"+strings.Repeat("x", i)) + same)
					require.NoError(t, r.Reload())
				}
			}
			synctest.Wait()
			times = r.times()
		})
		return times
	}
	undisturbed, disturbed := run(false), run(true)
	require.Greater(t, len(undisturbed["a"]), 80)
	for _, endpoint := range []string{"a", "b", "c"} {
		assert.Equal(t, undisturbed[endpoint], disturbed[endpoint], endpoint)
	}
	assert.GreaterOrEqual(t, len(disturbed["changing"]), 61, "a changed check runs at once")
	for i := range 60 {
		assert.Contains(t, disturbed["changing"], time.Duration(i+1)*10*time.Second)
	}
}

// TestReloadKeepsStreaks reloads between the failures that make a check FAIL together.
func TestReloadKeepsStreaks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := "checks:\n  - { endpoint: disk, interval: 1m, failure_threshold: 3, success_threshold: 2, filesystem: { path: '" + dir + "/x' } }\n"
	f := newConfigFile(t, yaml)
	require.NoError(t, os.Mkdir(dir+"/x", 0o700))
	synctest.Test(t, func(t *testing.T) {
		r := record(t, f.path)
		failing := func() bool {
			s, _ := r.Registry().Lookup("disk")
			return s.Failing()
		}
		minute := func() {
			time.Sleep(time.Minute)
			synctest.Wait()
			f.write(strings.Repeat("#\n", len(r.times()["disk"])) + yaml)
			require.NoError(t, r.Reload())
		}
		minute()
		require.NoError(t, os.Remove(dir+"/x"))
		minute()
		minute()
		assert.False(t, failing(), "two failures")
		minute()
		assert.True(t, failing(), "the third makes it FAIL")
		require.NoError(t, os.Mkdir(dir+"/x", 0o700))
		minute()
		assert.True(t, failing(), "one success")
		minute()
		assert.False(t, failing(), "the second makes it OK")
	})
}

// TestWatchLogsOnce leaves a bad file in place: it is told of once, not at every look.
func TestWatchLogsOnce(t *testing.T) {
	t.Parallel()
	good := "checks:\n" + memoryCheck("a", "interval: 1m")
	f := newConfigFile(t, good)
	synctest.Test(t, func(t *testing.T) {
		r := record(t, f.path, func(o *exporter.Options) { o.WatchInterval = 5 * time.Second })
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 1, strings.Count(r.logs.String(), "configuration read"), "nothing has changed")
		f.write("checks: [ { endpoint: a, interval: x }, { endpoint: b } ]")
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 3, strings.Count(r.logs.String(), "level=ERROR"), r.logs)
		require.NoError(t, os.Remove(f.path))
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 4, strings.Count(r.logs.String(), "level=ERROR"), r.logs)
		f.write(good)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2, strings.Count(r.logs.String(), "configuration read"))
	})
}

// TestHalfAFile writes a file slowly. Its first lines are valid, and must not be taken for all of it.
func TestHalfAFile(t *testing.T) {
	t.Parallel()
	old := "checks:\n" + memoryCheck("a", "interval: 1m") + memoryCheck("b", "interval: 1m")
	for interval, pause := range map[time.Duration]time.Duration{5 * time.Second: 5 * time.Second, time.Minute: 5 * time.Second, 2 * time.Second: 2 * time.Second} {
		f := newConfigFile(t, old)
		synctest.Test(t, func(t *testing.T) {
			signals := make(chan os.Signal)
			r := record(t, f.path, func(o *exporter.Options) { o.WatchInterval, o.ReloadRequests = interval, signals })
			count := func() int { return len(r.Registry().Snapshot().States) }
			text := "checks:\n"
			time.Sleep(interval - time.Millisecond)
			for i := range 5 { // before each look
				text += memoryCheck(fmt.Sprint("new", i), "interval: 1m")
				f.write(text)
				time.Sleep(pause)
				synctest.Wait()
				assert.Equal(t, 2, count(), "line %d, interval %s", i, interval)
			}
			time.Sleep(pause)
			synctest.Wait()
			assert.Equal(t, 5, count(), "seen twice")
			assert.Equal(t, 2, strings.Count(r.logs.String(), "configuration read"))

			f.write(text + "  - {")
			time.Sleep(interval)
			f.write(text)
			time.Sleep(time.Hour)
			synctest.Wait()
			assert.Equal(t, 2, strings.Count(r.logs.String(), "configuration read"), "nothing has changed")
			assert.NotContains(t, r.logs.String(), "level=ERROR")

			f.write(old)
			signals <- os.Interrupt
			synctest.Wait()
			assert.Equal(t, 2, count(), "whoever asks is answered at once")
		})
	}
}

// TestManyMistakes logs a bounded number of lines.
func TestManyMistakes(t *testing.T) {
	t.Parallel()
	f := newConfigFile(t, "checks: []\n")
	synctest.Test(t, func(t *testing.T) {
		r := record(t, f.path, func(o *exporter.Options) { o.WatchInterval = 5 * time.Second })
		f.write("checks:\n" + strings.Repeat("  - nonsense: 1\n", 500))
		time.Sleep(11 * time.Second)
		synctest.Wait()
		assert.Equal(t, 51, strings.Count(r.logs.String(), "level=ERROR"))
		assert.Contains(t, r.logs.String(), "configuration has more mistakes")
	})
}

// TestClosedReloadRequests would hang if the closed channel were asked for ever.
func TestClosedReloadRequests(t *testing.T) {
	t.Parallel()
	f := newConfigFile(t, "checks:\n"+memoryCheck("a", "interval: 1m"))
	synctest.Test(t, func(t *testing.T) {
		requests := make(chan os.Signal)
		r := record(t, f.path, func(o *exporter.Options) { o.ReloadRequests = requests })
		requests <- os.Interrupt
		close(requests)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 2, strings.Count(r.logs.String(), "configuration read"))
	})
}
