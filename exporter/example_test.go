package exporter_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// A program that used the agent SDK's healthcheck package has changed one import, and adds one line for /metrics.
func ExampleMetricsHandler() {
	_, err := healthcheck.RegisterHealthcheck("Amplify Central", "central", func(string) *healthcheck.Status {
		return &healthcheck.Status{Result: healthcheck.OK}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	healthcheck.RunChecks()

	server := healthcheck.NewServer(false)
	server.Handle("/metrics", exporter.MetricsHandler(healthcheck.Default())) // the new line
	// server.HandleRequests() listens on the port of the StatusConfig; this example asks the routes directly.
	local := httptest.NewServer(server.Handler())
	defer local.Close()
	for _, path := range []string{"/status/central", "/metrics"} {
		body, err := fetch(local.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "{") || strings.HasPrefix(line, "healthcheck_status{") {
				fmt.Println(strings.TrimSpace(line))
			}
		}
	}
	// Output:
	// {"result":"OK"}
	// healthcheck_status{check="central"} 1
}

func fetch(url string) (string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
