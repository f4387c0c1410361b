package healthcheck_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestAfterFuncsOfOneRun has a run register many functions and take off most, in several orders. What is left is called
// when the run ends, each once.
func TestAfterFuncsOfOneRun(t *testing.T) {
	const n = 200
	for name, order := range map[string]func([]int){
		"first first": func([]int) {},
		"last first":  func(s []int) { slices.Reverse(s) },
		"any": func(s []int) {
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var called [n]atomic.Int64
				var stops []func() bool
				off := make([]int, n)
				for i := range off {
					off[i] = i
				}
				order(off)
				off = off[:n-20]
				reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
					for i := range n {
						stops = append(stops, context.AfterFunc(ctx, func() { called[i].Add(1) }))
					}
					for _, i := range off {
						assert.True(t, stops[i](), "it had not begun")
						assert.False(t, stops[i](), "and is off now")
					}
					return nil
				}})
				_, err := reg.RunCheck(t.Context(), "a")
				require.NoError(t, err)
				synctest.Wait()
				for i := range n {
					want := int64(1)
					if slices.Contains(off, i) {
						want = 0
					}
					assert.Equal(t, want, called[i].Load(), "function %d", i)
					assert.False(t, stops[i](), "it is too late")
				}
			})
		})
	}
}

// BenchmarkAfterFunc registers functions on the context of one run and takes them off, the first one first. What one costs
// must not depend on how many there are.
func BenchmarkAfterFunc(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			stops := make([]func() bool, n)
			reg := newRegistry(b, healthcheck.Check{Endpoint: "a", Interval: 24 * time.Hour, Func: func(ctx context.Context) error {
				for b.Loop() {
					for i := range stops {
						stops[i] = context.AfterFunc(ctx, func() {})
					}
					for _, stop := range stops {
						stop()
					}
				}
				return nil
			}})
			_, err := reg.RunCheck(b.Context(), "a")
			require.NoError(b, err)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/func")
		})
	}
}
