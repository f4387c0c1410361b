package healthcheck_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestRegistrationRunsTheCheckOnce registers checks while they run periodically: by itself and by the periodic loop, the new
// check is run once, and has run when the registration returns.
func TestRegistrationRunsTheCheckOnce(t *testing.T) {
	for name, takes := range map[string]time.Duration{"quick": 0, "slow": 3 * time.Second} {
		for call, add := range map[string]func(string, string, healthcheck.CheckStatus) (string, error){
			"RegisterHealthcheck": healthcheck.RegisterHealthcheck, "RegisterOrUpdateHealthcheck": healthcheck.RegisterOrUpdateHealthcheck,
		} {
			t.Run(name+" "+call, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					healthcheck.Isolate(t)
					healthcheck.SetStatusConfig(&healthcheck.StatusConfiguration{HealthCheckInterval: 24 * time.Hour})
					healthcheck.StartPeriodicHealthCheck()
					pass(time.Minute)
					var wg sync.WaitGroup
					for i := range 200 {
						wg.Go(func() {
							var runs atomic.Int64
							endpoint := fmt.Sprintf("c%d", i)
							_, err := add(endpoint, endpoint, func(string) *healthcheck.Status {
								runs.Add(1)
								time.Sleep(takes)
								return &healthcheck.Status{Result: healthcheck.OK}
							})
							assert.NoError(t, err)
							assert.Equal(t, healthcheck.OK, healthcheck.GetStatus(endpoint))
							time.Sleep(time.Minute)
							assert.EqualValues(t, 1, runs.Load(), endpoint)
						})
					}
					wg.Wait()
				})
			})
		}
	}
}

// TestUpdateKeepsTheSchedule has reloads of some checks or all, with and without another interval, at any time: no check is
// ever without a run for longer than its interval, and none runs more than twice at once, when it is due and is updated.
func TestUpdateKeepsTheSchedule(t *testing.T) {
	for _, n := range []int{1, 20, 200} { // at once, and spread over a while
		for name, intervals := range map[string][]time.Duration{
			"same":    {10 * time.Second},
			"changed": {10 * time.Second, 7 * time.Second, time.Second},
			"long":    {5 * time.Minute, 2 * time.Minute},
		} {
			t.Run(fmt.Sprint(n, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(n), 1))
					longest := slices.Max(intervals)
					var traces [200]trace
					checks := func() []healthcheck.Check {
						list := many(n, "c", func(_ context.Context, i int) error { traces[i].mark(); return nil })
						for i := range list {
							list[i].Interval = intervals[rng.IntN(len(intervals))]
						}
						return list
					}
					reg := newRegistry(t, checks()...)
					began := time.Now()
					startRegistry(t, reg)
					pass(2 * longest)
					for range 300 {
						list := checks()
						rng.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
						require.NoError(t, reg.Apply(healthcheck.Changes{Update: list[:1+rng.IntN(n)]}))
						pass(time.Duration(rng.Int64N(int64(longest / 4))).Round(time.Duration(1+rng.Int64N(2)) * healthcheck.MinInterval / 2))
					}
					pass(longest)
					end := time.Since(began)
					for i := range n {
						times := append(traces[i].since(began), end)
						for at := range len(times) - 1 {
							assert.LessOrEqual(t, times[at+1]-times[at], longest+healthcheck.MinInterval, "a gap")
							if at+3 < len(times) {
								assert.Positive(t, times[at+2]-times[at], "three runs at once")
							}
						}
					}
				})
			})
		}
	}
}
