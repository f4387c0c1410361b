package collector_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// slowGatherer takes its time.
type slowGatherer struct{ d time.Duration }

func (s slowGatherer) Gather() ([]*dto.MetricFamily, error) {
	time.Sleep(s.d)
	return nil, nil
}

// TestSlowOthersHoldUpNobody has scrapes that have nothing to share, of other people's metrics that take long: each takes as
// long as they do, not one after the other.
func TestSlowOthersHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &healthcheck.Registry{}
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Func: func(context.Context) error { return nil }}))
		reg.Run(t.Context())
		h := collector.Handler(collector.New(reg), collector.HandlerOptions{Others: slowGatherer{4 * time.Second}})
		began := time.Now()
		var scrapes sync.WaitGroup
		for i := range 5 {
			scrapes.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprint("/metrics?name[]=", i), http.NoBody))
				assert.Equal(t, http.StatusOK, w.Code)
				assert.Equal(t, 4*time.Second, time.Since(began))
			})
		}
		scrapes.Wait()
	})
}
