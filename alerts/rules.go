package alerts

import (
	"bytes"
	_ "embed" // for the rules and their parameters
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
)

//go:embed rules.yml.tmpl
var rulesTemplate string

//go:embed parameters.yml
var defaultParameters []byte

// Parameters is what may be changed in the rules. The zero value is not of use: begin with [Default] or [Parse].
type Parameters struct {
	Disabled []string                     // names of alerts that are left out
	Sections map[string]map[string]string // values by section and name, as in parameters.yml
}

// Default returns the parameters of parameters.yml.
func Default() Parameters {
	p, err := parse(defaultParameters)
	if err != nil {
		panic(err) // it is embedded, and tested
	}
	return p
}

// Parse returns the default parameters with what a YAML document of the form of parameters.yml changes in them. It
// reports every mistake at once.
func Parse(document []byte) (Parameters, error) {
	changed, err := parse(document)
	if err != nil {
		return Parameters{}, err
	}
	p := Default()
	if len(changed.Disabled) > 0 {
		p.Disabled = changed.Disabled
	}
	var errs []error
	for section, values := range changed.Sections {
		for name, value := range values {
			old, known := p.Sections[section][name]
			if !known {
				errs = append(errs, fmt.Errorf("%s.%s: there is no such parameter", section, name))
			} else if err := likeDefault(name, old, value); err != nil {
				errs = append(errs, fmt.Errorf("%s.%s: %w", section, name, err))
			} else {
				p.Sections[section][name] = value
			}
		}
	}
	for _, alert := range p.Disabled {
		if !strings.Contains(rulesTemplate, alertLine(alert)) {
			errs = append(errs, fmt.Errorf("disabled: there is no alert %q", alert))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return p, errors.Join(errs...)
}

func parse(document []byte) (Parameters, error) {
	var raw map[string]yaml.Node
	if err := yaml.Unmarshal(document, &raw); err != nil {
		return Parameters{}, err
	}
	p := Parameters{Sections: make(map[string]map[string]string)}
	for key, node := range raw {
		var err error
		if key == "disabled" {
			err = node.Decode(&p.Disabled)
		} else {
			var values map[string]string
			err = node.Decode(&values)
			p.Sections[key] = values
		}
		if err != nil {
			return Parameters{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	return p, nil
}

var (
	word     = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	plainURL = regexp.MustCompile(`^[^\s'"{}]*$`)
)

// likeDefault reports what keeps a value from being of the kind of the default: a duration, a number, a word or an address.
func likeDefault(name, old, value string) error {
	if _, err := model.ParseDuration(old); err == nil {
		d, err := model.ParseDuration(value)
		switch {
		case err != nil:
			return err
		case d == 0:
			return errors.New("a duration must be positive")
		case isFor(name) && time.Duration(d) > time.Minute && time.Duration(d) < 10*time.Minute:
			return fmt.Errorf("a for of %s begins anew when Prometheus restarts: at most 1m or at least 10m", value)
		}
		return nil
	}
	if _, err := strconv.ParseFloat(old, 64); err == nil {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n > 0) {
			return fmt.Errorf("%q is not a positive number", value)
		}
		return nil
	}
	if word.MatchString(old) {
		if !word.MatchString(value) {
			return fmt.Errorf("%q is not a word", value)
		}
		return nil
	}
	if !plainURL.MatchString(value) {
		return fmt.Errorf("%q is not an address", value)
	}
	return nil
}

func isFor(name string) bool {
	return name == "for" || strings.HasSuffix(name, "_for") && !strings.HasSuffix(name, "keep_firing_for")
}

// Placeholders returns parameters whose values are @section.name@, for those who replace them in the rules, as the Helm
// chart does.
func Placeholders() Parameters {
	p := Default()
	for section, values := range p.Sections {
		for name := range values {
			values[name] = "@" + section + "." + name + "@"
		}
	}
	return p
}

// Rules returns the rules as the content of a file for Prometheus.
func (p Parameters) Rules() ([]byte, error) {
	t, err := template.New("rules").Delims("<<", ">>").Option("missingkey=error").Funcs(functions).Parse(rulesTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p.Sections); err != nil {
		return nil, err
	}
	rules := b.Bytes()
	for _, alert := range p.Disabled {
		rules = regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(alertLine(alert))+`\n(        .*\n)*`).ReplaceAll(rules, nil)
	}
	return rules, nil
}

func alertLine(alert string) string { return "      - alert: " + alert }

// PrometheusRule returns rules as a resource of the Prometheus Operator: the same lines, two spaces further in.
func PrometheusRule(rules []byte) []byte {
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

// What expressions have in common. Each function returns lines of PromQL, indented for where it is used.
var functions = template.FuncMap{
	"silent":   func(alert string) string { return unlessStarting("silenced", alert, nil) },
	"quiet":    func(alert string, own ...string) string { return unlessStarting("quiet", alert, own) },
	"context":  withContext,
	"held":     heldWhileDown,
	"lasting":  lasting,
	"until":    until,
	"severity": func(def string) string { return severity(def, "") },
	"early":    func(def string) string { return severity(def, notInfo) },
	"link":     link,
}

// notInfo matches every severity but info, as a regular expression without a look ahead.
const notInfo = "|[^i].*|i([^n].*)?|in([^f].*)?|inf([^o].*)?|info.+"

// severity ends a label_replace that gives alerts a severity in place of those that match.
func severity(def, match string) string {
	return fmt.Sprintf(`"severity", "%s", "severity", "%s")`, def, match)
}

func lines(indent int, text ...string) string {
	return strings.Join(text, "\n"+strings.Repeat(" ", indent))
}

// unlessStarting leaves out the checks of which an alert may not start, save those for which it fires already. Own are
// labels that the alert has and the check has not.
func unlessStarting(why, alert string, own []string) string {
	outer := ""
	if len(own) > 0 {
		outer = "ignoring (" + strings.Join(own, ", ") + ") "
	}
	return lines(12,
		"unless "+outer+"(",
		"  check:healthcheck_"+why+":max",
		"  unless ignoring ("+strings.Join(slices.Concat([]string{"alertname", "alertstate", "severity"}, own), ", ")+")",
		`  ALERTS{alertname="`+alert+`",alertstate="firing"}`,
		")")
}

// withContext adds the labels that annotations need, those of the last evaluation.
func withContext(own ...string) string {
	const labels = "kind, target, reason, failing_since"
	return lines(10,
		"+ ignoring ("+strings.Join(append(own, labels), ", ")+") group_left ("+labels+")",
		"0 * (check:healthcheck_info:state >= scalar(healthcheck:evaluations:info))")
}

// heldWhileDown is what fired when the last exporter of its job went down.
func heldWhileDown(alert string) string {
	return lines(10,
		"(",
		`  max without (alertname, alertstate) (ALERTS{alertname="`+alert+`",alertstate="firing"})`,
		"  and on (cluster, namespace, job)",
		`  ALERTS{alertname="HealthcheckExporterDown",alertstate="firing",instance=""}`,
		")")
}

// lasting is a recorded series that was there then and in every evaluation since.
func lasting(series, d string) string {
	return lines(10,
		series,
		"and "+series+" offset "+d,
		"and count_over_time("+series+"["+d+"])",
		"  == on () group_left () count_over_time(healthcheck:evaluations:exporter["+d+"])")
}

// until is the time at which something that is so now, or was when the series was recorded, is over for those who wait for
// a run to see it: an interval, the run, and two minutes for scrapes and the alert; or as the parameter says, if that is longer.
func until(now, series string, p map[string]map[string]string) string {
	shortest := p["silence"]["minutes"] + " * 60"
	return lines(10,
		"0 * "+now+" + time()",
		"+ clamp_min(replica:healthcheck_recovery_seconds:max, "+shortest+")",
		"or",
		"0 * "+now+" + time() + "+shortest,
		"or",
		"last_over_time("+series+"[5m]) > time()")
}

type links struct{ Runbook, Dashboard string }

// link returns where an alert leads: to a dashboard, or else to that of the check.
func link(p map[string]map[string]string, alert string, dashboard ...string) links {
	l := links{
		Runbook:   p["links"]["runbooks"] + "#" + strings.ToLower(alert),
		Dashboard: p["links"]["dashboards"] + "/d/healthcheck-check?var-check={{ $labels.check }}",
	}
	if len(dashboard) > 0 {
		l.Dashboard = p["links"]["dashboards"] + "/d/healthcheck-" + dashboard[0]
	}
	return l
}
