package exporter_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	acceptText        = "text/plain;version=0.0.4"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptProtobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	// acceptPrometheus is what a server with native histograms sends.
	acceptPrometheus = acceptProtobuf + ";q=0.6," + acceptOpenMetrics + ";escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"
)

// ownFamilies are what the exporter shows of itself, with a sample of the usual families of every client.
var ownFamilies = []string{
	"healthcheck_exporter_build_info",
	"healthcheck_exporter_config_last_reload_successful",
	"healthcheck_exporter_config_last_reload_success_timestamp_seconds",
	"go_goroutines", "go_info", "process_start_time_seconds", "process_open_fds",
	"promhttp_metric_handler_requests_total", "promhttp_metric_handler_requests_in_flight",
}

func TestMetricsInEveryFormatAndCoding(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.answer("down", http.StatusServiceUnavailable)
	r := start(t, newConfigFile(t, "checks:\n"+s.check("up", `labels: { team: "a\"b\\c" }`)+s.check("down")).path, func(o *exporter.Options) {
		o.DurationHistogram = collector.HistogramBoth
	})
	eventually(t, r.ready)
	var names []string // of the families, the same in all of them
	for _, c := range []struct{ accept, contentType string }{
		{"", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{"*/*", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{"nonsense/nonsense", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{acceptText, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{acceptOpenMetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"},
		{acceptProtobuf, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores"},
		{acceptPrometheus, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores"},
	} {
		for _, coding := range []string{"", "gzip", "zstd"} {
			t.Run(c.accept+" "+coding, func(t *testing.T) {
				got := r.get(t, "/metrics", "Accept", c.accept, "Accept-Encoding", coding)
				require.Equal(t, http.StatusOK, got.Code)
				assert.Equal(t, c.contentType, got.Header.Get("Content-Type"))
				assert.Equal(t, coding, got.Header.Get("Content-Encoding"))
				families := parse(t, decompress(t, coding, got.Body), expfmt.Format(c.contentType))
				assert.Subset(t, slices.Collect(maps.Keys(families)), ownFamilies)
				if names == nil {
					names = slices.Sorted(maps.Keys(families))
				}
				assert.Equal(t, names, slices.Sorted(maps.Keys(families)))

				status := families["healthcheck_status"]
				assert.Equal(t, dto.MetricType_GAUGE, status.GetType())
				require.Len(t, status.GetMetric(), 2)
				down, up := status.GetMetric()[0], status.GetMetric()[1]
				assert.Equal(t, "down", down.GetLabel()[0].GetValue())
				assert.Zero(t, down.GetGauge().GetValue())
				assert.InDelta(t, 1, up.GetGauge().GetValue(), 0)
				assert.Equal(t, `a"b\c`, up.GetLabel()[1].GetValue())
				h := families["healthcheck_run_duration_seconds"].GetMetric()[0].GetHistogram()
				assert.EqualValues(t, 1, h.GetSampleCount())
				assert.Equal(t, strings.Contains(c.contentType, "protobuf"), len(h.GetPositiveSpan()) > 0, "native only in protobuf")
			})
		}
	}
	v, _ := sample(r.get(t, "/metrics").Body, `promhttp_metric_handler_requests_total{code="200"}`)
	assert.InDelta(t, 21, v, 0, "every scrape before is counted")
}

func decompress(t *testing.T, coding, body string) string {
	t.Helper()
	in := strings.NewReader(body)
	var out io.Reader = in
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(in)
		require.NoError(t, err)
		out = z
	case "zstd":
		z, err := zstd.NewReader(in)
		require.NoError(t, err)
		defer z.Close()
		out = z
	}
	plain, err := io.ReadAll(out)
	require.NoError(t, err)
	return string(plain)
}

// parse reads an exposition. OpenMetrics is read as text, which it is near enough once its names have their suffixes.
func parse(t *testing.T, text string, format expfmt.Format) map[string]*dto.MetricFamily {
	t.Helper()
	if strings.HasPrefix(string(format), "application/openmetrics-text") {
		require.True(t, strings.HasSuffix(text, "\n# EOF\n"))
		format = acceptText
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "# TYPE "); ok && strings.HasSuffix(line, " counter\n") {
				name := strings.TrimSuffix(rest, " counter\n")
				text = strings.Replace(text, line, "# TYPE "+name+"_total counter\n", 1)
				text = strings.Replace(text, "# HELP "+name+" ", "# HELP "+name+"_total ", 1)
			}
		}
	}
	families := make(map[string]*dto.MetricFamily)
	decoder := expfmt.NewDecoder(strings.NewReader(text), format)
	for {
		f := &dto.MetricFamily{}
		err := decoder.Decode(f)
		if errors.Is(err, io.EOF) {
			return families
		}
		require.NoError(t, err)
		require.NotContains(t, families, f.GetName(), "each family once")
		families[f.GetName()] = f
	}
}

func TestMetricsPassPromlint(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.answer("down", http.StatusServiceUnavailable)
	f := newConfigFile(t, "checks:\n"+s.check("up", "labels: { team: a }")+s.check("down", "depends_on: [up]")+
		"  - endpoint: disk\n    filesystem: { path: / }\n  - endpoint: memory\n    memory: {}\n"+
		"  - endpoint: resolver\n    dns: { name: localhost }\n  - endpoint: tcp\n    tcp: { address: '"+strings.TrimPrefix(s.URL, "http://")+"' }\n"+
		"  - endpoint: exec\n    exec: { command: [/bin/echo, 'fine | load=1;2;3'], format: nagios }\n"+
		"  - endpoint: status\n    status: { url: '"+s.URL+"/status' }\n")
	r := start(t, f.path, func(o *exporter.Options) { o.DurationHistogram = collector.HistogramClassic })
	eventually(t, r.ready)
	text := r.get(t, "/metrics").Body
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
	assert.NotRegexp(t, `(?m)^[^#].* \S+ \d+$`, regexp.MustCompile(`\{.*\}`).ReplaceAllString(text, ""), "no timestamps")
	v, _ := sample(text, "healthcheck_exporter_config_last_reload_successful")
	assert.InDelta(t, 1, v, 0)
	assert.Regexp(t, `healthcheck_exporter_build_info\{.*goversion="go1.*\} 1\n`, text)
}

func TestHistogramForms(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	f := newConfigFile(t, "checks:\n"+s.check("up"))
	for form, want := range map[collector.Histogram]struct{ there, classic, native bool }{
		collector.HistogramOff:     {},
		collector.HistogramNative:  {there: true, native: true},
		collector.HistogramClassic: {there: true, classic: true},
		collector.HistogramBoth:    {there: true, classic: true, native: true},
	} {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			r := start(t, f.path, func(o *exporter.Options) { o.DurationHistogram = form })
			eventually(t, r.ready)
			families := parse(t, r.get(t, "/metrics", "Accept", acceptProtobuf).Body, acceptProtobuf)
			family, there := families["healthcheck_run_duration_seconds"]
			require.Equal(t, want.there, there)
			if there {
				h := family.GetMetric()[0].GetHistogram()
				assert.Equal(t, want.classic, len(h.GetBucket()) > 1)
				assert.Equal(t, want.native, len(h.GetPositiveSpan()) > 0)
			}
		})
	}
}

// TestMetricsHandler is the one line that gives an old program its /metrics.
func TestMetricsHandler(t *testing.T) {
	t.Parallel()
	reg := &healthcheck.Registry{}
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "central", Func: func(context.Context) error { return nil }}))
	runs := 0
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "counted", Func: func(context.Context) error { runs++; return nil }}))
	first, second := exporter.MetricsHandler(reg), exporter.MetricsHandler(reg, collector.WithHistogram(collector.HistogramClassic))
	reg.Run(t.Context())
	for _, h := range []http.Handler{first, second, first} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		require.Equal(t, http.StatusOK, rec.Code)
		families, err := textParser().TextToMetricFamilies(bytes.NewReader(rec.Body.Bytes()))
		require.NoError(t, err)
		for _, name := range []string{"healthcheck_status", "healthcheck_overall_status", "go_goroutines", "process_start_time_seconds", "promhttp_metric_handler_requests_total"} {
			assert.Contains(t, families, name)
		}
		assert.NotContains(t, families, "healthcheck_exporter_build_info", "the program is no exporter")
		assert.Len(t, families["healthcheck_status"].GetMetric(), 2)
	}
	assert.Equal(t, 1, runs, "a scrape runs nothing")
}

func textParser() *expfmt.TextParser {
	p := expfmt.NewTextParser(model.UTF8Validation)
	return &p
}
