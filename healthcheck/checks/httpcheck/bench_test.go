package httpcheck_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
)

// BenchmarkCheck compares a check with a loop around http.Client, and with one around a prebuilt request, which is as
// little as net/http does. The server is another process, so that the CPU time is that of the client alone.
func BenchmarkCheck(b *testing.B) {
	url := startServer(b)
	for _, keep := range []bool{false, true} {
		name := map[bool]string{false: "new connection", true: "kept connection"}[keep]
		b.Run(name+"/check", func(b *testing.B) {
			checker, err := httpcheck.New(httpcheck.Config{
				URL: url, KeepAlive: keep,
				Expect: httpcheck.Expect{BodyMatches: []string{`"UP"`}, MaxLatency: time.Minute},
			})
			require.NoError(b, err)
			defer closeCheck(b, checker)
			measure(b, func(ctx context.Context) {
				if res := checker.Check(ctx); res.Failed() {
					b.Fatal(res.Details)
				}
			})
		})
		b.Run(name+"/http.Client", func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: !keep}}
			defer client.CloseIdleConnections()
			measure(b, func(ctx context.Context) {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
				require.NoError(b, err)
				resp, err := client.Do(req)
				drain(b, resp, err)
			})
		})
		b.Run(name+"/http.Transport", func(b *testing.B) {
			transport := &http.Transport{DisableKeepAlives: !keep}
			defer transport.CloseIdleConnections()
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
			require.NoError(b, err)
			measure(b, func(ctx context.Context) {
				resp, err := transport.RoundTrip(req.WithContext(ctx))
				drain(b, resp, err)
			})
		})
	}
}

func drain(b *testing.B, resp *http.Response, err error) {
	if err != nil { // without require, which costs the baseline time
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// BenchmarkNew makes checks, as the start of an exporter does.
func BenchmarkNew(b *testing.B) {
	for name, c := range map[string]httpcheck.Config{
		"http":  {URL: "http://10.0.0.1:8080/health"},
		"https": {URL: "https://example.test/health"},
		"body":  {URL: "http://10.0.0.1:8080/health", Expect: httpcheck.Expect{Status: []string{"200"}, BodyMatches: []string{"UP"}}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := httpcheck.New(c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(retained(b, 10_000, c, func(healthcheck.Checker) {}), "retained-B/check")
		})
	}
}

// BenchmarkRetained reports what checks hold on to between their runs.
func BenchmarkRetained(b *testing.B) {
	server := startServer(b)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	for name, keep := range map[string]bool{"new connection": false, "kept connection": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(retained(b, 500, httpcheck.Config{URL: server, KeepAlive: keep}, func(checker healthcheck.Checker) {
					if res := checker.Check(ctx); res.Failed() {
						b.Fatal(res.Details)
					}
				}), "retained-B/check")
			}
		})
	}
}

// retained returns the bytes of heap that each of n checks holds on to after use.
func retained(b *testing.B, n int, c httpcheck.Config, use func(healthcheck.Checker)) float64 {
	b.Helper()
	checkers := make([]healthcheck.Checker, n)
	before := heapInUse()
	for i := range checkers {
		var err error
		checkers[i], err = httpcheck.New(c)
		require.NoError(b, err)
		use(checkers[i])
	}
	after := heapInUse()
	for _, checker := range checkers {
		closeCheck(b, checker)
	}
	return float64(after-before) / float64(n)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool holds goes with the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// serverVariable makes the test binary a server for benchmarks, which ends when its standard input does.
const serverVariable = "HTTPCHECK_BENCHMARK_SERVER"

func startServer(b *testing.B) (url string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serverVariable+"=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	_, err = fmt.Fscanln(stdout, &url)
	require.NoError(b, err)
	return url
}

func benchmarkServer() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"UP"}`)
	}))
	fmt.Println(server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func measure(b *testing.B, run func(ctx context.Context)) {
	b.Helper()
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		run(ctx)
		cancel()
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}
