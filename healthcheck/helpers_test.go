package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

var errBroken = errors.New("broken")

// checkerFunc is a Checker that says more than OK or not.
type checkerFunc func(ctx context.Context) healthcheck.Result

func (f checkerFunc) Check(ctx context.Context) healthcheck.Result { return f(ctx) }

func alwaysOK(context.Context) error { return nil }

// newRegistry returns a registry of the given checks. Those without a function are always OK.
func newRegistry(t testing.TB, checks ...healthcheck.Check) *healthcheck.Registry {
	t.Helper()
	reg := &healthcheck.Registry{}
	require.NoError(t, reg.Apply(healthcheck.Changes{Register: filled(checks)}))
	return reg
}

func filled(checks []healthcheck.Check) []healthcheck.Check {
	for i := range checks {
		if checks[i].Func == nil && checks[i].Checker == nil {
			checks[i].Func = alwaysOK
		}
	}
	return checks
}

// many returns n checks named prefix0, prefix1, ... that call f with their number.
func many(n int, prefix string, f func(ctx context.Context, i int) error) []healthcheck.Check {
	checks := make([]healthcheck.Check, n)
	for i := range checks {
		checks[i] = healthcheck.Check{
			Endpoint: fmt.Sprintf("%s%d", prefix, i),
			Func:     func(ctx context.Context) error { return f(ctx, i) },
		}
	}
	return checks
}

// start runs r until the returned function is called, which waits for Run to return, or the test ends. It must be
// called in a synctest bubble, and returns when what is due at once has been begun.
func start(t *testing.T, r *healthcheck.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	t.Cleanup(func() {
		stop()
		time.Sleep(time.Hour) // what was left behind ends
	})
	synctest.Wait()
	return stop
}

// startRegistry starts a runner with an interval of ten seconds.
func startRegistry(t *testing.T, reg *healthcheck.Registry) (stop func()) {
	t.Helper()
	return start(t, &healthcheck.Runner{Registry: reg, Interval: 10 * time.Second})
}

// pass lets virtual time pass and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// trace records when something happened.
type trace struct {
	mu    sync.Mutex
	times []time.Time
}

func (tr *trace) mark() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.times = append(tr.times, time.Now())
}

func (tr *trace) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.times)
}

// since returns the times as distances from start.
func (tr *trace) since(start time.Time) []time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	list := make([]time.Duration, len(tr.times))
	for i, at := range tr.times {
		list[i] = at.Sub(start)
	}
	return list
}

// traced returns a check that marks tr and is OK.
func traced(tr *trace) healthcheck.CheckFunc {
	return func(context.Context) error {
		tr.mark()
		return nil
	}
}

// hanging returns a check that ignores its context until release is called; the test releases it at the latest.
func hanging(t *testing.T) (check healthcheck.CheckFunc, release func()) {
	t.Helper()
	ch := make(chan struct{})
	release = sync.OnceFunc(func() { close(ch) })
	t.Cleanup(release)
	return func(context.Context) error {
		<-ch
		return nil
	}, release
}

func lookup(t testing.TB, reg *healthcheck.Registry, endpoint string) *healthcheck.State {
	t.Helper()
	s, ok := reg.Lookup(endpoint)
	require.True(t, ok, "endpoint %s", endpoint)
	return &s
}

func reasonOf(s *healthcheck.State) healthcheck.Reason {
	reason, _ := s.LastFailure()
	return reason
}

func detailsOf(s *healthcheck.State) string {
	_, details := s.LastFailure()
	return details
}

// runs returns the total number of recorded runs.
func runs(s *healthcheck.State) uint64 {
	ok, failed := s.Runs()
	return ok + failed
}

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// oneHandler serves /status/{endpoint}.
func oneHandler(reg *healthcheck.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/status/{endpoint}", healthcheck.CheckHandler(reg))
	return mux
}

// levelOf is for calls of Registry.Run that nothing cuts short.
func levelOf(level healthcheck.StatusLevel, _ error) healthcheck.StatusLevel { return level }
