//go:build tools

package e2e_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// shorter is what all times are divided by. It makes the usual 15 s between two scrapes, and between two evaluations of
// most rules, one second.
const shorter = 15

func shorten(duration string) (string, error) {
	d, err := model.ParseDuration(duration)
	if err != nil {
		return "", err
	}
	return model.Duration(time.Duration(d) / shorter).String(), nil
}

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	ranges   = regexp.MustCompile(`\[(\d+[a-z]\w*)(:(?:\d+[a-z]\w*)?)?\]`)
	offsets  = regexp.MustCompile(`\boffset\s+(\d+[a-z]\w*)`)
	words    = regexp.MustCompile(`[\w.:]+`)
	duration = regexp.MustCompile(`\d+[a-z]\w*`)
)

// shortenQuery divides the times in a query: ranges, offsets, steps of subqueries, and numbers that are seconds.
func shortenQuery(query string) (string, error) {
	var out strings.Builder
	var errs []error
	plain := func(part string) {
		part, err := shortenRanges(part)
		errs = append(errs, err)
		out.WriteString(words.ReplaceAllStringFunc(part, func(word string) string {
			switch n, _ := strconv.Atoi(word); n {
			case 60, 3600, 86400: // the only numbers in rules that are seconds
				return strconv.Itoa(n / shorter)
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

// shortenRanges divides what cannot be anything else than a time, also in the queries of a template.
func shortenRanges(text string) (string, error) {
	var errs []error
	for _, re := range []*regexp.Regexp{ranges, offsets} {
		text = re.ReplaceAllStringFunc(text, func(s string) string {
			return duration.ReplaceAllStringFunc(s, func(d string) string {
				d, err := shorten(d)
				errs = append(errs, err)
				return d
			})
		})
	}
	return text, errors.Join(errs...)
}

// shortenRules returns a file of rules with all its times divided.
func shortenRules(rules []byte) ([]byte, error) {
	return editScalars(rules, func(path []string, value string) (string, error) {
		switch path[len(path)-1] {
		case "for", "keep_firing_for", "interval":
			return shorten(value)
		case "expr":
			return shortenQuery(value)
		}
		if slices.Contains(path, "annotations") {
			return shortenRanges(value)
		}
		return value, nil
	})
}

// shortenAlertmanager returns a configuration with all its times divided, where every receiver that tells somebody posts
// to hook instead, at any time of the day.
func shortenAlertmanager(config []byte, hook string) ([]byte, error) {
	config, err := editScalars(config, func(path []string, value string) (string, error) {
		switch path[len(path)-1] {
		case "group_wait", "group_interval", "repeat_interval", "resolve_timeout":
			return shorten(value)
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
	out := map[string]any{"name": receiver["name"]}
	for key, value := range receiver {
		list, ok := value.([]any)
		if !ok || !strings.HasSuffix(key, "_configs") || len(list) == 0 {
			continue
		}
		post := map[string]any{"url": hook}
		if first, ok := list[0].(map[string]any); ok && first["send_resolved"] != nil {
			post["send_resolved"] = first["send_resolved"]
		}
		out["webhook_configs"] = []any{post}
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
		got, err := shortenQuery(query)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestShortenRules(t *testing.T) {
	got, err := shortenRules([]byte(`groups:
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
	_, err = shortenRules([]byte("groups: [{rules: [{for: soon}]}]"))
	assert.ErrorContains(t, err, "soon")
}

func TestShortenAlertmanager(t *testing.T) {
	got, err := shortenAlertmanager([]byte(`
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
`, string(got))
}
