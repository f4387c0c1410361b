package healthcheck_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestReservedLabels(t *testing.T) {
	list := healthcheck.ReservedLabels()
	assert.True(t, slices.IsSorted(list))
	assert.Subset(t, list, []string{
		"check", "by", "kind", "name", "reason", "result", "target", // the exporter's
		"job", "instance", "pod", "alertname", "alertstate", "threshold", "burn", "failing_since", "le", "quantile", // Prometheus' and the rules'
	})
	for _, label := range []string{"team", "severity", "namespace", "cluster", "objective", "env"} {
		assert.NotContains(t, list, label, "belongs to the owner of the check")
	}
}

func TestMeasuresReserveTheirLabels(t *testing.T) {
	check := healthcheck.Check{Endpoint: "a", Func: alwaysOK, Labels: map[string]string{"spindle": "x"}}
	require.NoError(t, check.Validate())
	healthcheck.NewMeasure("names_test_z_bytes", "Help.", "spindle")
	healthcheck.NewMeasure("names_test_a_bytes", "Help.", "spindle")
	assert.Contains(t, healthcheck.ReservedLabels(), "spindle")
	assert.EqualError(t, check.Validate(), `label name "spindle" is reserved for healthcheck_names_test_a_bytes`)
}

func TestMeasureNamesThatAreTaken(t *testing.T) {
	healthcheck.NewMeasure("names_test_labelled", "Help.", "part")
	for _, tt := range []struct{ name, label, want string }{
		{"status", "", "that of a metric of all checks"},
		{"runs", "", "that of a metric of all checks"},       // the family of runs_total in OpenMetrics
		{"runs_total", "", "that of a metric of all checks"}, // the counter itself
		{"run_duration_seconds_count", "", "one of its series"},
		{"run_duration_seconds_bucket", "", "one of its series"},
		{"run_duration_seconds_sum", "", "one of its series"},
		{"failures_created", "", "one of its series"},
		{"runner_anything", "", "that of a metric"},
		{"exporter_build_info", "", "that of a metric"},
		{"names_test_label", "check", `label "check" has a meaning on every series`},
		{"names_test_label", "job", `label "job" has a meaning`},
		{"names_test_label", "severity", `label "severity" has a meaning`},
		{"names_test_labelled", "", `there is a measure of that name with labels ["part"]`},
		{"names_test_labelled", "whole", `there is a measure of that name with labels ["part"]`},
	} {
		t.Run(tt.name+" "+tt.label, func(t *testing.T) {
			defer func() {
				assert.Contains(t, fmt.Sprint(recover()), tt.want)
			}()
			healthcheck.NewMeasure(tt.name, "Help.", strings.Fields(tt.label)...)
		})
	}
	assert.NotPanics(t, func() { healthcheck.NewMeasure("status_components", "Help.") }, "a longer name is free")
}

func TestEqualMeasuresAreTheSame(t *testing.T) {
	made := make([]*healthcheck.Measure, 8)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() { made[i] = healthcheck.NewMeasure("names_test_same", "Help.", "of") })
		wg.Go(func() { healthcheck.ReservedLabels() })
	}
	wg.Wait()
	for _, m := range made {
		assert.Same(t, made[0], m)
	}
	all := healthcheck.Measures()
	assert.Contains(t, all, made[0])
	for i := range len(all) - 1 {
		assert.Less(t, all[i].Name(), all[i+1].Name())
	}
}
