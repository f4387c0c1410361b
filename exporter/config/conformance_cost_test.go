package config_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// maxIdle is how much memory a check between two runs may hold, its connection aside, in bytes.
const maxIdle = 4096

// TestKindsAreSmall: a check that has run and waits for its next run holds little.
func TestKindsAreSmall(t *testing.T) {
	eachKind(t, "size", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		if size := idleSize(t, k, c.fine(t)[0]); size > maxIdle {
			problems = append(problems, fmt.Sprintf("%d bytes a check", size))
		}
		return problems
	})
}

// idleSize returns how many bytes one of many checks holds after its first run.
func idleSize(tb testing.TB, k config.Kind, cfg any) int {
	tb.Helper()
	const many = 100
	checks := make([]healthcheck.Checker, 0, many+1)
	add := func() {
		checker, err := k.New(cfg)
		require.NoError(tb, err)
		ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
		defer cancel()
		r := checker.Check(ctx)
		require.False(tb, r.Failed(), r.Details)
		checks = append(checks, checker)
	}
	add() // what all checks of the kind share
	before := liveHeap()
	for range many {
		add()
	}
	size := (liveHeap() - before) / many
	for _, checker := range checks {
		if closer, ok := checker.(io.Closer); ok {
			assert.NoError(tb, closer.Close())
		}
	}
	return max(size, 0)
}

// liveHeap returns the size of what is reachable. Pools and finalizers take two collections.
func liveHeap() int {
	for range 3 {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// BenchmarkKinds runs a healthy check of each kind. The peer is in the same process, and its time is counted.
func BenchmarkKinds(b *testing.B) {
	kinds := config.Kinds()
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		c, k := conformers[name], kinds[name]
		b.Run(name, func(b *testing.B) {
			cfg := c.fine(b)[0]
			checker, err := k.New(cfg)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
				r := checker.Check(ctx)
				cancel()
				if r.Failed() {
					b.Fatal(r.Details)
				}
			}
			if closer, ok := checker.(io.Closer); ok {
				assert.NoError(b, closer.Close())
			}
			b.ReportMetric(float64(idleSize(b, k, cfg)), "idle-B/check")
		})
	}
}
