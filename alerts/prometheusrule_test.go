package alerts_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/alerts"
)

const (
	prometheusRule = "prometheusrule.yaml"
	chart          = "../deploy/helm/healthcheck-exporter/"
)

// golden holds a file to what it is made from.
func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(name, want, 0o644))
	}
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run UPDATE_GOLDEN=1 go test ./alerts, then deploy/sync")
}

func generated(t *testing.T, p alerts.Parameters) []byte {
	t.Helper()
	rules, err := p.Rules()
	require.NoError(t, err)
	return rules
}

func TestRulesAreCurrent(t *testing.T) {
	rules := generated(t, alerts.Default())
	golden(t, rulesName, rules)
	golden(t, prometheusRule, alerts.PrometheusRule(rules))
	golden(t, chart+"files/healthcheck.rules.yml", generated(t, alerts.Placeholders()))
}

func TestPrometheusRule(t *testing.T) {
	got, err := os.ReadFile(prometheusRule)
	require.NoError(t, err)
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
	rules, err := os.ReadFile(rulesName)
	require.NoError(t, err)
	var source any
	require.NoError(t, yaml.Unmarshal(rules, &source))
	assert.Equal(t, source, resource.Spec, "the same rules once they are parsed")
}

// The chart replaces placeholders by its values, which are the defaults.
func TestChartHasTheDefaultParameters(t *testing.T) {
	data, err := os.ReadFile(chart + "values.yaml")
	require.NoError(t, err)
	var values struct {
		PrometheusRule struct {
			Disabled   []string                     `yaml:"disabled"`
			Parameters map[string]map[string]string `yaml:"parameters"`
		} `yaml:"prometheusRule"`
	}
	require.NoError(t, yaml.Unmarshal(data, &values))
	assert.Equal(t, alerts.Default().Sections, values.PrometheusRule.Parameters)
	assert.Empty(t, values.PrometheusRule.Disabled)

	rules := string(generated(t, alerts.Placeholders()))
	for section, values := range values.PrometheusRule.Parameters {
		for name, value := range values {
			placeholder := "@" + section + "." + name + "@"
			assert.Contains(t, rules, placeholder, "%s is used nowhere", placeholder)
			rules = strings.ReplaceAll(rules, placeholder, value)
		}
	}
	assert.Equal(t, string(generated(t, alerts.Default())), rules)

	type schema struct {
		Properties           map[string]*schema `yaml:"properties"`
		AdditionalProperties any                `yaml:"additionalProperties"`
	}
	data, err = os.ReadFile(chart + "values.schema.json")
	require.NoError(t, err)
	var s schema
	require.NoError(t, yaml.Unmarshal(data, &s))
	parameters := s.Properties["prometheusRule"].Properties["parameters"]
	require.NotNil(t, parameters)
	assert.Equal(t, false, parameters.AdditionalProperties)
	assert.Len(t, parameters.Properties, len(values.PrometheusRule.Parameters))
	for section, values := range values.PrometheusRule.Parameters {
		require.Contains(t, parameters.Properties, section)
		assert.Equal(t, false, parameters.Properties[section].AdditionalProperties, section)
		assert.Len(t, parameters.Properties[section].Properties, len(values), section)
		for name := range values {
			assert.Contains(t, parameters.Properties[section].Properties, name, section)
		}
	}
}

func TestParameters(t *testing.T) {
	p, err := alerts.Parse([]byte(`
disabled: [HealthcheckSlow, HealthcheckCertificateExpiringSoon]
failing: { after: 2m, keep_firing_for: 10m }
certificate: { warning_days: 30 }
exporter_down: { severity: page }
links: { runbooks: "https://wiki.example.com/health", dashboards: "https://grafana.example.com" }
`))
	require.NoError(t, err)
	rules := string(generated(t, p))
	assert.Contains(t, rules, "max_over_time(check:healthcheck_status:max[2m]) == 0")
	assert.Contains(t, rules, "< time() + 30 * 86400")
	assert.Contains(t, rules, "severity: 'page'")
	assert.Contains(t, rules, "runbook_url: https://wiki.example.com/health#healthcheckfailing")
	assert.Contains(t, rules, "dashboard_url: 'https://grafana.example.com/d/healthcheck-check?var-check={{ $labels.check }}'")
	assert.NotContains(t, rules, "alert: HealthcheckSlow")
	assert.NotContains(t, rules, "alert: HealthcheckCertificateExpiringSoon")
	var parsed ruleGroups
	d := yaml.NewDecoder(strings.NewReader(rules))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&parsed))
	count := func(g ruleGroups) (n int) {
		for _, group := range g.Groups {
			n += len(group.Rules)
		}
		return n
	}
	assert.Equal(t, count(decode[ruleGroups](t, rulesName))-3, count(parsed), "the rest is there")

	empty, err := alerts.Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, alerts.Default(), empty)
}

func TestParameterMistakes(t *testing.T) {
	for document, want := range map[string]string{
		"failing: { afer: 1m }":                            "failing.afer: there is no such parameter",
		"nothing: { x: 1 }":                                "nothing.x: there is no such parameter",
		"failing: { after: soon }":                         "failing.after: ",
		"failing: { after: 0s }":                           "failing.after: a duration must be positive",
		"slow: { for: 5m }":                                "slow.for: a for of 5m begins anew when Prometheus restarts: at most 1m or at least 10m",
		"error_budget_burn: { slow_for: 9m }":              "error_budget_burn.slow_for: a for of 9m",
		"slow: { share: most }":                            `slow.share: "most" is not a positive number`,
		"slow: { share: -1 }":                              `slow.share: "-1" is not a positive number`,
		"check: { severity: \"a'b\" }":                     `check.severity: "a'b" is not a word`,
		"links: { dashboards: \"a'b\" }":                   `links.dashboards: "a'b" is not an address`,
		"disabled: [HealthcheckNothing]":                   `disabled: there is no alert "HealthcheckNothing"`,
		"disabled: HealthcheckSlow":                        "disabled: ",
		"failing: 1m":                                      "failing: ",
		"a: b: c":                                          "mapping values are not allowed",
		"{ slow: { share: x, for: y }, stuck: { fur: 1 }}": "slow.for: not a valid duration string: \"y\"\nslow.share: \"x\" is not a positive number\nstuck.fur: there",
	} {
		_, err := alerts.Parse([]byte(document))
		assert.ErrorContains(t, err, want, document)
	}
	for _, document := range []string{"slow: { for: 1m }", "slow: { for: 10m }", "failing: { keep_firing_for: 5m, after: 5m }"} {
		_, err := alerts.Parse([]byte(document))
		assert.NoError(t, err, document)
	}
}
