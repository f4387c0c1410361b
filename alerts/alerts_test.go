package alerts_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	_ "github.com/healthcheck-exporter/healthcheck_exporter/exporter/config" // has all kinds
)

const rulesName = "healthcheck.rules.yml"

type rule struct {
	Record        string            `yaml:"record"`
	Alert         string            `yaml:"alert"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for"`
	KeepFiringFor string            `yaml:"keep_firing_for"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations"`
}

type ruleGroups struct {
	Groups []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval"`
		Rules    []rule `yaml:"rules"`
	} `yaml:"groups"`
}

// decode reads YAML strictly: a key that T does not have is an error.
func decode[T any](t *testing.T, name string) T {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var v T
	require.NoError(t, d.Decode(&v), name)
	return v
}

// rules returns the alerts and the recording rules.
func rules(t *testing.T) (alerts, records []rule) {
	t.Helper()
	for _, g := range decode[ruleGroups](t, rulesName).Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				alerts = append(alerts, r)
			} else {
				records = append(records, r)
			}
		}
	}
	require.NotEmpty(t, alerts)
	require.NotEmpty(t, records)
	return alerts, records
}

// knownMetrics returns the names of the series that an expression may use.
func knownMetrics(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{
		"up": true, "ALERTS": true, // of Prometheus itself
		"healthcheck_exporter_config_last_reload_successful":                true,
		"healthcheck_exporter_config_last_reload_success_timestamp_seconds": true,
		"healthcheck_exporter_config_file_valid":                            true,
	}
	for _, f := range collector.Families() {
		known[f.Name] = true
		if f.Type == "histogram" {
			known[f.Name+"_bucket"], known[f.Name+"_sum"], known[f.Name+"_count"] = true, true, true
		}
	}
	_, records := rules(t)
	for _, r := range records {
		known[r.Record] = true
	}
	return known
}

var (
	// What is not a name of a metric: strings, matchers, ranges, offsets, and lists of labels.
	notNames = regexp.MustCompile(`\boffset \w+|"(?:[^"\\]|\\.)*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)
	names    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
	operator = []string{"and", "or", "unless", "bool"}
	// A query in a template is in the string that printf makes it of.
	queries = regexp.MustCompile(`printf "((?:[^"\\]|\\.)*)"[^|"}]*\| query`)
)

// metricsIn returns the names of metrics in an expression of PromQL.
func metricsIn(expr string) []string {
	var found []string
	expr = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(expr, "") // first, since a string may hold a brace
	for _, name := range names.FindAllString(notNames.ReplaceAllString(expr, " "), -1) {
		if !strings.HasSuffix(name, "(") && !slices.Contains(operator, strings.TrimSpace(name)) {
			found = append(found, strings.TrimSpace(name))
		}
	}
	return found
}

func TestMetricsIn(t *testing.T) {
	for expr, want := range map[string][]string{
		`max without (instance, pod) (last_over_time(healthcheck_status[2m])) == 0`:     {"healthcheck_status"},
		`a{x="}b",y=~"c"} / on (job) group_left () (d:e > 0) unless bool_ignored or up`: {"a", "d:e", "bool_ignored", "up"},
		`label_replace(vector(0.1), "objective", "90", "", "") and time() < 21 * 86400`: nil,
		`a offset 5m + b[2m] offset 1h`:                                   {"a", "b"},
		`sum_over_time(check:x:increase1h{result="ok"}[30d:1h]) > bool 1`: {"check:x:increase1h"},
	} {
		assert.Equal(t, want, metricsIn(expr), expr)
	}
}

func TestRulesUseMetricsThatExist(t *testing.T) {
	known := knownMetrics(t)
	alerts, records := rules(t)
	used := make(map[string]bool)
	for _, r := range slices.Concat(alerts, records) {
		found := metricsIn(r.Expr)
		for _, text := range r.Annotations {
			for _, q := range queries.FindAllStringSubmatch(text, -1) {
				found = append(found, metricsIn(strings.ReplaceAll(q[1], `\"`, `"`))...)
			}
		}
		for _, name := range found {
			used[name] = true
			assert.True(t, known[name], "%s%s uses %s, which nothing exports", r.Alert, r.Record, name)
		}
	}
	assert.True(t, used["healthcheck_status"] && used["healthcheck_info"], "names are found in expressions and templates")
}

var recordName = regexp.MustCompile(`^(?:(?:replica|check|job|objective):healthcheck_[a-z_]+|healthcheck:evaluations):[a-z0-9_]+$`)

func TestRulesAreWellFormed(t *testing.T) {
	alerts, records := rules(t)
	seen := make(map[string]bool)
	for _, r := range records {
		assert.Regexp(t, recordName, r.Record, "level:metric:operations")
		assert.False(t, seen[r.Record], "%s is recorded twice", r.Record)
		seen[r.Record] = true
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, a := range alerts {
		t.Run(a.Alert, func(t *testing.T) {
			assert.Regexp(t, `^Healthcheck[A-Z][A-Za-z]+$`, a.Alert)
			assert.True(t, a.Labels["severity"] != "" || strings.HasPrefix(a.Expr, "label_replace(") && strings.Contains(a.Expr, `"severity", "warning", "severity", "`))
			joined := strings.Contains(a.Expr, "check:healthcheck_info:state")
			for _, label := range []string{"reason", "kind", "target", "failing_since"} {
				value, there := a.Labels[label]
				assert.Equal(t, joined, there && value == "", "%s is taken off: it would make a new alert when it changes", label)
			}
			for _, key := range []string{"summary", "description", "dashboard_url"} {
				assert.NotEmpty(t, a.Annotations[key], key)
			}
			assert.Regexp(t, `^/d/healthcheck-(overview|check\?var-check=|exporter)`, a.Annotations["dashboard_url"])
			page, anchor, ok := strings.Cut(a.Annotations["runbook_url"], "#")
			require.True(t, ok)
			assert.Equal(t, "https://github.com/healthcheck-exporter/healthcheck_exporter/blob/main/alerts/README.md", page)
			assert.Equal(t, strings.ToLower(a.Alert), anchor)
			assert.True(t, regexp.MustCompile(`(?m)^#+ `+a.Alert+`$`).Match(readme), "heading that runbook_url points to")
			if strings.Contains(a.Annotations["dashboard_url"], "var-check") {
				assert.True(t, joined, "kind, target, reason and failing_since arrive")
				assert.Contains(t, a.Annotations["description"], "$labels.kind")
				assert.NotRegexp(t, `\bby \((check|job)`, a.Expr, "labels of the check must arrive")
				assert.NotContains(t, a.Annotations["description"], "query", "once for each of 20,000 alerts, at each evaluation")
			}
		})
	}
}

// Prometheus forgets a for of less than its grace period of ten minutes when it restarts, and Alertmanager ends an alert
// that it has not been sent for four. What waits for longer than the rest of that would be told as resolved, and again.
// With ten minutes or more, what fired fires again at the third evaluation; but not where a label of the rule is a template,
// for which Prometheus 3 then looks as it is.
func TestAlertsOutliveARestartOfPrometheus(t *testing.T) {
	for _, g := range decode[ruleGroups](t, rulesName).Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			assert.Equal(t, "15s", g.Interval, "%s: four times the longer of it and a minute is how long an alert lives", r.Alert)
			for name, value := range r.Labels {
				assert.NotContains(t, value, "{{", "%s: label %s", r.Alert, name)
			}
			if r.For == "" {
				continue
			}
			d, err := model.ParseDuration(r.For)
			require.NoError(t, err)
			assert.True(t, time.Duration(d) <= time.Minute || time.Duration(d) >= 10*time.Minute, "%s waits for %s", r.Alert, r.For)
		}
	}
}

// Every name with Healthcheck in front that the README and the example for Alertmanager mention is an alert.
func TestMentionedAlertsExist(t *testing.T) {
	alerts, _ := rules(t)
	exists := func(name string) bool {
		return slices.ContainsFunc(alerts, func(a rule) bool { return a.Alert == name })
	}
	for _, file := range []string{"README.md", "alertmanager.yml"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := regexp.MustCompile(`\bHealthcheck[A-Z][A-Za-z]+`).FindAllString(string(text), -1)
		require.NotEmpty(t, found, file)
		for _, name := range found {
			assert.True(t, exists(name), "%s mentions %s", file, name)
		}
	}
	var config struct {
		Rules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}
	data, err := os.ReadFile("alertmanager.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &config))
	require.NotEmpty(t, config.Rules)
	matcher := regexp.MustCompile(`^alertname =~? "(.+)"$`)
	for _, r := range config.Rules {
		for _, side := range [][]string{r.Source, r.Target} {
			m := matcher.FindStringSubmatch(side[0])
			require.NotNil(t, m, side[0])
			for _, part := range alternatives(m[1]) {
				pattern := regexp.MustCompile("^(?:" + part + ")$")
				assert.True(t, slices.ContainsFunc(alerts, func(a rule) bool { return pattern.MatchString(a.Alert) }), "no alert is called %s", part)
			}
		}
	}
}

// alternatives splits "A(B|C)" and "A|B" at the bars.
func alternatives(pattern string) []string {
	before, rest, group := strings.Cut(pattern, "(")
	if !group {
		return strings.Split(pattern, "|")
	}
	var all []string
	for part := range strings.SplitSeq(strings.TrimSuffix(rest, ")"), "|") {
		all = append(all, before+part)
	}
	return all
}

// testFile is the part of a file of promtool that is looked at.
type testFile struct {
	RuleFiles []string `yaml:"rule_files"`
	Tests     []struct {
		Name   string `yaml:"name"`
		Alerts []struct {
			Name     string `yaml:"alertname"`
			Expected []struct {
				Labels      map[string]string `yaml:"exp_labels"`
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
		Exprs []struct {
			Expr    string      `yaml:"expr"`
			Samples []yaml.Node `yaml:"exp_samples"`
		} `yaml:"promql_expr_test"`
	} `yaml:"tests"`
}

func testFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*_test.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// promtool runs the tests; this looks after there being one of each sort for each rule.
func TestEveryRuleIsTested(t *testing.T) {
	fires, silent, queried := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, name := range testFiles(t) {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		var f testFile
		require.NoError(t, yaml.Unmarshal(data, &f), name)
		assert.Equal(t, []string{rulesName}, f.RuleFiles, name)
		for _, test := range f.Tests {
			assert.NotEmpty(t, test.Name, name)
			for _, a := range test.Alerts {
				if len(a.Expected) == 0 {
					silent[a.Name] = true
				}
				for _, e := range a.Expected {
					fires[variant(a.Name, e.Labels)] = true
					for _, text := range e.Annotations {
						assert.NotRegexp(t, `<error|<no value>|%!|NaN`, text, "%s: %s", name, test.Name)
					}
				}
			}
			for _, e := range test.Exprs {
				for _, metric := range metricsIn(e.Expr) {
					queried[metric] = queried[metric] || len(e.Samples) > 0
				}
			}
		}
	}
	alerts, records := rules(t)
	for _, a := range alerts {
		assert.True(t, fires[variant(a.Alert, a.Labels)], "no test in which %s fires", variant(a.Alert, a.Labels))
		assert.True(t, silent[a.Alert], "no test in which %s stays silent", a.Alert)
	}
	for _, r := range records {
		assert.True(t, queried[r.Record], "no test that expects a value of %s", r.Record)
	}
}

// variant names a rule of an alert that has several, by the labels that tell them apart.
func variant(alert string, labels map[string]string) string {
	if alert == "HealthcheckExporterDown" || alert == "HealthcheckNoChecks" {
		return alert + " " + labels["severity"]
	}
	return strings.TrimSpace(alert + " " + labels["threshold"] + labels["burn"])
}
