package collector_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
)

func TestNoCodingIsAcceptable(t *testing.T) {
	h := collector.Handler(collector.New(ranRegistry(t, 2)), collector.HandlerOptions{})
	for _, accept := range []string{"identity;q=0", "*;q=0", "*;Q=0.0", "br, identity;q=0", "gzip;q=0, zstd;q=0, identity;q=0"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, scrapeRequest(acceptText, accept))
		assert.Equal(t, http.StatusNotAcceptable, w.Code, accept)
		assert.Empty(t, w.Header().Get("Content-Encoding"), accept)
		assert.Equal(t, []string{"Accept", "Accept-Encoding"}, w.Header()["Vary"])
	}
}

// TestNamesThatLookAlikeShareNothing has names with what separates names.
func TestNamesThatLookAlikeShareNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(ranRegistry(t, 100)), collector.HandlerOptions{})
		ask := func(query string) *http.Request {
			req := scrapeRequest(acceptText, "")
			req.URL.RawQuery = query
			return req
		}
		for one, other := range map[string]string{
			"name[]=healthcheck_status&name[]=healthcheck_info": "name[]=healthcheck_status%0Ahealthcheck_info",
			"name[]=healthcheck_status%22+%22healthcheck_info":  "name[]=healthcheck_status&name[]=healthcheck_info",
			"name[]=healthcheck_status%2Chealthcheck_info":      "name[]=healthcheck_status&name[]=healthcheck_info",
			"name[]=": "",
			"name[]=healthcheck_status&name[]=&name[]=healthcheck_info":  "name[]=healthcheck_status%0A%0Ahealthcheck_info",
			"name[]=%5Bhealthcheck_status%5D&name[]=healthcheck_runs%5C": "name[]=healthcheck_status",
		} {
			c := newClient(h, ask(one))
			during := httptest.NewRecorder()
			h.ServeHTTP(during, ask(other))
			close(c.may)
			<-c.done
			alone := httptest.NewRecorder()
			h.ServeHTTP(alone, ask(other))
			assert.Equal(t, alone.Body.String(), during.Body.String(), "%s beside %s", other, one)
		}
	})
}

// brokenFamilies is a gatherer with a family that cannot be encoded.
var brokenFamilies = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
	name := "broken"
	return []*dto.MetricFamily{{Name: &name, Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{}}}}, nil
})

// TestFamilyThatCannotBeEncoded must not look like an answer that is whole.
func TestFamilyThatCannotBeEncoded(t *testing.T) {
	for name, tt := range map[string]struct {
		checks int
		coding string
		begins bool // more than a page is sent before
	}{
		"at once":         {checks: 1},
		"at once, gzip":   {checks: 1, coding: "gzip"},
		"behind a page":   {checks: 2000, begins: true},
		"behind it, gzip": {checks: 8000, coding: "gzip", begins: true},
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			h := collector.Handler(collector.New(large(tt.checks)), collector.HandlerOptions{
				Others: brokenFamilies, Logger: slog.New(slog.NewTextHandler(&logged, nil)),
			})
			s := httptest.NewUnstartedServer(h)
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			s.Start()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
			require.NoError(t, err)
			req.Header.Set("Accept-Encoding", tt.coding)
			res, err := http.DefaultTransport.RoundTrip(req)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, res.Body.Close())
			s.Close()
			if tt.begins {
				assert.Equal(t, http.StatusOK, res.StatusCode)
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			} else {
				assert.Equal(t, http.StatusInternalServerError, res.StatusCode)
				require.NoError(t, err)
				assert.Contains(t, string(body), "encode broken: ")
				assert.Empty(t, res.Header.Get("Content-Encoding"))
			}
			assert.Contains(t, logged.String(), `level=ERROR msg="metrics cannot be encoded" err="encode broken: `)
		})
	}
}

// TestClientThatGoesIsNoError is no fault of ours, and no more than a debug line.
func TestClientThatGoesIsNoError(t *testing.T) {
	var logged bytes.Buffer
	h := collector.Handler(collector.New(ranRegistry(t, 2)), collector.HandlerOptions{
		Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	assert.NotPanics(t, func() { h.ServeHTTP(failingWriter{http.Header{}}, scrapeRequest(acceptText, "")) })
	assert.Contains(t, logged.String(), "level=DEBUG")
	assert.NotContains(t, logged.String(), "level=ERROR")
}

type failingWriter struct{ header http.Header }

func (w failingWriter) Header() http.Header       { return w.header }
func (w failingWriter) WriteHeader(int)           {}
func (w failingWriter) Write([]byte) (int, error) { return 0, errors.New("connection reset") }
