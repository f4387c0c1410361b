package discovery_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns a spec from the keys of a check.
func parse(t testing.TB, name, text string) discovery.Spec {
	t.Helper()
	var s struct {
		Targets    []discovery.Config `yaml:"targets"`
		Relabel    []*relabel.Config  `yaml:"relabel"`
		MaxTargets int                `yaml:"max_targets"`
	}
	require.NoError(t, yaml.Load([]byte(text), &s, yaml.WithKnownFields()))
	return discovery.Spec{Check: name, Sources: s.Targets, Relabel: s.Relabel, MaxTargets: s.MaxTargets}
}

// running is a manager that runs, and what it has told.
type running struct {
	*discovery.Manager
	t   testing.TB
	log bytes.Buffer // read when all is still

	mu      sync.Mutex
	changes []discovery.Change
}

// run runs a manager in a bubble until the test ends.
func run(t testing.TB, specs ...discovery.Spec) *running {
	t.Helper()
	r := &running{t: t}
	r.Manager = discovery.NewManager(discovery.Options{
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Changed: func(changes []discovery.Change) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changes = append(r.changes, changes...)
		},
	})
	require.NoError(t, r.Apply(specs))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return r
}

// take returns the changes since the last call.
func (r *running) take() []discovery.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes := r.changes
	r.changes = nil
	return changes
}

// after lets time pass, and returns what was told.
func (r *running) after(d time.Duration) []discovery.Change {
	time.Sleep(d)
	synctest.Wait()
	return r.take()
}

func (r *running) addresses(check string) []string {
	addresses := []string{}
	for _, t := range r.Targets(check) {
		addresses = append(addresses, t.Address)
	}
	slices.Sort(addresses)
	return addresses
}

// ids returns the IDs by address.
func (r *running) ids(check string) map[string]uint64 {
	ids := make(map[string]uint64)
	for _, t := range r.Targets(check) {
		ids[t.Address] = t.ID
	}
	return ids
}

func write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+"~", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+"~", path))
}
