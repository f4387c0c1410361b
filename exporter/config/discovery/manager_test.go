package discovery_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
)

const gather = discovery.DefaultGather

// seenBy is how long a change of a file takes to be known: the look that sees it, and the one that sees the same.
const seenBy = 7 * time.Second

func list(addresses ...string) string {
	return `[{"targets":["` + strings.Join(addresses, `","`) + `"]}]`
}

func fileSpec(t testing.TB, name, path, more string) discovery.Spec {
	t.Helper()
	return parse(t, name, "targets: [{file: {files: ['"+path+"']}}]\n"+more)
}

func TestStaticAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := parse(t, "web", `
targets:
  - static: [b.example.com:443, {address: "a.example.com:443", labels: {zone: a, __meta_x: y}}, c]
  - static: [c]
relabel:
  - {source_labels: [__meta_x], target_label: x}
`)
		r := run(t, s)
		synctest.Wait()
		changes := r.take()
		require.Len(t, changes, 1)
		want := []discovery.Target{
			{ID: 1, Address: "a.example.com:443", Labels: map[string]string{"zone": "a", "x": "y"}},
			{ID: 2, Address: "b.example.com:443", Labels: map[string]string{}},
			{ID: 3, Address: "c", Labels: map[string]string{}},
		}
		assert.Equal(t, discovery.Change{Check: "web", Added: want}, changes[0])
		assert.Equal(t, want, r.Targets("web"))
		require.NoError(t, r.Wait(t.Context()))
		assert.Empty(t, r.after(time.Hour))
		static := s.Static()
		assert.Equal(t, []string{"b.example.com:443", "a.example.com:443", "c"}, []string{static[0].Address, static[1].Address, static[2].Address})
	})
}

// TestOnlyWhatChanges: the order of a list is nothing, labels that change keep the ID, and so does what goes to another
// file within the time of gathering.
func TestOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.json")
		write(t, path, list("a:1", "b:1", "c:1"))
		r := run(t, fileSpec(t, "web", filepath.Join(dir, "*.json"), ""))
		assert.Len(t, r.after(seenBy)[0].Added, 3)
		ids := r.ids("web")

		write(t, path, list("c:1", "a:1", "b:1"))
		assert.Empty(t, r.after(seenBy+gather))

		write(t, path, `[{"targets":["b:1"],"labels":{"zone":"x"}},{"targets":["c:1","a:1"]}]`)
		changes := r.after(seenBy + gather)
		require.Len(t, changes, 1)
		assert.Equal(t, discovery.Change{
			Check: "web", Changed: []discovery.Target{{ID: ids["b:1"], Address: "b:1", Labels: map[string]string{"zone": "x"}}},
		}, changes[0])

		write(t, path, list("c:1"))
		write(t, filepath.Join(dir, "b.json"), list("a:1", "d:1"))
		changes = r.after(seenBy + gather)
		require.Len(t, changes, 1)
		assert.Equal(t, []discovery.Target{{ID: 4, Address: "d:1", Labels: map[string]string{}}}, changes[0].Added)
		assert.Equal(t, []discovery.Target{{ID: ids["b:1"], Address: "b:1", Labels: map[string]string{"zone": "x"}}}, changes[0].Removed)
		assert.Empty(t, changes[0].Changed)
		assert.Equal(t, ids["a:1"], r.ids("web")["a:1"])
	})
}

// TestChangesAreGathered: what comes and goes again within the time is nothing.
func TestChangesAreGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a.json"), list("a:1"))
		r := run(t, discovery.Spec{Check: "web", Sources: fileSpec(t, "", filepath.Join(dir, "*.json"), "").Sources})
		r.after(seenBy)
		for i := range 3 {
			write(t, filepath.Join(dir, fmt.Sprintf("%d.json", i)), list(fmt.Sprintf("n%d:1", i)))
		}
		changes := r.after(seenBy + gather)
		require.Len(t, changes, 1)
		assert.Len(t, changes[0].Added, 3)
	})
}

// TestRandomLists compares what a receiver was told with what is there, whatever the lists.
func TestRandomLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		rng := rand.New(rand.NewPCG(1, 2))
		spec := fileSpec(t, "web", filepath.Join(dir, "*.json"), "max_targets: 12\nrelabel: [{source_labels: [drop], action: drop, regex: \"true\"}]")
		r := run(t, spec)
		known := make(map[uint64]discovery.Target)
		for range 60 {
			want := make(map[string]bool)
			for n := range 3 {
				var groups []map[string]any
				for range rng.IntN(10) {
					address := fmt.Sprintf("h%02d:1", rng.IntN(20))
					labels := map[string]string{"v": fmt.Sprint(rng.IntN(2))}
					if rng.IntN(4) == 0 {
						labels["drop"] = "true"
					} else {
						want[address+" "+labels["v"]] = true
					}
					groups = append(groups, map[string]any{"targets": []string{address}, "labels": labels})
				}
				if groups == nil {
					groups = []map[string]any{}
				}
				data, err := json.Marshal(groups)
				require.NoError(t, err)
				write(t, filepath.Join(dir, fmt.Sprintf("%d.json", n)), string(data))
			}
			for _, c := range r.after(seenBy + 2*gather) {
				for _, target := range c.Removed {
					require.Equal(t, target, known[target.ID])
					delete(known, target.ID)
				}
				for _, target := range c.Changed {
					require.Equal(t, target.Address, known[target.ID].Address)
					require.NotEqual(t, target, known[target.ID])
					known[target.ID] = target
				}
				for _, target := range c.Added {
					require.NotContains(t, known, target.ID)
					known[target.ID] = target
				}
			}
			got := make(map[string]bool)
			for _, target := range known {
				got[target.Address+" "+target.Labels["v"]] = true
			}
			require.Len(t, known, min(len(want), 12))
			for key := range got {
				require.Contains(t, want, key)
			}
			stats := r.Stats()[0]
			assert.Equal(t, max(len(want)-12, 0), stats.Dropped)
		}
	})
}

func TestMaxTargets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.json")
		write(t, path, list("d:1", "b:1", "c:1"))
		r := run(t, fileSpec(t, "web", path, "max_targets: 2"))
		r.after(seenBy)
		assert.Equal(t, []string{"b:1", "c:1"}, r.addresses("web"))
		assert.Equal(t, 1, strings.Count(r.log.String(), "more targets than max_targets"))
		write(t, path, list("a:1", "d:1", "b:1", "c:1"))
		r.after(seenBy + gather)
		assert.Equal(t, []string{"a:1", "b:1"}, r.addresses("web"))
		assert.Equal(t, 2, strings.Count(r.log.String(), "more targets than max_targets"))
		assert.Equal(t, 2, r.Stats()[0].Dropped)
		r.Refused("web", map[int]int{0: 3})
		assert.Equal(t, 5, r.Stats()[0].Dropped)
		write(t, path, list("d:1"))
		r.after(seenBy + gather)
		assert.Equal(t, []string{"d:1"}, r.addresses("web"))
		assert.Contains(t, r.log.String(), "no more targets than max_targets again")
	})
}

// TestReload: a source that is configured as before is not asked again; one that is new is waited for before its
// predecessor's targets go; relabelling that changes is done at once.
func TestReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
		write(t, a, list("a:1", "x:1"))
		r := run(t, fileSpec(t, "web", a, ""), fileSpec(t, "other", a, ""))
		r.after(seenBy)
		ids := r.ids("web")
		success := r.Stats()[0].LastSuccess

		require.NoError(t, r.Apply([]discovery.Spec{fileSpec(t, "web", a, "")}))
		assert.Equal(t, success, r.Stats()[0].LastSuccess)
		assert.Empty(t, r.after(time.Millisecond))
		assert.Equal(t, ids, r.ids("web"))
		assert.Empty(t, r.Targets("other"))

		require.NoError(t, r.Apply([]discovery.Spec{fileSpec(t, "web", a, "relabel: [{target_label: team, replacement: blue}]")}))
		changes := r.after(time.Millisecond)
		require.Len(t, changes, 1)
		assert.Len(t, changes[0].Changed, 2)
		assert.Empty(t, changes[0].Added)
		assert.Equal(t, ids, r.ids("web"))
		assert.Equal(t, success, r.Stats()[0].LastSuccess)

		require.NoError(t, r.Apply([]discovery.Spec{fileSpec(t, "web", b, "relabel: [{target_label: team, replacement: blue}]")}))
		assert.Empty(t, r.after(time.Minute), "a file that is not there yet says nothing of other targets")
		assert.Equal(t, ids, r.ids("web"))
		write(t, b, list("a:1", "y:1"))
		changes = r.after(seenBy + gather)
		require.NotEmpty(t, changes)
		assert.Equal(t, []string{"a:1", "y:1"}, r.addresses("web"))
		assert.Equal(t, ids["a:1"], r.ids("web")["a:1"])

		require.NoError(t, r.Apply(nil))
		assert.Empty(t, r.after(time.Minute))
		assert.Empty(t, r.Stats())
	})
}

// TestFailureIsSaidOnce: and again after an hour, and its end.
func TestFailureIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.json")
		write(t, path, list("a:1"))
		r := run(t, fileSpec(t, "web", path, ""))
		r.after(seenBy)
		write(t, path, "[{")
		assert.Empty(t, r.after(50*time.Minute))
		assert.Equal(t, []string{"a:1"}, r.addresses("web"))
		assert.Equal(t, 1, strings.Count(r.log.String(), "discovery failed"))
		assert.Contains(t, r.log.String(), `check=web source=file[0]`)
		assert.Greater(t, r.Stats()[0].Failures, uint64(100))
		r.after(20 * time.Minute)
		assert.Equal(t, 2, strings.Count(r.log.String(), "discovery failed"))
		write(t, path, list("b:1"))
		r.after(seenBy + gather)
		assert.Equal(t, []string{"b:1"}, r.addresses("web"))
		assert.Equal(t, 1, strings.Count(r.log.String(), "discovery works again"))
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.json")
		write(t, path, list("a:1", "b:1"))
		r := run(t, parse(t, "web-${target.host}", "targets: [{static: [x]}, {file: {files: ['"+path+"']}}, {file: {files: [/nowhere/a.json]}}]\nmax_targets: 2"))
		r.after(3 * time.Second)
		require.NoError(t, testutil.CollectAndCompare(r.Collector(), strings.NewReader(`
# HELP healthcheck_exporter_discovery_dropped_targets Number of targets of a source that are no checks: beyond max_targets, or with an endpoint that is taken.
# TYPE healthcheck_exporter_discovery_dropped_targets gauge
healthcheck_exporter_discovery_dropped_targets{check="web-${target.host}",source="file[1]"} 0
healthcheck_exporter_discovery_dropped_targets{check="web-${target.host}",source="file[2]"} 0
healthcheck_exporter_discovery_dropped_targets{check="web-${target.host}",source="static[0]"} 1
# HELP healthcheck_exporter_discovery_failures_total Number of answers of a source that could not be read, or not be believed.
# TYPE healthcheck_exporter_discovery_failures_total counter
healthcheck_exporter_discovery_failures_total{check="web-${target.host}",source="file[1]"} 0
healthcheck_exporter_discovery_failures_total{check="web-${target.host}",source="file[2]"} 1
# HELP healthcheck_exporter_discovery_last_success_timestamp_seconds When a source last had everything.
# TYPE healthcheck_exporter_discovery_last_success_timestamp_seconds gauge
healthcheck_exporter_discovery_last_success_timestamp_seconds{check="web-${target.host}",source="file[1]"} 9.46684801e+08
# HELP healthcheck_exporter_discovery_targets Number of targets that a source has, after relabelling.
# TYPE healthcheck_exporter_discovery_targets gauge
healthcheck_exporter_discovery_targets{check="web-${target.host}",source="file[1]"} 2
healthcheck_exporter_discovery_targets{check="web-${target.host}",source="file[2]"} 0
healthcheck_exporter_discovery_targets{check="web-${target.host}",source="static[0]"} 1
`)))
		problems, err := testutil.CollectAndLint(r.Collector())
		require.NoError(t, err)
		assert.Empty(t, problems)
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.json")
		require.NoError(t, os.WriteFile(path, []byte(list("a:1")), 0o600))
		found, stats, err := discovery.Find(t.Context(), []discovery.Spec{fileSpec(t, "web", path, "")}, discovery.Options{})
		require.NoError(t, err)
		assert.Equal(t, "a", found["web"][0].Host())
		assert.Len(t, stats, 1)
	})
}
