package collector_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// slowClient is a response that takes nothing until it may, each part at a time.
type slowClient struct {
	header http.Header
	may    chan struct{}
	got    bytes.Buffer
}

func (c *slowClient) Header() http.Header { return c.header }
func (c *slowClient) WriteHeader(int)     {}
func (c *slowClient) Write(p []byte) (int, error) {
	<-c.may
	return c.got.Write(p)
}

// scrapeSlowly begins a scrape whose client takes nothing until the returned function is called, which returns the body.
func scrapeSlowly(h http.Handler, accept, encoding string) (finish func() []byte) {
	c := &slowClient{header: http.Header{}, may: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(c, scrapeRequest(accept, encoding))
	}()
	synctest.Wait()
	return func() []byte {
		close(c.may)
		<-done
		return c.got.Bytes()
	}
}

func scrapeRequest(accept, encoding string) *http.Request {
	req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", encoding)
	return req
}

func scrapeNow(h http.Handler, accept, encoding string) []byte {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, scrapeRequest(accept, encoding))
	return w.Body.Bytes()
}

// counting counts how often it is gathered, which is once a rendering.
func counting(n *atomic.Int64) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		n.Add(1)
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gathered", Help: "How often."})
		g.Set(float64(n.Load()))
		r := prometheus.NewRegistry()
		r.MustRegister(g)
		return r.Gather()
	})
}

func TestOverlappingScrapesShareARendering(t *testing.T) {
	const kept = 9 * 64 << 10 // more than is kept for a slow client
	for _, test := range []struct {
		name, accept, encoding string
		checks, least          int
	}{
		{"text", acceptText, "", 10, 0},
		{"text with gzip", acceptText, "gzip", 10, 0},
		{"OpenMetrics with zstd", acceptOpenMetrics, "zstd", 10, 0},
		{"protobuf with gzip", acceptProto, "gzip", 10, 0},
		{"text, falls behind", acceptText, "", 1000, kept},
		{"OpenMetrics, falls behind", acceptOpenMetrics, "", 1000, kept},
		{"protobuf, falls behind", acceptProto, "", 1000, kept},
		{"text with gzip, falls behind", acceptText, "gzip", 15_000, kept},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gathered atomic.Int64
				h := collector.Handler(collector.New(ranRegistry(t, test.checks)), collector.HandlerOptions{Others: counting(&gathered)})
				first := scrapeSlowly(h, test.accept, test.encoding)
				second := scrapeSlowly(h, test.accept, test.encoding)
				third := scrapeNow(h, test.accept, test.encoding)
				require.Greater(t, len(third), test.least, "it waits for nobody")
				assert.True(t, bytes.Equal(third, first()))
				assert.True(t, bytes.Equal(third, second()))
				assert.Equal(t, int64(1), gathered.Load())
				scrapeNow(h, test.accept, test.encoding)
				assert.Equal(t, int64(2), gathered.Load(), "they no longer overlap")
			})
		})
	}
}

func TestScrapesThatDifferShareNothing(t *testing.T) {
	flip := func(t *testing.T, reg *healthcheck.Registry) {
		t.Helper()
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "check-000001", Func: func(context.Context) error { return errors.New("broken") }}))
		s, err := reg.RunCheck(t.Context(), "check-000001")
		require.NoError(t, err)
		require.True(t, s.Failing())
	}
	for name, between := range map[string]func(t *testing.T, reg *healthcheck.Registry){
		"later":         func(*testing.T, *healthcheck.Registry) { time.Sleep(200 * time.Millisecond) },
		"state changed": flip,
		"check added": func(t *testing.T, reg *healthcheck.Registry) {
			t.Helper()
			require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "new", Func: func(context.Context) error { return nil }}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gathered atomic.Int64
				reg := ranRegistry(t, 100)
				h := collector.Handler(collector.New(reg), collector.HandlerOptions{Others: counting(&gathered)})
				first := scrapeSlowly(h, acceptText, "")
				between(t, reg)
				second := scrapeNow(h, acceptText, "")
				assert.Equal(t, int64(2), gathered.Load())
				assert.Equal(t, name != "later", !bytes.Equal(ofChecks(first()), ofChecks(second)))
			})
		})
	}
	t.Run("format, coding, names", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var gathered atomic.Int64
			h := collector.Handler(collector.New(ranRegistry(t, 100)), collector.HandlerOptions{Others: counting(&gathered)})
			first := scrapeSlowly(h, acceptText, "")
			scrapeNow(h, acceptProto, "")
			scrapeNow(h, acceptText, "gzip")
			req := scrapeRequest(acceptText, "")
			req.URL.RawQuery = "name[]=healthcheck_status"
			h.ServeHTTP(httptest.NewRecorder(), req)
			assert.Equal(t, int64(4), gathered.Load())
			first()
		})
	})
}

// ofChecks returns the part of a body that is not about the whole.
func ofChecks(body []byte) []byte {
	before, _, _ := bytes.Cut(body, []byte("# HELP "+timeSeries))
	return before
}

// TestScrapeAfterAPanic has a gatherer that panics, which net/http survives: later scrapes must as well.
func TestScrapeAfterAPanic(t *testing.T) {
	bad := true
	h := collector.Handler(collector.New(ranRegistry(t, 10)), collector.HandlerOptions{Others: prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if bad {
			panic("broken")
		}
		return nil, nil
	})})
	assert.Panics(t, func() { scrapeNow(h, acceptText, "") })
	bad = false
	assert.Contains(t, string(scrapeNow(h, acceptText, "")), "healthcheck_status{")
}
