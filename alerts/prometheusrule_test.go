package alerts_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const prometheusRule = "prometheusrule.yaml"

const prometheusRuleHead = `# The rules of healthcheck.rules.yml for the Prometheus Operator. Made by UPDATE_GOLDEN=1 go test ./alerts; do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: healthcheck-exporter
  labels:
    app.kubernetes.io/name: healthcheck-exporter
    app.kubernetes.io/component: alerts
spec:
`

// generate returns the rules as a Kubernetes resource: the same lines, two spaces further in.
func generate(rules []byte) []byte {
	_, groups, _ := bytes.Cut(rules, []byte("\ngroups:\n"))
	out := []byte(prometheusRuleHead + "  groups:\n")
	for line := range bytes.Lines(groups) {
		if len(bytes.TrimSpace(line)) > 0 {
			out = append(out, "  "...)
		}
		out = append(out, line...)
	}
	return out
}

func TestPrometheusRule(t *testing.T) {
	rules, err := os.ReadFile(rulesName)
	require.NoError(t, err)
	want := generate(rules)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(prometheusRule, want, 0o644))
	}
	got, err := os.ReadFile(prometheusRule)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run UPDATE_GOLDEN=1 go test ./alerts")

	var resource struct {
		APIVersion string    `yaml:"apiVersion"`
		Kind       string    `yaml:"kind"`
		Metadata   yaml.Node `yaml:"metadata"`
		Spec       any       `yaml:"spec"`
	}
	d := yaml.NewDecoder(bytes.NewReader(got))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&resource))
	assert.Equal(t, "monitoring.coreos.com/v1", resource.APIVersion)
	assert.Equal(t, "PrometheusRule", resource.Kind)
	var source any
	require.NoError(t, yaml.Unmarshal(rules, &source))
	assert.Equal(t, source, resource.Spec, "the same rules once they are parsed")
}
