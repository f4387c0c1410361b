package healthcheck_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestLabelsOfMeasures(t *testing.T) {
	for name, labels := range map[string][]string{
		"not sorted": {"b", "a"},
		"twice":      {"a", "a"},
		"four":       {"a", "b", "c", "d"},
		"empty":      {""},
		"bad":        {"a", "b-c"},
		"taken":      {"a", "job"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Panics(t, func() { healthcheck.NewMeasure("measure_test_bad", "Help.", labels...) })
		})
	}
	m := healthcheck.NewMeasure("measure_test_sent_bytes", "Help.", "device", "direction", "protocol")
	assert.Equal(t, []string{"device", "direction", "protocol"}, m.Labels())
	assert.Equal(t, healthcheck.MaxMeasureLabels, m.NumLabels())
	assert.Equal(t, "direction", m.LabelName(1))
	m.Labels()[0] = "mine"
	assert.Equal(t, "device", m.LabelName(0), "the caller owns what it got")
	assert.Subset(t, healthcheck.ReservedLabels(), m.Labels())
}

// TestValuesOfSeveralLabels has values as a hostile peer could cause them.
func TestValuesOfSeveralLabels(t *testing.T) {
	m := healthcheck.NewMeasure("measure_test_received_bytes", "Help.", "device", "direction", "protocol")
	long := strings.Repeat("é", 200)
	given := []healthcheck.Value{
		m.Value(1, "eth0", "in", "tcp"),
		m.Value(2, "eth0", "in", "udp"),
		m.Value(3, "eth0", "in", "tcp"), // again
		m.Value(4, "a\xffb", "\xff", ""),
		m.Value(5, long, long, long),
		m.Value(6, "too few"),
		m.Value(7, "too", "many", "of", "them"),
		{Measure: m, Label: "by hand", Value: 8},
	}
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: checkerFunc(func(context.Context) healthcheck.Result {
		return healthcheck.Result{Values: given}
	})})
	_, err := reg.Run(t.Context())
	require.NoError(t, err)
	state, _ := reg.Lookup("a")
	cut := strings.Repeat("é", 128)
	want := []map[string]string{
		{"device": "eth0", "direction": "in", "protocol": "tcp"},
		{"device": "eth0", "direction": "in", "protocol": "udp"},
		{"device": "a\uFFFDb", "direction": "\uFFFD", "protocol": ""},
		{"device": cut, "direction": cut, "protocol": cut},
		{"device": "too few", "direction": "", "protocol": ""},
		{"device": "too", "direction": "many", "protocol": "of\uFFFDthem"},
		{"device": "by hand", "direction": "", "protocol": ""},
	}
	var got []map[string]string
	var numbers []float64
	for _, v := range state.Values() {
		got, numbers = append(got, maps.Collect(v.Labels())), append(numbers, v.Value)
	}
	assert.Equal(t, want, got)
	assert.Equal(t, []float64{1, 2, 4, 5, 6, 7, 8}, numbers)
	for range state.Values()[0].Labels() {
		break // the rest is not wanted
	}
}
