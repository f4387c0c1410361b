package page

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// BenchmarkPage renders the first page of many checks, a third of which fail.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{500, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			checks := make([]healthcheck.Check, n)
			for i := range checks {
				checks[i] = healthcheck.Check{Endpoint: fmt.Sprintf("node-%06d", i), Target: "http://10.0.0.1/health", Func: succeed}
				if i%3 == 0 {
					checks[i].Func = refuse
				}
			}
			reg := pageRegistry(b, checks...)
			for range 4 {
				reg.Run(b.Context())
			}
			h := New(reg, Info{})
			b.ReportAllocs()
			for b.Loop() {
				getPage(b, h, "/")
			}
		})
	}
}

// fixedChecks are states that no registry has come to.
type fixedChecks struct{ states []healthcheck.State }

func (f fixedChecks) Snapshot() healthcheck.Snapshot {
	return healthcheck.Snapshot{States: f.states, Level: healthcheck.FAIL}
}

func (f fixedChecks) History(string) []healthcheck.Outcome {
	return []healthcheck.Outcome{{Start: time.Now(), Result: healthcheck.FAIL, Details: "from the history"}}
}

func TestPageOfFixedStates(t *testing.T) {
	h := New(fixedChecks{[]healthcheck.State{healthcheck.NewState(healthcheck.Facts{
		Check: healthcheck.Check{Endpoint: "fixed", Target: "somewhere"}, Level: healthcheck.FAIL, Failed: 1,
		Last: healthcheck.Outcome{Start: time.Now().Add(-time.Second), Result: healthcheck.FAIL, Reason: healthcheck.ReasonBody, Details: "from the state"},
	})}}, Info{})
	body := getPage(t, h, "/")
	for _, text := range []string{"fixed", "somewhere", "from the state", "from the history"} {
		assert.Contains(t, body, text)
	}
}
