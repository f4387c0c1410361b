//go:build tools

package e2e_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// shorter is what all times are divided by, save where a test says otherwise. It makes the usual 15 s between two scrapes,
// and between two evaluations of most rules, one second.
const shorter = 15

// divisor is what times are divided by.
type divisor int

func (by divisor) duration(d time.Duration) time.Duration { return d / time.Duration(by) }

func (by divisor) shorten(duration string) (string, error) {
	d, err := model.ParseDuration(duration)
	if err != nil {
		return "", err
	}
	return model.Duration(by.duration(time.Duration(d))).String(), nil
}

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	ranges   = regexp.MustCompile(`\[(\d+[a-z]\w*)(:(?:\d+[a-z]\w*)?)?\]`)
	offsets  = regexp.MustCompile(`\boffset\s+(\d+[a-z]\w*)`)
	words    = regexp.MustCompile(`[\w.:]+`)
	duration = regexp.MustCompile(`\d+[a-z]\w*`)
)

// query divides the times in a query: ranges, offsets, steps of subqueries, and numbers that are seconds.
func (by divisor) query(query string) (string, error) {
	var out strings.Builder
	var errs []error
	plain := func(part string) {
		part, err := by.ranges(part)
		errs = append(errs, err)
		out.WriteString(words.ReplaceAllStringFunc(part, func(word string) string {
			switch n, _ := strconv.Atoi(word); n {
			case 60, 3600, 86400: // the only numbers in rules that are seconds
				return strconv.Itoa(n / int(by))
			}
			return word
		}))
	}
	end := 0
	for _, q := range quoted.FindAllStringIndex(query, -1) {
		plain(query[end:q[0]])
		out.WriteString(query[q[0]:q[1]])
		end = q[1]
	}
	plain(query[end:])
	return out.String(), errors.Join(errs...)
}

// ranges divides what cannot be anything else than a time, also in the queries of a template.
func (by divisor) ranges(text string) (string, error) {
	var errs []error
	for _, re := range []*regexp.Regexp{ranges, offsets} {
		text = re.ReplaceAllStringFunc(text, func(s string) string {
			return duration.ReplaceAllStringFunc(s, func(d string) string {
				d, err := by.shorten(d)
				errs = append(errs, err)
				return d
			})
		})
	}
	return text, errors.Join(errs...)
}

// rules returns a file of rules with all its times divided.
func (by divisor) rules(rules []byte) ([]byte, error) {
	return editScalars(rules, func(path []string, value string) (string, error) {
		switch path[len(path)-1] {
		case "for", "keep_firing_for", "interval":
			return by.shorten(value)
		case "expr":
			return by.query(value)
		}
		if slices.Contains(path, "annotations") {
			return by.ranges(value)
		}
		return value, nil
	})
}

// alertmanager returns a configuration with all its times divided, where every receiver that tells somebody posts to hook
// instead, at any time of the day; those with texts post these as well, below hook + "/texts/".
func (by divisor) alertmanager(config []byte, hook string) ([]byte, error) {
	config, err := editScalars(config, func(path []string, value string) (string, error) {
		switch path[len(path)-1] {
		case "group_wait", "group_interval", "repeat_interval", "resolve_timeout":
			return by.shorten(value)
		}
		return value, nil
	})
	if err != nil {
		return nil, err
	}
	var c map[string]any
	if err := yaml.Unmarshal(config, &c); err != nil {
		return nil, err
	}
	always(c["route"])
	receivers, _ := c["receivers"].([]any)
	for i, r := range receivers {
		if r, ok := r.(map[string]any); ok {
			receivers[i] = toWebhook(r, hook)
		}
	}
	return yaml.Marshal(c)
}

// always removes the times of the day from a route and those below it.
func always(route any) {
	r, ok := route.(map[string]any)
	if !ok {
		return
	}
	delete(r, "active_time_intervals")
	delete(r, "mute_time_intervals")
	routes, _ := r["routes"].([]any)
	for _, r := range routes {
		always(r)
	}
}

// toWebhook returns a receiver with the same name that posts to hook, or to nobody if the given one does.
func toWebhook(receiver map[string]any, hook string) map[string]any {
	name, _ := receiver["name"].(string)
	out := map[string]any{"name": name}
	for key, value := range receiver {
		list, ok := value.([]any)
		if !ok || !strings.HasSuffix(key, "_configs") || len(list) == 0 {
			continue
		}
		post := map[string]any{"url": hook}
		first, _ := list[0].(map[string]any)
		for _, option := range []string{"send_resolved", "max_alerts"} {
			if first[option] != nil {
				post[option] = first[option]
			}
		}
		out["webhook_configs"] = []any{post}
		texts := maps.Clone(first)
		switch key {
		case "slack_configs":
			delete(texts, "api_url_file")
			texts["api_url"] = hook + "/texts/" + name
		case "pagerduty_configs":
			delete(texts, "routing_key_file")
			texts["routing_key"], texts["url"] = "key", hook+"/texts/"+name
		default:
			continue
		}
		out[key] = []any{texts}
	}
	return out
}

// editScalars replaces the scalars of a YAML document by what edit returns for them. Path is the keys on the way there.
func editScalars(document []byte, edit func(path []string, value string) (string, error)) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	var walk func(n *yaml.Node, path []string) error
	walk = func(n *yaml.Node, path []string) error {
		switch n.Kind {
		case yaml.ScalarNode:
			value, err := edit(path, n.Value)
			if err != nil {
				return fmt.Errorf("line %d: %w", n.Line, err)
			}
			n.Value = value
		case yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				if err := walk(n.Content[i+1], append(slices.Clip(path), n.Content[i].Value)); err != nil {
					return err
				}
			}
		default:
			for _, child := range n.Content {
				if err := walk(child, path); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(&root, nil); err != nil {
		return nil, err
	}
	return yaml.Marshal(&root)
}

func TestShortenQuery(t *testing.T) {
	for query, want := range map[string]string{
		`max(last_over_time(healthcheck_status[2m]))`:           `max(last_over_time(healthcheck_status[8s]))`,
		`sum_over_time(x[30d:1h]) + y[1h30m:] offset 5m`:        `sum_over_time(x[2d:4m]) + y[6m:] offset 20s`,
		`clamp_min(3 * i, 60) < 21 * 86400 > 14.4`:              `clamp_min(3 * i, 4) < 21 * 5760 > 14.4`,
		`x{a="[2m] \" 60",b=~"[0-9]m"} offset   1d`:             `x{a="[2m] \" 60",b=~"[0-9]m"} offset   1h36m`,
		`check:healthcheck_runs:increase5m / 5 + on () p50_30m`: `check:healthcheck_runs:increase5m / 5 + on () p50_30m`,
		`1e5 * 99.60 + vector(0.0005)`:                          `1e5 * 99.60 + vector(0.0005)`,
	} {
		got, err := divisor(15).query(query)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestShortenRules(t *testing.T) {
	got, err := divisor(15).rules([]byte(`groups:
  - name: a 5m
    interval: 15s
    rules:
      - alert: A
        expr: |
          x[5m] > 60
        for: 1m
        keep_firing_for: 30m
        annotations:
          text: '{{ query "x[1h]" }} for 5 minutes, 60 % of [1m]'
`))
	require.NoError(t, err)
	assert.YAMLEq(t, `groups:
  - name: a 5m
    interval: 1s
    rules:
      - alert: A
        expr: |
          x[20s] > 4
        for: 4s
        keep_firing_for: 2m
        annotations:
          text: '{{ query "x[4m]" }} for 5 minutes, 60 % of [4s]'
`, string(got))
	_, err = divisor(15).rules([]byte("groups: [{rules: [{for: soon}]}]"))
	assert.ErrorContains(t, err, "soon")
}

func TestShortenAlertmanager(t *testing.T) {
	got, err := divisor(15).alertmanager([]byte(`
global: {resolve_timeout: 5m}
route:
  receiver: mail
  group_wait: 30s
  routes:
    - {receiver: nobody, repeat_interval: 1d, active_time_intervals: [day]}
time_intervals: [{name: day}]
receivers:
  - name: nobody
  - name: mail
    email_configs: [{to: a@example.com, send_resolved: false}]
  - name: bridge
    webhook_configs: [{url_file: secret, max_alerts: 50}]
  - name: chat
    slack_configs: [{api_url_file: secret, title: x}]
  - name: pager
    pagerduty_configs: [{routing_key_file: secret, description: x}]
`), "http://hook")
	require.NoError(t, err)
	assert.YAMLEq(t, `
global: {resolve_timeout: 20s}
route:
  receiver: mail
  group_wait: 2s
  routes:
    - {receiver: nobody, repeat_interval: 1h36m}
time_intervals: [{name: day}]
receivers:
  - name: nobody
  - name: mail
    webhook_configs: [{url: http://hook, send_resolved: false}]
  - name: bridge
    webhook_configs: [{url: http://hook, max_alerts: 50}]
  - name: chat
    webhook_configs: [{url: http://hook}]
    slack_configs: [{api_url: http://hook/texts/chat, title: x}]
  - name: pager
    webhook_configs: [{url: http://hook}]
    pagerduty_configs: [{routing_key: key, url: http://hook/texts/pager, description: x}]
`, string(got))
}
