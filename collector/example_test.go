package collector_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// A program with a prometheus.Registry of its own registers the collector there; its /metrics then has every check.
func ExampleNew() {
	var checks healthcheck.Registry
	err := checks.Apply(healthcheck.Changes{Register: []healthcheck.Check{
		{Endpoint: "database", Labels: map[string]string{"team": "payments"}, Func: func(context.Context) error { return nil }},
		{Endpoint: "queue", Func: func(context.Context) error { return errors.New("no consumer") }},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.New(&checks))

	// A service runs them on their schedule: go (&healthcheck.Runner{Registry: &checks}).Run(ctx)
	checks.Run(context.Background())

	families, err := registry.Gather() // what promhttp.HandlerFor(registry, ...) serves
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() != "healthcheck_status" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				fmt.Printf("%s=%q ", l.GetName(), l.GetValue())
			}
			fmt.Println(m.GetGauge().GetValue())
		}
	}
	// Output:
	// check="queue" 0
	// check="database" team="payments" 1
}
