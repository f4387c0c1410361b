package config_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
)

const groupFile = `
templates: {web: {interval: 10s, web: {headers: {A: "${SECRET}"}}}}
checks:
- endpoint: web-${target.host}
  template: web
  labels: {zone: "${target.labels.zone}"}
  web: {url: "https://${target.address}/$${target.host}/${SECRET}"}
  targets:
  - static: [a.example:443, {address: "[::1]:80", labels: {zone: b}}, {address: "gone.example:1", labels: {drop: "yes"}}]
  relabel: [{source_labels: [drop], regex: "yes", action: drop}]
`

func groupOptions() config.Options {
	o := testOptions()
	o.Lookup = func(name string) (string, bool) { return "hunter2${target.host}", name == "SECRET" }
	return o
}

func TestStaticTargets(t *testing.T) {
	cfg, err := config.Parse("c.yml", []byte(groupFile), groupOptions())
	require.NoError(t, err)
	require.Len(t, cfg.Checks, 2)
	a, b := cfg.Checks[0], cfg.Checks[1]
	assert.Equal(t, "web-a.example", a.Endpoint)
	assert.Equal(t, "web-a.example", a.Name)
	assert.Equal(t, 4, a.Line)
	assert.Equal(t, "10s", a.Interval.String())
	assert.Equal(t, map[string]string{"zone": ""}, a.Labels)
	assert.Equal(t, "https://a.example:443/${target.host}/hunter2${target.host}", webOf(t, a).URL, "what a variable holds is taken as it is")
	assert.Equal(t, "web-__1", b.Endpoint, "an endpoint is made of what cannot be one")
	assert.Equal(t, "web-::1", b.Name)
	assert.Equal(t, map[string]string{"zone": "b"}, b.Labels)
	require.Len(t, cfg.Groups, 1)
	assert.False(t, cfg.Groups[0].Dynamic())

	o := groupOptions()
	o.Previous = cfg.InUse()
	again, err := config.Parse("c.yml", []byte(groupFile), o)
	require.NoError(t, err)
	assert.Same(t, config.Unredacted(a.Checker), config.Unredacted(again.Checks[0].Checker), "the same check is taken over")
}

func TestFoundTargets(t *testing.T) {
	const file = `
checks:
- endpoint: web-${target.host}
  web: {url: "http://${target.address}", size: "${target.labels.size}"}
  targets: [{file: {files: [targets.json]}}]
- {endpoint: web-taken, noop: {}}
`
	o := testOptions()
	known := []discovery.Target{
		{ID: 1, Address: "a:80", Labels: map[string]string{"size": "1"}},
		{ID: 2, Address: "a:81", Labels: map[string]string{"size": "2"}},
		{ID: 3, Address: "taken:80", Labels: map[string]string{"size": "3"}},
		{ID: 4, Address: "bad:80", Labels: map[string]string{"size": "none"}},
		{ID: 5, Address: "b:80", Labels: map[string]string{"size": "5"}},
	}
	o.Targets = func(group string) []discovery.Target {
		assert.Equal(t, "web-${target.host}", group)
		return known
	}
	cfg, err := config.Parse("c.yml", []byte(file), o)
	require.NoError(t, err)
	assert.Equal(t, []string{"web-a", "web-b", "web-taken"}, endpoints(cfg), "the first stays, and what is written goes first")
	assert.Equal(t, config.Origin{Group: "web-${target.host}", ID: 5}, cfg.Checks[1].Origin)
	g := cfg.Groups[0]
	assert.True(t, g.Dynamic())
	inUse := cfg.InUse()

	made, err := g.Make(known[0], inUse)
	require.NoError(t, err)
	assert.Equal(t, inUse["web-a"].Fingerprint, made.Fingerprint)
	assert.Same(t, config.Unredacted(inUse["web-a"].Checker), config.Unredacted(made.Checker))
	_, err = g.Make(known[3], inUse)
	require.EqualError(t, err, `c.yml:4: checks[0].web.size: want a whole number, not a text`)
	made, err = g.Make(discovery.Target{ID: 6, Address: "c", Labels: map[string]string{"size": "6"}}, inUse)
	require.NoError(t, err, "a mistake in one concerns no other")
	assert.Equal(t, "web-c", made.Endpoint)
	assert.EqualValues(t, 6, webOf(t, made).Size)
}

func TestBrokenGroups(t *testing.T) {
	for name, tc := range map[string]struct{ check, want string }{
		"same endpoint":  {"endpoint: web\n  targets: [{static: [a, b]}]\n  noop: {}", "c.yml:2: checks[0].endpoint: is the same for each target: refer to the target in it, as in web-${target.host}"},
		"no source":      {"endpoint: '${target.host}'\n  targets: []\n  noop: {}", `c.yml:3: checks[0].targets: is empty: give a source of targets`},
		"two sources":    {"endpoint: '${target.host}'\n  targets: [{static: [a], file: {files: [b.yml]}}]\n  noop: {}", "c.yml:3: checks[0].targets[0]: has static and file: make them items of their own"},
		"unknown source": {"endpoint: '${target.host}'\n  targets: [{statics: [a]}]\n  noop: {}", `c.yml:3: checks[0].targets[0]: unknown key "statics"; did you mean "static"?`},
		"no targets":     {"endpoint: a\n  relabel: []\n  noop: {}", `c.yml:3: checks[0].relabel: says something of targets, and there are no "targets:"`},
		"body":           {"endpoint: '${target.host}'\n  targets: [{static: [a]}]\n  noop: {lvl: 1}", `c.yml:4: checks[0].noop: unknown key "lvl"; did you mean "level"?`},
		"two of one":     {"endpoint: '${target.host}'\n  targets: [{static: ['a:1', 'a:2']}]\n  noop: {}", `c.yml:2: checks[0].endpoint: "a" is already the endpoint of the check on line 2`},
		"no port":        {"endpoint: '${target.host}-${target.port}'\n  targets: [{static: [a]}]\n  noop: {}", "c.yml:2: checks[0]: the target has no port (for the target a)"},
		"sample":         {"endpoint: '${target.host}'\n  targets: [{file: {files: [a.yml]}}]\n  web: {}", "c.yml:4: checks[0].web.url: is missing"},
		"rule":           {"endpoint: '${target.host}'\n  targets: [{static: [a]}]\n  relabel: [{regex: '(', action: drop}]\n  noop: {}", "c.yml:4: checks[0].relabel[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("c.yml", []byte("checks:\n- "+tc.check+"\n"), testOptions())
			require.ErrorContains(t, err, tc.want)
			joined, ok := errors.AsType[interface {
				error
				Unwrap() []error
			}](err)
			require.True(t, ok)
			assert.Len(t, joined.Unwrap(), 1, err)
		})
	}
}

// The groups of a file that has mistakes now go on.
func TestGroupsOfABrokenFile(t *testing.T) {
	dir := t.TempDir()
	main := []string{filepath.Join(dir, "main.yml")}
	write(t, dir, map[string]string{"main.yml": mainFile, "teams/a.yml": "checks: [{endpoint: 'a-${target.host}', targets: [{file: {files: [t.yml]}}], noop: {}}]"})
	o := testOptions()
	o.Targets = func(string) []discovery.Target { return []discovery.Target{{ID: 1, Address: "x"}} }
	first, err := config.LoadFiles(main, o)
	require.NoError(t, err)
	assert.Contains(t, endpoints(first), "a-x")
	write(t, dir, map[string]string{"teams/a.yml": "oops"})
	o.Previous, o.Groups = first.InUse(), first.Groups
	second, err := config.LoadFiles(main, o)
	require.NoError(t, err)
	assert.Contains(t, second.Kept, "a-x")
	require.Len(t, second.Groups, 1)
	made, err := second.Groups[0].Make(discovery.Target{ID: 2, Address: "y"}, second.InUse())
	require.NoError(t, err)
	assert.Equal(t, "a-y", made.Endpoint)
}
