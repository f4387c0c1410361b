package collector_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

var (
	measurePlain = healthcheck.NewMeasure("test_ratio", "A plain value.")
	measureLabel = healthcheck.NewMeasure("test_part_bytes", "A value with a label.", "part")
)

// sampleRegistry has checks in every state, with different labels. It is to be made in a synctest bubble, where the
// time is always the same.
func sampleRegistry(t *testing.T) *healthcheck.Registry {
	t.Helper()
	reg := &healthcheck.Registry{}
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	hung := make(chan struct{})
	t.Cleanup(func() { close(hung) })
	var flap atomic.Int64
	for _, c := range []healthcheck.Check{
		{Endpoint: "ok", Name: "All is well", Func: func(context.Context) error { time.Sleep(1500 * time.Microsecond); return nil }},
		{Endpoint: "down", Kind: "tcp", Target: "127.0.0.1:1", Labels: map[string]string{"team": "payments", "aaa": "first"}, Func: func(context.Context) error {
			return healthcheck.Errorf(healthcheck.ReasonConnect, "connection refused")
		}},
		{Endpoint: "flapping", Interval: 10 * time.Second, Func: func(context.Context) error {
			if flap.Add(1)%2 == 0 {
				return errors.New("even")
			}
			return nil
		}},
		{Endpoint: "hangs", Timeout: 5 * time.Second, Func: func(context.Context) error { <-hung; return nil }},
		{Endpoint: "late", InitialDelay: time.Hour, Func: func(context.Context) error { return nil }},
		{Endpoint: "odd", Name: "quote \" backslash \\ newline \n ünïcode", Labels: map[string]string{"severity": "a\"b\\c\nd", "empty": ""}, Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Values: []healthcheck.Value{
				{Measure: measurePlain, Value: 0.25},
				{Measure: measureLabel, Label: "x\ny", Value: math.NaN()},
				{Measure: measureLabel, Label: "inf", Value: math.Inf(1)},
				{Measure: measureLabel, Label: "-inf", Value: math.Inf(-1)},
				{Measure: measureLabel, Label: "big", Value: 1e300},
				{Measure: measureLabel, Label: "twice", Value: 1},
				{Measure: measureLabel, Label: "twice", Value: 2},
				{Measure: new(healthcheck.Measure), Value: 42},
			}}
		})},
		{Endpoint: "optional", Optional: true, Labels: map[string]string{"status": "no label of the status"}, Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.ReasonThreshold, Details: "text that is in no label", Values: []healthcheck.Value{{Measure: measureLabel, Label: "one", Value: 1}}}
		})},
		{
			Endpoint: "dependent", DependsOn: []string{"down", "ok", "nobody", "panics"}, Func: func(context.Context) error { return nil },
			Maintenance: func(now time.Time) bool { return now.Minute() == 2 },
		},
		{Endpoint: "panics", Func: func(context.Context) error { panic("text of a panic") }},
	} {
		require.NoError(t, reg.Register(c))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&healthcheck.Runner{Registry: reg}).Run(ctx) }()
	time.Sleep(2*time.Minute + 3*time.Second)
	cancel()
	require.NoError(t, <-done)
	return reg
}

type checkerFunc func(context.Context) healthcheck.Result

func (f checkerFunc) Check(ctx context.Context) healthcheck.Result { return f(ctx) }

func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := sampleRegistry(t)
		got := get(t, collector.Handler(collector.New(reg), collector.HandlerOptions{}), acceptText, "")
		golden := filepath.Join("testdata", "metrics.txt")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(golden, got, 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "UPDATE_GOLDEN=1 go test writes the file anew")
		require.NoError(t, testutil.CollectAndCompare(collector.New(reg), bytes.NewReader(want)))
	})
}

func TestLint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		problems, err := testutil.CollectAndLint(collector.New(sampleRegistry(t), collector.WithHistogram(collector.HistogramBoth)))
		require.NoError(t, err)
		require.Empty(t, problems)
	})
}

func TestPedanticRegistryAcceptsDifferentLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prometheus.NewPedanticRegistry()
		require.NoError(t, r.Register(collector.New(sampleRegistry(t))))
		families, err := r.Gather()
		require.NoError(t, err)
		require.NotEmpty(t, families)
	})
}

func TestNoTextOfFailuresInLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := string(get(t, collector.Handler(collector.New(sampleRegistry(t)), collector.HandlerOptions{}), acceptText, ""))
		for _, text := range []string{"connection refused", "text that is in no label", "text of a panic"} {
			assert.NotContains(t, body, text)
		}
	})
}

// TestFormatsAgree holds each fast rendering against client_golang's own encoder on the same registry.
func TestFormatsAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agree(t, sampleRegistry(t))
	})
}

// TestTimesAgree has times next to each other that differ in some of their last digits, in none, and in all.
func TestTimesAgree(t *testing.T) {
	for _, years := range []int{0, 21, 200} { // 2000, 2021, 2200: times have 12 or 13 digits
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Duration(years) * 365 * 24 * time.Hour)
			reg := ranRegistry(t, 300)
			states := reg.Snapshot().States
			run := func(i int, after time.Duration) {
				time.Sleep(after)
				_, err := reg.RunCheck(t.Context(), states[i].Check.Endpoint)
				require.NoError(t, err)
			}
			const round = 1000 * time.Second
			time.Sleep(time.Until(time.Unix(0, 0).Add(time.Since(time.Unix(0, 0)).Truncate(round) + round)))
			for i := 0; i < len(states); i += 3 { // at one round time
				run(i, 0)
			}
			random := rand.New(rand.NewPCG(1, uint64(years)))
			for i := 2; i < len(states); i += 3 { // soon after
				run(i, []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second}[random.IntN(4)])
			}
			for i := 1; i < len(states); i += 3 {
				run(i, []time.Duration{time.Second, time.Hour, 100 * time.Hour}[random.IntN(3)])
			}
			agree(t, reg)
		})
	}
}

func agree(t *testing.T, reg *healthcheck.Registry) {
	t.Helper()
	agreeOn(t, collector.New(reg))
}

func agreeOn(t *testing.T, c *collector.Collector) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(c))
	families, err := r.Gather()
	require.NoError(t, err)
	fast := collector.Handler(c, collector.HandlerOptions{})
	for _, accept := range []string{acceptText, acceptOpenMetrics} {
		format := expfmt.NegotiateAccept(http.Header{"Accept": {accept}}, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		var want bytes.Buffer
		enc := expfmt.NewEncoder(&want, format)
		for _, f := range families {
			require.NoError(t, enc.Encode(f))
		}
		require.NoError(t, enc.(expfmt.Closer).Close())
		require.Equal(t, sortedLines(want.Bytes()), sortedLines(get(t, fast, accept, "")), accept)
	}
	require.Empty(t, differences(families, decodeProto(t, get(t, fast, acceptProto, ""))))
}

// timeSeries is the one series that is never the same in two scrapes, except in a synctest bubble.
const timeSeries = "healthcheck_time_seconds"

func sortedLines(b []byte) []string {
	lines := slices.Sorted(strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n"))
	for i := range lines {
		if strings.HasPrefix(lines[i], timeSeries+" ") {
			lines[i] = timeSeries
		}
	}
	return lines
}

func decodeProto(t *testing.T, b []byte) map[string]*dto.MetricFamily {
	t.Helper()
	dec := expfmt.NewDecoder(bytes.NewReader(b), expfmt.NewFormat(expfmt.TypeProtoDelim))
	families := make(map[string]*dto.MetricFamily)
	for {
		var f dto.MetricFamily
		err := dec.Decode(&f)
		if errors.Is(err, io.EOF) {
			return families
		}
		require.NoError(t, err)
		require.NotContains(t, families, f.GetName(), "each family is there once")
		families[f.GetName()] = &f
	}
}

// differences lists the families that are not the same in both, whatever the order of their metrics.
func differences(want []*dto.MetricFamily, got map[string]*dto.MetricFamily) []string {
	var names []string
	got = maps.Clone(got)
	for _, f := range want {
		g := got[f.GetName()]
		delete(got, f.GetName())
		if g == nil || g.GetType() != f.GetType() || g.GetHelp() != f.GetHelp() || !slices.Equal(metricStrings(f), metricStrings(g)) {
			names = append(names, f.GetName())
		}
	}
	return slices.AppendSeq(names, maps.Keys(got))
}

func metricStrings(f *dto.MetricFamily) []string {
	list := make([]string, 0, len(f.GetMetric()))
	for _, m := range f.GetMetric() {
		if f.GetName() == timeSeries {
			m.Gauge.Value = nil
		}
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			return nil
		}
		list = append(list, string(b))
	}
	slices.Sort(list)
	return list
}

func get(t *testing.T, h http.Handler, accept, encoding string) []byte {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", accept)
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	require.Equal(t, http.StatusOK, rec.Code)
	return rec.Body.Bytes()
}

func TestCompressions(t *testing.T) {
	reg := ranRegistry(t, 300)
	h := collector.Handler(collector.New(reg), collector.HandlerOptions{})
	plain := sortedLines(get(t, h, acceptText, ""))
	for _, tt := range []struct{ accept, want string }{
		{"", ""},
		{"identity", ""},
		{"gzip", "gzip"},
		{"GZIP;q=0.5", "gzip"},
		{"zstd", "zstd"},
		{"gzip, zstd", "gzip"},
		{"gzip;q=0.2, zstd;q=0.8", "zstd"},
		{"gzip;q=0", ""},
		{"*", "gzip"},
		{"*;q=0.1, gzip;q=0", "zstd"},
		{"identity, gzip;q=0.5", ""},
		{"br, deflate", ""},
		{"gzip;q=nonsense", ""},
		{"*, gzip;q=nonsense", "zstd"},
		{"gzip;Q=0", ""},
		{"gzip ; Q=0.000, *;q=0.5", "zstd"},
		{"gzip;\tq=0", ""},
		{"gzip;q=1e-1", ""},
		{"gzip;q=-0", ""},
		{"gzip;q=1.5", ""},
		{"gzip;x=0;q=0", ""},
		{"x-gzip", "gzip"},
		{"*;q=0, gzip", "gzip"},
		{"identity;q=0, zstd;q=0.1", "zstd"},
		{"identity;q=0, *", "gzip"},
		{"identity;q=0.1, *;q=0", ""},
		{"gzip;q=0, zstd;q=0", ""},
		{", ,gzip", "gzip"},
	} {
		t.Run(tt.accept, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
			req.Header.Set("Accept-Encoding", tt.accept)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			require.Equal(t, tt.want, rec.Header().Get("Content-Encoding"))
			var body io.Reader = rec.Body
			switch tt.want {
			case "gzip":
				z, err := gzip.NewReader(body)
				require.NoError(t, err)
				body = z
			case "zstd":
				z, err := zstd.NewReader(body)
				require.NoError(t, err)
				defer z.Close()
				body = z
			}
			b, err := io.ReadAll(body)
			require.NoError(t, err)
			assert.Equal(t, plain, sortedLines(b))
			assert.Equal(t, []string{"Accept", "Accept-Encoding"}, rec.Header()["Vary"])
		})
	}
}

func TestContentTypes(t *testing.T) {
	h := collector.Handler(collector.New(ranRegistry(t, 2)), collector.HandlerOptions{})
	for accept, want := range map[string]string{
		"":                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		acceptText:        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		acceptOpenMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
		acceptProto:       "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text; escaping=underscores",
	} {
		req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
		req.Header.Set("Accept", accept)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		assert.Equal(t, want, rec.Header().Get("Content-Type"), accept)
		assert.Contains(t, rec.Body.String(), "healthcheck_last_run_success", accept)
	}
}

func TestNameFilter(t *testing.T) {
	h := collector.Handler(collector.New(ranRegistry(t, 2)), collector.HandlerOptions{})
	req := httptest.NewRequest(http.MethodGet, "/metrics?name[]=healthcheck_status&name[]=healthcheck_overall_status", http.NoBody)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	require.Equal(t, 2+2+2+1, strings.Count(rec.Body.String(), "\n"), rec.Body.String())
}

func TestOthers(t *testing.T) {
	c := collector.New(ranRegistry(t, 3))
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector())
	body := string(get(t, collector.Handler(c, collector.HandlerOptions{Others: r}), acceptText, ""))
	assert.Contains(t, body, "go_goroutines ")
	assert.Equal(t, 1, strings.Count(body, "# TYPE healthcheck_status gauge\n"), "registered twice, served once")
}

func TestHistogram(t *testing.T) {
	reg := &healthcheck.Registry{}
	labels := map[string]string{"team": "payments"}
	check := healthcheck.Check{Endpoint: "a", Labels: labels, Func: func(context.Context) error { return nil }}
	require.NoError(t, reg.Register(check))
	for _, tt := range []struct {
		form            collector.Histogram
		classic, native bool
	}{
		{collector.HistogramOff, false, false},
		{collector.HistogramNative, false, true},
		{collector.HistogramClassic, true, false},
		{collector.HistogramBoth, true, true},
	} {
		t.Run(string(tt.form), func(t *testing.T) {
			c := collector.New(reg, collector.WithHistogram(tt.form))
			h := collector.Handler(c, collector.HandlerOptions{})
			reg.Run(t.Context())
			reg.Run(t.Context())
			f := decodeProto(t, get(t, h, acceptProto, ""))["healthcheck_run_duration_seconds"]
			if !tt.classic && !tt.native {
				require.Nil(t, f)
				return
			}
			require.Len(t, f.GetMetric(), 1)
			got := f.GetMetric()[0].GetHistogram()
			assert.EqualValues(t, 2, got.GetSampleCount())
			assert.Equal(t, tt.classic, len(got.GetBucket()) > 0)
			assert.Equal(t, tt.native, got.Schema != nil)
			require.NoError(t, reg.Update(check))
			reg.Run(t.Context())
			f = decodeProto(t, get(t, h, acceptProto, ""))["healthcheck_run_duration_seconds"]
			assert.EqualValues(t, 3, f.GetMetric()[0].GetHistogram().GetSampleCount(), "an update loses no counts")
			require.NoError(t, reg.Unregister("a"))
			assert.NotContains(t, decodeProto(t, get(t, h, acceptProto, "")), "healthcheck_run_duration_seconds")
			require.NoError(t, reg.Register(check))
		})
	}
}

// TestEachCheckFromOneOutcome scrapes while checks run: counters, timestamps and durations of a check must fit
// together.
func TestEachCheckFromOneOutcome(t *testing.T) {
	reg := &healthcheck.Registry{}
	for i := range 20 {
		var n atomic.Int64
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: fmt.Sprint("c", i), Checker: checkerFunc(func(context.Context) healthcheck.Result {
			v := n.Add(1)
			res := healthcheck.Result{Values: []healthcheck.Value{{Measure: measurePlain, Value: float64(v)}}}
			if v%2 == 0 {
				res.Level, res.Reason = healthcheck.FAIL, healthcheck.ReasonBody
			}
			return res
		})}))
	}
	h := collector.Handler(collector.New(reg), collector.HandlerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	var runs, wg sync.WaitGroup
	runs.Go(func() {
		for ctx.Err() == nil {
			reg.Run(ctx)
		}
	})
	for range 4 {
		wg.Go(func() {
			for range 50 {
				families := decodeProto(t, get(t, h, acceptProto, ""))
				byCheck := make(map[string]map[string]float64)
				for name, f := range families {
					for _, m := range f.GetMetric() {
						key, check := name, ""
						for _, l := range m.GetLabel() {
							if l.GetName() == "check" {
								check = l.GetValue()
							}
							if l.GetName() == "result" {
								key += "/" + l.GetValue()
							}
						}
						if check != "" {
							if byCheck[check] == nil {
								byCheck[check] = make(map[string]float64)
							}
							byCheck[check][key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
						}
					}
				}
				for check, v := range byCheck {
					runs := v["healthcheck_runs_total/ok"] + v["healthcheck_runs_total/fail"]
					assert.Equal(t, runs, v["healthcheck_test_ratio"], check)
					if runs > 0 {
						assert.Equal(t, float64(int(runs)%2), v["healthcheck_status"], check)
						assert.Equal(t, v["healthcheck_status"] == 0, v["healthcheck_failure"] == 1, check)
						assert.Equal(t, runs-1, v["healthcheck_status_changes_total"], check)
						assert.Equal(t, v["healthcheck_failures_total"], v["healthcheck_runs_total/fail"], check)
						assert.Equal(t, v["healthcheck_last_run_timestamp_seconds"], v["healthcheck_status_since_timestamp_seconds"], check)
					}
				}
			}
		})
	}
	wg.Wait()
	cancel()
	runs.Wait()
}

func TestScrapesBesideRegistration(t *testing.T) {
	reg := ranRegistry(t, 200)
	h := collector.Handler(collector.New(reg), collector.HandlerOptions{})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 30 {
				c := healthcheck.Check{Endpoint: fmt.Sprintf("new-%d-%d", g, i), Labels: map[string]string{"n": fmt.Sprint(i)}, Func: func(context.Context) error { return nil }}
				assert.NoError(t, reg.Register(c))
				c.Labels = map[string]string{"m": fmt.Sprint(i)}
				assert.NoError(t, reg.Update(c))
				body := get(t, h, acceptText, "")
				assert.Equal(t, 1, bytes.Count(body, []byte("healthcheck_interval_seconds{check=\""+c.Endpoint+"\"")))
				assert.NoError(t, reg.Unregister(c.Endpoint))
				assert.NotContains(t, string(get(t, h, acceptText, "")), c.Endpoint, "gone at once")
			}
		})
	}
	wg.Wait()
	agree(t, reg)
}

func TestAllocationsDoNotGrowWithChecks(t *testing.T) {
	for _, accept := range []string{acceptText, acceptOpenMetrics, acceptProto} {
		var allocs []float64
		for _, n := range []int{100, 5000} {
			h := collector.Handler(collector.New(ranRegistry(t, n)), collector.HandlerOptions{})
			scrape(h, accept, "")
			allocs = append(allocs, testing.AllocsPerRun(5, func() { scrape(h, accept, "") }))
		}
		// 4,900 more checks are a hundred more pages. The race detector has pools lose a fourth of what they get.
		assert.InDelta(t, allocs[0], allocs[1], 200, accept)
	}
}

func FuzzFormatsAgree(f *testing.F) {
	f.Add("check", "Name", "target", "team", "value", 1.5, uint8(0))
	f.Add("a\"b", "\\", "\n", "zzz", "x\xffy", math.NaN(), uint8(3))
	f.Add("ü", "", "https://example.org/?a=…", "_a", "", math.Copysign(0, -1), uint8(1))
	f.Add("e", "n", "t", "a", "b", 123456789.125, uint8(2))
	f.Fuzz(func(t *testing.T, endpoint, name, target, labelName, labelValue string, value float64, level uint8) {
		reg := &healthcheck.Registry{}
		c := healthcheck.Check{
			Endpoint: endpoint, Name: name, Target: target, Labels: map[string]string{labelName: labelValue},
			Checker: checkerFunc(func(context.Context) healthcheck.Result {
				res := healthcheck.Result{Values: []healthcheck.Value{{Measure: measurePlain, Value: value}, {Measure: measureLabel, Label: name, Value: value}}}
				if level%2 == 1 {
					res.Level, res.Reason, res.Details = healthcheck.FAIL, healthcheck.Reason(level), name
				}
				return res
			}),
		}
		if reg.Register(c) != nil {
			return // refused, as it should be
		}
		reg.Run(t.Context())
		agree(t, reg)
	})
}
