package healthcheck_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestSnapshotAfterManyChanges has checks come and go at random, looked at now and then, against a map.
func TestSnapshotAfterManyChanges(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		reg := &healthcheck.Registry{}
		want := make(map[string]string) // the name by endpoint
		for step := range 400 {
			var ch healthcheck.Changes
			endpoints := slices.Collect(maps.Keys(want))
			for range rng.IntN(1 + len(endpoints)/4) {
				if e := endpoints[rng.IntN(len(endpoints))]; want[e] != "" {
					ch.Unregister = append(ch.Unregister, e)
					delete(want, e)
				}
			}
			for range rng.IntN(6) {
				c := healthcheck.Check{Endpoint: fmt.Sprint(rng.IntN(60)), Name: fmt.Sprint(step, " ", rng.Int()), Func: alwaysOK}
				if want[c.Endpoint] == "" { // also one that has just gone
					want[c.Endpoint] = c.Name
					ch.Register = append(ch.Register, c)
				}
			}
			require.NoError(t, reg.Apply(ch))
			if rng.IntN(1+int(seed)) > 0 {
				continue
			}
			var got []string
			for _, s := range reg.Snapshot().States {
				got = append(got, s.Check.Endpoint)
				assert.Equal(t, want[s.Check.Endpoint], s.Check.Name)
			}
			require.Equal(t, slices.Sorted(maps.Keys(want)), got)
		}
	}
}

// BenchmarkApplyOne has one check go and another one come among many that a runner runs, as a discovery does. What is looked
// at between is as a scrape does, and is not part of the time where it says so.
func BenchmarkApplyOne(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		checks := many(n, "target-", func(context.Context, int) error { return nil })
		for i := range checks {
			checks[i].Interval = 24 * time.Hour
			checks[i].Labels = map[string]string{"zone": fmt.Sprint(i % 3)}
		}
		for _, look := range []bool{false, true} {
			name := fmt.Sprint(n)
			if look {
				name += " and a snapshot"
			}
			b.Run(name, func(b *testing.B) {
				reg := newRegistry(b, checks...)
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan error, 1)
				go func() { done <- (&healthcheck.Runner{Registry: reg}).Run(ctx) }()
				for !reg.Ready() {
					time.Sleep(10 * time.Millisecond)
				}
				var snap healthcheck.Snapshot
				reg.SnapshotInto(&snap)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					out, in := checks[i%n].Endpoint, checks[i%n]
					if other := out + "-again"; i/n%2 == 0 {
						in.Endpoint = other
					} else {
						out = other
					}
					if err := reg.Apply(healthcheck.Changes{Unregister: []string{out}, Register: []healthcheck.Check{in}}); err != nil {
						b.Fatal(err)
					}
					if look {
						reg.SnapshotInto(&snap)
					}
				}
				cancel()
				assert.NoError(b, <-done)
			})
		}
	}
}
