package alerts_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
)

// leanTests is the file of promtool tests that has nothing but the metrics of the lean profile.
const leanTests = "lean_test.yml"

// spared are the metrics that a rule works without, since it has something else for them. That it does is for leanTests.
var spared = map[string]string{
	"check:healthcheck_info:first":             "healthcheck_info",
	"check:healthcheck_info:state":             "check:healthcheck_failing_since:max",
	"replica:healthcheck_recovery_seconds:max": "healthcheck_timeout_seconds",
	"check:healthcheck_flapping:changes":       "healthcheck_status_changes_total",
}

// profiles returns the leanest profile that has a metric, by the name of the metric.
func profiles() map[string]collector.Profile {
	of := make(map[string]collector.Profile)
	for _, f := range collector.Families() {
		of[f.Name] = f.Profile
	}
	return of
}

// needed returns the metrics of the collector that a rule cannot do without, with those of the rules that record for it.
func needed(r rule, recorded map[string]rule, seen map[string]bool) map[string]bool {
	all := make(map[string]bool)
	for _, name := range metricsIn(r.Expr) {
		before, isRecorded := recorded[name]
		switch {
		case name == spared[r.Record] || seen[name]:
		case isRecorded:
			seen[name] = true
			maps.Copy(all, needed(before, recorded, seen))
		default:
			all[name] = true
		}
	}
	return all
}

var (
	needs    = regexp.MustCompile("(?m)^- \\*\\*Needs\\*\\* the metrics profile `(\\w+)`: (.*)\\.$")
	inQuotes = regexp.MustCompile("`(\\w+)`")
)

// TestAlertsSayWhatTheyNeed holds the metrics that each alert needs against those of the profiles. One that needs more than the
// lean profile has says so in the README; all others fire in leanTests.
func TestAlertsSayWhatTheyNeed(t *testing.T) {
	alerts, records := rules(t)
	recorded := make(map[string]rule)
	for _, r := range records {
		recorded[r.Record] = r
	}
	for name, metric := range spared {
		require.Contains(t, metricsIn(recorded[name].Expr), metric, name)
	}
	of, fires := profiles(), firesLean(t)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, a := range alerts {
		var more []string
		for name := range needed(a, recorded, make(map[string]bool)) {
			if p, ok := of[name]; ok && p != collector.ProfileLean {
				assert.Equal(t, collector.ProfileDefault, p, "%s uses %s", a.Alert, name)
				more = append(more, name)
			}
		}
		_, section, _ := strings.Cut(string(readme), "\n### "+a.Alert+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		section, _, _ = strings.Cut(section, "\n### ")
		says := needs.FindStringSubmatch(section)
		if len(more) == 0 {
			assert.Nil(t, says, a.Alert)
			ofCheck := strings.Contains(a.Expr, "check:healthcheck_info:state")
			assert.True(t, fires[variant(a.Alert, a.Labels)] || !ofCheck, "no test in %s in which %s fires", leanTests, variant(a.Alert, a.Labels))
			continue
		}
		require.NotNil(t, says, "%s needs %q, and its section in the README does not say so", a.Alert, more)
		assert.Equal(t, string(collector.ProfileDefault), says[1], a.Alert)
		var named []string
		for _, m := range inQuotes.FindAllStringSubmatch(says[2], -1) {
			named = append(named, m[1])
		}
		assert.ElementsMatch(t, more, named, a.Alert)
	}
}

// firesLean returns the alerts that fire in leanTests, after a look at whether it has metrics of the lean profile alone.
func firesLean(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(leanTests)
	require.NoError(t, err)
	var f struct {
		Tests []struct {
			Input []struct{ Series string } `yaml:"input_series"`
			Exprs []struct {
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		} `yaml:"tests"`
	}
	require.NoError(t, yaml.Unmarshal(data, &f))
	of, fires := profiles(), make(map[string]bool)
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	for _, test := range f.Tests {
		for _, s := range test.Input {
			name, _, _ := strings.Cut(s.Series, "{")
			assert.True(t, name == "up" || of[name] == collector.ProfileLean, name)
		}
		for _, e := range test.Exprs {
			for _, s := range e.Samples {
				labels := make(map[string]string)
				for _, m := range label.FindAllStringSubmatch(s.Labels, -1) {
					labels[m[1]] = m[2]
				}
				fires[variant(labels["alertname"], labels)] = true
			}
		}
	}
	return fires
}
